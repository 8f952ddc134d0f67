"""Figures of the study of language models: stores and tables in, drawn figures out."""
