"""The Inside tab's parts: what can be chosen, the views of one frame, and the map that opens them."""
