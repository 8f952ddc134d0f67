"""Checks of the claims on in-context linear regression."""
