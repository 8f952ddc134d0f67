"""Tests on a throw-away Slurm."""
