"""Activations of a forward pass: recording, inspection, maps; statistics of the masks."""
