"""Checks of the claims on language models."""
