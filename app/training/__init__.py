"""What the Train tab offers, checks, starts, watches and draws; no Gradio in here."""
