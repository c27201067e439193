"""Measures how fast models, training, data and the program itself are on this machine."""
