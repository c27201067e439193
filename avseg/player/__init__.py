"""The player: a clip with its masks on one timeline, for the page and for files that are opened from disk."""
