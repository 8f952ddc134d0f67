"""Figures of the study of modular addition: stores and tables in, drawn figures out."""
