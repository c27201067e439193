"""What the Evaluate tab starts, keeps, reads and draws; no Gradio in here."""
