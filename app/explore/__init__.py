"""What the Explore tab shows of a data set on disk; no Gradio in here."""
