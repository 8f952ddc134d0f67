"""Checks of the claims on the LLC as an instrument."""
