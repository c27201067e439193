"""Pictures inside HTML."""

import base64
import io

import numpy as np
from PIL import Image


def jpeg_uri(picture: np.ndarray, quality: int = 85) -> str:
    """Return a picture uint8 [H, W, 3] or [H, W] as a data URI, so that a page asks for no file."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=quality)
    return data_uri(data.getvalue())


def data_uri(jpeg: bytes) -> str:
    """Return the data URI of a JPEG file."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
