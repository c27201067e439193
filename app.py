"""Start AVSeg Explorer: `python app.py`, or `gradio app.py` to reload on every edit."""

import os

# Gradio's reloader would replace the package `app` by this file.
if os.environ.get("GRADIO_WATCH_MODULE_NAME") == "app":
    os.environ["GRADIO_WATCH_MODULE_NAME"] = "__main__"

from app.page import build, serve

demo = build()

if __name__ == "__main__":
    serve(demo)
