"""Pictures that are held for a while, as MP4 and GIF."""

import numpy as np
import pytest
from PIL import Image

from avseg.errors import ConfigError
from avseg.media.audio import SAMPLE_RATE
from avseg.media.video import STILLS_RATE, write_stills
from tests.support.media import pictures_of, sound_of

GREYS = (40, 120, 200)
STILLS = [np.full((33, 48, 3), grey, np.uint8) for grey in GREYS]
TIMES, DURATION = (0.2, 1.0, 1.5), 2.0
TONE = np.sin(np.arange(2 * SAMPLE_RATE) / 8).astype(np.float32)


def test_a_video_holds_every_picture_until_the_next_and_has_the_sound(tmp_path):
    path = write_stills(tmp_path / "a.mp4", STILLS, TIMES, DURATION, TONE)
    shown = pictures_of(path, (32, 48)).mean((1, 2, 3))
    nearest = [min(GREYS, key=lambda grey: abs(grey - value)) for value in shown]
    lasts = [round(STILLS_RATE * seconds) for seconds in (1.0, 0.5, 0.5)]
    assert nearest == [grey for grey, count in zip(GREYS, lasts, strict=True) for _ in range(count)]
    assert len(sound_of(path)) / SAMPLE_RATE == pytest.approx(DURATION, abs=0.1)


def test_a_gif_holds_every_picture_until_the_next(tmp_path):
    with Image.open(write_stills(tmp_path / "a.gif", STILLS, TIMES, DURATION, TONE)) as gif:
        seen = []
        for index in range(gif.n_frames):
            gif.seek(index)
            seen.append((gif.convert("RGB").getpixel((5, 5))[0], gif.info["duration"]))
    assert seen == list(zip(GREYS, (1000, 500, 500), strict=True))
    with pytest.raises(ConfigError, match=r"must be [.]mp4 or [.]gif"):
        write_stills(tmp_path / "a.avi", STILLS, TIMES, DURATION, TONE)
