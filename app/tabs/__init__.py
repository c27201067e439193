"""One module per tab; each has `add(frame)`, called inside the page's `gr.Tabs`."""
