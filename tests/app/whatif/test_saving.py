"""The last run of What if as files."""

from pathlib import Path

from PIL import Image

from app.whatif import handlers, saving
from avseg.interventions.run import Change
from tests.support.media import banner_of


def test_the_last_run_is_saved_as_each_kind(models):
    assert saving.save(".png", 0).file is None  # before the first run
    handlers.run([Change("mute")], "dog-and-guitar", "local", lambda *_, **__: None)
    path = Path(saving.save(".png", 2).file)
    assert path.name == "dog-and-guitar-mute-frame-3.png" and Image.open(path).width > 1400
    for frame in (99, None, "2"):  # the selected frame instead
        assert Path(saving.save(".png", frame).file).name.endswith("frame-1.png")
    with Image.open(saving.save(".gif", 0).file) as gif:
        assert gif.n_frames == 5
    banner = banner_of(saving.save(".mp4", 0).file)
    assert "Video: h264" in banner and "Audio: aac" in banner and "00:00:05" in banner
    assert saving.save("/../x.png", 0).file is None
