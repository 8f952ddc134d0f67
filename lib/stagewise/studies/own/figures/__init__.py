"""Figures of one's own checkpoints."""
