"""`python -m app`: the same as `python app.py`."""

from app.page import build, serve

if __name__ == "__main__":
    serve(build())
