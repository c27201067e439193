"""What stands behind the What if tab: a change and its effect, in words and as HTML."""
