"""Converts data of any origin to AVSBench's folder format: one reader per kind of source, one writer."""
