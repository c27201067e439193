"""The bundled clips as the page offers them."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.services import clips
from app.services.clips import THUMBNAIL, bundled, draw_thumbnail, thumbnail


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB"), float)


@pytest.mark.parametrize("name", bundled())
def test_the_thumbnail_of_every_clip_is_bundled(name, monkeypatch):
    monkeypatch.setattr(clips, "read_clip", None)  # nothing is decoded when the page starts
    thumbnail.cache_clear()
    assert decoded(thumbnail(name)).shape == (*THUMBNAIL, 3)


def test_a_bundled_thumbnail_is_the_clip_s_own_picture_as_one_without_would_be_drawn(tmp_path, monkeypatch):
    name = next(iter(bundled()))
    shipped = decoded(thumbnail(name))
    assert np.abs(shipped - draw_thumbnail(bundled()[name].path)).mean() < 4
    others = [decoded(thumbnail(other)) for other in bundled() if other != name]
    assert all(np.abs(shipped - other).mean() > 12 for other in others)
    thumbnail.cache_clear()
    path = bundled()[name]
    monkeypatch.setattr(clips, "bundled", lambda: {name: path})
    monkeypatch.setattr(clips, "FOLDER", tmp_path)
    assert np.abs(decoded(thumbnail(name)) - shipped).mean() < 1
    thumbnail.cache_clear()
