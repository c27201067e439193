"""Evaluation: counts per clip, metrics, reports."""
