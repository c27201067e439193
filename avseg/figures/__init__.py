"""Figures for papers and slides, as PNG and PDF: the mixer's channels, and masks of several models."""
