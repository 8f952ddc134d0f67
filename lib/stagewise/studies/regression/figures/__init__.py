"""Figures of the study of in-context linear regression: stores and tables in, drawn figures out."""
