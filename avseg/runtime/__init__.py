"""Runs a model faster than as written: exact rewrites, and 16-bit arithmetic where the hardware has it."""
