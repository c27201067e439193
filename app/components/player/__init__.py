"""The synchronised player."""
