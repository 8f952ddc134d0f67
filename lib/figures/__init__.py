"""Figures: tables and datasets in, matplotlib figures out."""
