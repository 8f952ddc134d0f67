"""Checkpoints of somebody's own network: its subject comes from a factory of theirs."""
