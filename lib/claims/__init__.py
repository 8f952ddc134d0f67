"""Checks of the claims in config/claims.yaml: stores and tables in, verdicts out."""
