"""Activations of a forward pass: recording, inspection, maps."""
