"""Checks of the claims on S-curves."""
