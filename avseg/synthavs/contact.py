"""The contact sheet of SynthAVS: every class with a few of its styles and a log-mel spectrogram.

`python -m avseg.synthavs.contact assets/synthavs-classes.png` draws it; the same code gives the same bytes.
"""

import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from avseg.data.labels import CLASS_INDEX
from avseg.media.audio import MEL_HIGH, MEL_LOW, log_mel
from avseg.media.draw import spectrogram
from avseg.synthavs.objects import NAMES, POSES, banked
from avseg.synthavs.sounds import synthesise

STYLES = (("train", 19), ("train", 3), ("test", 4))  # split and variant; a choice that shows many makes
SECONDS = 3
WIDTH = 1600
_COLUMNS = 2
_MARGIN, _GAP, _HEAD, _FOOT = 44, 52, 128, 52
_TITLE, _BAND, _ROW = 30, 128, 188  # heights: name, images, whole row
_STYLE, _SPACE = 140, 12  # width of one image; gap before the spectrogram
_PAGE, _PANEL, _LINE = "#FAFAF8", "#ECECE6", "#E5E5DF"
_INK, _INK_2, _INK_3 = "#1B1C20", "#4D4F56", "#676A72"


def draw_sheet(names: tuple[str, ...] = NAMES) -> Image.Image:
    """Return the sheet of these classes as an RGB image WIDTH wide, in the order of AVSBench's index."""
    names = tuple(sorted(names, key=CLASS_INDEX.__getitem__))
    rows = -(-len(names) // _COLUMNS)
    page = Image.new("RGB", (WIDTH, _HEAD + rows * _ROW + _FOOT), _PAGE)
    pen = ImageDraw.Draw(page)
    wide = (WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _GAP) // _COLUMNS
    _heading(pen, len(names), wide)
    for place, name in enumerate(names):
        column, row = divmod(place, rows)
        _entry(page, pen, name, _MARGIN + column * (wide + _GAP), _HEAD + row * _ROW, wide)
    note = "Drawn and synthesised by avseg.data.synth; no recordings, no photographs."
    _write(pen, (_MARGIN, page.height - 34), note, 14, _INK_3)
    return page


def _write(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, ink: str, to: str = "l"
) -> None:
    """Write one line on the base line at `at`; to = "l" starts there, "m" is centred, "r" ends there."""
    pen.text(at, text, ink, ImageFont.load_default(size), anchor=f"{to}s")


def _heading(pen: ImageDraw.ImageDraw, count: int, wide: int) -> None:
    _write(pen, (_MARGIN, 52), f"The {count} classes of SynthAVS", 26, _INK)
    about = "Class names and numbers are AVSBench's. Train and test never share a style."
    _write(pen, (_MARGIN, 80), about, 16, _INK_2)
    for column in range(_COLUMNS):
        left = _MARGIN + column * (wide + _GAP)
        for place, (split, _) in enumerate(STYLES):
            _write(pen, (left + place * _STYLE + _STYLE // 2, _HEAD - 12), split, 14, _INK_3, "m")
        caption = f"{SECONDS} s of sound, {MEL_LOW:.0f} Hz to {MEL_HIGH / 1000:g} kHz, log-mel"
        _write(pen, (left + wide, _HEAD - 12), caption, 14, _INK_3, "r")


def _entry(page: Image.Image, pen: ImageDraw.ImageDraw, name: str, x: int, y: int, wide: int) -> None:
    """Draw one class: name and index above, images on a plain background, a spectrogram next to them."""
    _write(pen, (x, y + 20), name, 18, _INK)
    _write(pen, (x + wide, y + 20), f"index {CLASS_INDEX[name]}", 14, _INK_3, "r")
    top, ground = y + _TITLE, len(STYLES) * _STYLE
    pen.rounded_rectangle((x, top, x + ground - 1, top + _BAND - 1), 4, _PANEL)
    for place, (split, variant) in enumerate(STYLES):
        picture = banked(name, split, variant)[place % len(POSES)]
        scale = min((_STYLE - 16) / picture.width, (_BAND - 20) / picture.height)
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        left = x + place * _STYLE + (_STYLE - size[0]) // 2
        page.paste(picture, (left, top + _BAND - 10 - size[1]), picture)
    page.paste(_sound(name, (_BAND, wide - ground - _SPACE)), (x + ground + _SPACE, top))


def _sound(name: str, size: tuple[int, int]) -> Image.Image:
    """Return the log-mel spectrogram of one synthesised sound as an image of size (H, W)."""
    waveform = synthesise(name, np.random.default_rng(zlib.crc32(name.encode())), float(SECONDS))
    rows = np.round(4 * log_mel(waveform).numpy()) / 4  # invisible; a third less to store
    picture = Image.fromarray(spectrogram(rows)).resize(size[::-1], Image.Resampling.NEAREST)
    ImageDraw.Draw(picture).rectangle((0, 0, size[1] - 1, size[0] - 1), outline=_LINE)
    return picture


def write_sheet(path: Path | str) -> Path:
    """Write the sheet of all classes as a PNG file and return its path; missing folders are created."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_sheet().save(path, "PNG", optimize=True)
    return path


if __name__ == "__main__":
    print(write_sheet(sys.argv[1] if len(sys.argv) > 1 else "assets/synthavs-classes.png"))
