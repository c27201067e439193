"""A white picture on which text and pictures are placed, for files that show several pictures together."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from avseg.data.labels import Colour
from avseg.media.draw import resize

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

INK: Colour = (27, 28, 32)
INK_2: Colour = (103, 106, 114)
WHITE: Colour = (255, 255, 255)
ELLIPSIS = "…"


class Sheet:
    """A white picture of fixed size; positions and sizes are in pixels from the top left corner."""

    def __init__(self, width: int, height: int):
        self._image = Image.new("RGB", (width, height), WHITE)
        self._pen = ImageDraw.Draw(self._image)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: int = 14,
        colour: Colour = INK,
        bold: bool = False,
        most: float | None = None,
        right: bool = False,
    ) -> float:
        """Write a line whose middle is at y, and return its width; it starts at x, or ends there if `right`.

        most: width at which the line is cut off with an ellipsis.
        """
        font = _font(size, bold)
        if most is not None and font.getlength(text) > max(most, 0):
            while text and font.getlength(text + ELLIPSIS) > most:
                text = text[:-1]
            text = text.rstrip() + ELLIPSIS if text else ""
        self._pen.text((x, y), text, colour, font, anchor="rm" if right else "lm")
        return font.getlength(text)

    def picture(
        self, x: int, y: int, picture: np.ndarray, size: tuple[int, int], cells: bool = False
    ) -> None:
        """Place a picture uint8 [h, w, 3] at size (height, width); cells: enlarged without smoothing."""
        placed = resize(np.ascontiguousarray(picture), size, smooth=not cells)
        self._image.paste(Image.fromarray(placed), (x, y))

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self._pen.rectangle((x, y, x + width - 1, y + height - 1), colour)

    def array(self) -> np.ndarray:
        """Return the picture uint8 [height, width, 3]."""
        return np.asarray(self._image).copy()


def text_width(text: str, size: int = 14, bold: bool = False) -> float:
    """Return the width of a line in pixels."""
    return _font(size, bold).getlength(text)


def fit(height: int, width: int, box: int) -> tuple[int, int]:
    """Return (height, width) scaled to fit into a square box."""
    scale = box / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


@cache
def _font(size: int, bold: bool) -> "FreeTypeFont":
    from matplotlib import get_data_path  # its fonts have the letters of most languages

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(get_data_path(), "fonts", "ttf", name)), size)
