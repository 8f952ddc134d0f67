"""Modular addition: task, network and training, after the grokking dialogue."""
