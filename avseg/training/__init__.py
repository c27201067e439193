"""Training: the loop and everything a run needs."""
