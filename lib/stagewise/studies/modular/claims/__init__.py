"""Checks of the claims on modular addition."""
