"""The Gradio app: the face of avseg. It holds no model code and writes only below its own cache."""

from app.services import gradio_stubs

gradio_stubs.install()

import app.services.gpu  # noqa: E402, F401 (before torch and gradio)
