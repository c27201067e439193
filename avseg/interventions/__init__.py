"""Changes to the audio or the model, and their effect on the masks."""
