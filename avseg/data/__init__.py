"""Data sets: AVSBench on disk, labels, loaders and the transforms that models take."""
