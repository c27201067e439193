"""Before, after and difference as files."""

import numpy as np
import pytest
from PIL import Image

from avseg.errors import ConfigError
from avseg.interventions.run import Change, what_if
from avseg.interventions.side_by_side import GAP, HEAD, PANEL, write_side_by_side
from avseg.media.clip import read_clip
from avseg.media.draw import MISS
from avseg.predict import Predictor
from tests.support.media import LOSSLESS, SINE, ffmpeg, halves, pictures_of, sound_of
from tests.support.stand_in_model import BrightAndLoud

HEIGHT = PANEL * 64 // 96


@pytest.fixture(scope="module")
def muted(tmp_path_factory):
    """A clip of two seconds whose bright upper half is masked before, and nothing without sound."""
    folder = tmp_path_factory.mktemp("clip")
    sound = ("-f", "lavfi", "-t", "2", "-i", SINE)
    ffmpeg("-i", halves(folder / "silent.mp4", 2), *sound, *LOSSLESS, folder / "a.mp4")
    predictor, changes = Predictor(BrightAndLoud(), "cpu"), [Change("mute")]
    clip = read_clip(folder / "a.mp4")
    before, after = predictor.predict(clip), what_if(predictor, clip, changes)
    assert before.foreground.min() > 0.4 and not after.foreground.any()
    return before, after, changes


def middle(picture: np.ndarray, panel: int, share: float) -> tuple[int, ...]:
    """Return the colour of a panel in its middle, at a share of its height."""
    return tuple(picture[HEAD + int(share * HEIGHT), GAP + panel * (PANEL + GAP) + PANEL // 2])


def test_a_picture_shows_what_was_there_only_before(muted, tmp_path):
    picture = np.asarray(Image.open(write_side_by_side(tmp_path / "a.png", *muted)))
    assert middle(picture, 1, 0.25) == (255, 255, 255) and middle(picture, 1, 0.75) == (0, 0, 0)
    assert middle(picture, 0, 0.25) != (255, 255, 255) and middle(picture, 0, 0.75) == (0, 0, 0)
    red, _, blue = (int(value) for value in middle(picture, 2, 0.25))
    assert blue > red + 80 and np.argmax(MISS) == 2
    assert middle(picture, 2, 0.75) == (0, 0, 0)


def test_the_video_has_every_picture_and_the_changed_sound(muted, tmp_path):
    path, seen = tmp_path / "a.mp4", []
    write_side_by_side(path, *muted, on_progress=lambda done, total: seen.append((done, total)))
    width, height = Image.open(write_side_by_side(tmp_path / "a.png", *muted)).size
    pictures = pictures_of(path, (height, width))
    assert len(pictures) == 20 == len(seen) and seen[-1] == (20, 20)
    assert np.abs(sound_of(path)).max() < 1e-3 < np.abs(sound_of(muted[0].clip.path)).max()


def test_a_gif_has_a_picture_per_frame(muted, tmp_path):
    with Image.open(write_side_by_side(tmp_path / "a.gif", *muted)) as gif:
        assert gif.n_frames == 2 and gif.info["duration"] == 1000 and gif.info["loop"] == 0


def test_what_cannot_be_written_is_said_first_and_leaves_nothing(muted, tmp_path):
    with pytest.raises(ConfigError, match=r"must be [.]png, [.]gif, [.]mp4"):
        write_side_by_side(tmp_path / "a.webm", *muted)
    with pytest.raises(ConfigError, match="no frame 3: choose 1 to 2"):
        write_side_by_side(tmp_path / "a.png", *muted, frame=2)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    for kind in ("gif", "mp4"):
        with pytest.raises(KeyboardInterrupt):
            write_side_by_side(tmp_path / f"a.{kind}", *muted, on_progress=stop)
    assert not list(tmp_path.iterdir())
