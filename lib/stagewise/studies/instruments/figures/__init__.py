"""Figures of the study of the LLC as an instrument: stores and tables in, drawn figures out."""
