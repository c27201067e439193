"""What the tabs share and that needs no Gradio."""
