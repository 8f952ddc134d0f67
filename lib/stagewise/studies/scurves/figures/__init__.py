"""Figures of the study of S-curves: stores and tables in, drawn figures out."""
