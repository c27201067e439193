"""Clips: reading, audio, drawing and writing."""
