"""What a view is made of: pictures with a scale, controls, bars, a chart; `templates/` draws them."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np
from markupsafe import Markup
from PIL import Image

from app.components.render import render
from app.services.clips import jpeg_uri
from app.services.wording import percent
from avseg.media.draw import heat_map

MINUS = "\N{MINUS SIGN}"


def number(value: float) -> str:
    """Return a value with two or three significant digits and a real minus sign."""
    if value == 0 or not np.isfinite(value):
        return "0"
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}"
    return digits.replace("-", MINUS)


def signed(value: float) -> str:
    """Return a value with its sign and two decimals."""
    return f"{value:+.2f}".replace("-", MINUS)


def whole_percent(share: float) -> str:
    """Return a share as "71 %"."""
    return percent(share, 0)


def png_uri(picture: np.ndarray) -> str:
    """Return a picture uint8 [h, w, 3] as a data URI without loss."""
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(data, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


@cache
def _ramp(colours: str) -> str:
    return png_uri(heat_map(np.linspace(0, 1, 128)[None], 0, 1, colours=colours).picture)


@dataclass(frozen=True)
class Scale:
    """The values that the colours of a group encode."""

    low: float
    high: float
    quantity: str
    colours: str = "magma"
    clipped: bool = False  # larger values exist and are drawn as `high`

    @property
    def ends(self) -> tuple[str, str]:
        """The text at both ends."""
        return number(self.low), ("≥" if self.clipped else "") + number(self.high)

    @property
    def ramp(self) -> str:
        """The colours from low to high as a data URI."""
        return _ramp(self.colours)


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture; `name` is its title when enlarged and, as a slug, the name of its file."""

    name: str
    image: np.ndarray  # uint8 [h, w, 3]
    cells: bool  # drawn as cells, stretched to the frame's shape
    shape: tuple[int, int]  # height, width of the frame that it is a map of
    ink: bool = False  # dark on white: inverted on a dark page

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return png_uri(self.image) if self.cells else jpeg_uri(self.image, quality=88)


@dataclass(frozen=True, eq=False)
class Tile:
    """Pictures under one label; a click selects what `action` names, or enlarges where it is empty."""

    label: str
    pictures: tuple[Picture | str, ...]  # a string is drawn in place of a picture
    action: str = ""
    value: int = 0
    selected: bool = False
    below: str = ""
    position: tuple[int, int] | None = None  # a click selects a position: x, y in thousandths


@dataclass(frozen=True, eq=False)
class Group:
    """Pictures that share one scale."""

    macro: ClassVar[str] = "group"
    title: str
    tiles: tuple[Tile, ...]
    scale: Scale | None = None
    columns: int = 9
    rows: tuple[str, ...] = ()  # names of the pictures of a tile, top to bottom
    note: str = ""
    small: bool = False  # keeps its columns on a phone


@dataclass(frozen=True, eq=False)
class Beside:
    """A large picture with small ones next to it."""

    macro: ClassVar[str] = "beside"
    large: Group
    small: Group


@dataclass(frozen=True)
class Control:
    """A choice of a few short options: (value, text)."""

    macro: ClassVar[str] = "control"
    label: str
    action: str
    options: tuple[tuple[int | str, str], ...]
    selected: int | str


@dataclass(frozen=True)
class Pager:
    """Pages, counted from 1."""

    macro: ClassVar[str] = "pages"
    page: int
    pages: int


@dataclass(frozen=True)
class Bars:
    """Rows with a bar each: value, label, length 0..1 and text; a click selects the value."""

    macro: ClassVar[str] = "bars"
    title: str
    action: str
    rows: tuple[tuple[int, str, float, str], ...]
    selected: int
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A small table; the first row is the header, the first column names."""

    macro: ClassVar[str] = "table"
    title: str
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph; kind is says, small or lacks (why there is nothing to draw)."""

    macro: ClassVar[str] = "text"
    text: str
    kind: str = "lacks"


@dataclass(frozen=True)
class Weights:
    """A chart of sorted weights: value, text and weight of each, largest first; a click selects the value."""

    macro: ClassVar[str] = "weights"
    title: str
    action: str
    bars: tuple[tuple[int, str, float], ...]
    selected: int
    ends: int  # bars at each end in full colour
    caption: str
    note: str = ""
    least_top: float = 0.0  # of the axis

    @property
    def low(self) -> float:
        """The lower end of the axis."""
        return min(self.bars[-1][2], 0.0)

    @property
    def high(self) -> float:
        """The upper end of the axis."""
        return max(self.bars[0][2], self.least_top, -0.05 * self.low, 1e-6)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Values with a line, and their text."""
        return [(value, number(value)) for value in sorted({self.high, 0.0, self.low})]


Part = Group | Beside | Control | Pager | Bars | Table | Text | Weights


@dataclass(frozen=True, eq=False)
class View:
    """One opened part of the model."""

    title: str
    sentence: str
    equation: str | Markup = ""
    number: str = ""  # of the equation, or the section
    shapes: str = ""
    left: tuple[Part, ...] = ()
    right: tuple[Part, ...] = ()
    numbers: Mapping[str, object] = field(default_factory=dict)  # for other programs

    @property
    def groups(self) -> list[Group]:
        """Every group of pictures, left and right."""
        groups: list[Group] = []
        for part in (*self.left, *self.right):
            groups += [part.large, part.small] if isinstance(part, Beside) else []
            groups += [part] if isinstance(part, Group) else []
        return groups

    def html(self) -> Markup:
        """Return the view as HTML: text and controls at the left, pictures at the right."""
        return render("inside/templates/view.html", view=self)
