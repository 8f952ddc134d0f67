"""Modular addition: task, network and training (seed 002)."""
