"""The Gradio app: the face of avseg. It holds no model code and writes only below its own cache."""

import app.services.gpu  # noqa: F401 (before torch and gradio)
