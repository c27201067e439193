"""What a view is made of: pictures in groups with a scale, and other parts; `templates/` draws them."""

import base64
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from app.components.render import environment, render
from app.services.clips import jpeg_uri
from avseg.interpret.inspection import Inspection
from avseg.interpret.mask_statistics import percent
from avseg.interpret.tpavi import TPAVIInspection
from avseg.media.draw import heat_map

TEXTS = tomllib.loads(Path(__file__).with_name("views.toml").read_text(encoding="utf-8"))
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
    return percent(float(share), 0)


def dimensions(array: np.ndarray) -> str:
    """Return the shape of an array as "64×56×56"."""
    return "×".join(map(str, array.shape))


def png_uri(picture: np.ndarray) -> str:
    """Return a picture uint8 [h, w, 3] as a data URI without loss."""
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(data, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def ramp(colours: str) -> np.ndarray:
    """Return the colours from low to high as a picture uint8 [1, 128, 3]."""
    return heat_map(np.linspace(0, 1, 128)[None], 0, 1, colours=colours).picture


@cache
def _ramp_uri(colours: str) -> str:
    return png_uri(ramp(colours))


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
        return _ramp_uri(self.colours)


@dataclass(frozen=True)
class Axes:
    """Ticks beside a picture: their place, 0 (left, bottom) to 1, and their text."""

    along: tuple[tuple[float, str], ...]
    unit: str  # of the horizontal axis
    up: tuple[tuple[float, str], ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture; `name` is its title when enlarged and, as a slug, the name of its file."""

    name: str
    image: np.ndarray  # uint8 [h, w, 3]
    cells: bool  # drawn as cells, stretched to the frame's shape
    shape: tuple[int, int]  # height, width of the frame that it is a map of
    ink: bool = False  # dark on white: inverted on a dark page
    axes: Axes | None = None

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
    """Pictures that share one scale, and further ones in a narrow column beside them."""

    title: str
    tiles: tuple[Tile, ...]
    scale: Scale | None = None
    columns: int = 9
    rows: tuple[str, ...] = ()  # names of the pictures of a tile, top to bottom
    note: str = ""
    small: bool = False  # keeps its columns on a phone
    beside: "Group | None" = None


def single(
    title: str, picture: Picture, scale: Scale | None = None, columns: int = 1, below: str = ""
) -> Group:
    """Return a group of one picture."""
    return Group(title, (Tile("", (picture,), below=below),), scale, columns)


def part(name: str, *args: object, **named: object) -> Markup:
    """Return the HTML of a macro of `templates/parts.html`: control, layers, bars, table, text or weights."""
    return Markup(
        getattr(environment().get_template("inside/templates/parts.html").module, name)(*args, **named)
    )


Parts = tuple[Group | Markup, ...]


@dataclass(frozen=True, eq=False)
class View:
    """One opened part of the model."""

    title: str
    sentence: str
    equation: Markup
    number: str  # of the equation, or the section
    shapes: str
    left: Parts
    right: Parts
    numbers: Mapping[str, object]  # for other programs

    @property
    def groups(self) -> list[Group]:
        """Every group of pictures, left and right."""
        groups = [part for part in (*self.left, *self.right) if isinstance(part, Group)]
        return [group for large in groups for group in (large, large.beside) if group is not None]

    @property
    def pictures(self) -> list[tuple[Picture, Scale | None]]:
        """Every picture with the scale of its group, in the order of the page."""
        return [
            (picture, group.scale)
            for group in self.groups
            for tile in group.tiles
            for picture in tile.pictures
            if isinstance(picture, Picture)
        ]

    def html(self, address: str = "") -> Markup:
        """Return the view as HTML: text and controls at the left, pictures at the right."""
        return render("inside/templates/view.html", view=self, address=address)


def view(
    texts: Mapping[str, str],
    inspection: Inspection | TPAVIInspection,
    *,
    left: Parts = (),
    right: Parts = (),
    numbers: Mapping[str, object],
    **facts: object,
) -> View:
    """Return a view with its texts of `views.toml`, completed with facts of the inspection and others."""
    size = inspection.size
    side = size // 4
    facts = {"c": inspection.config, "image": f"{size}×{size}", "side": side} | facts
    sentence, number, shapes = (texts[key].format(**facts) for key in ("sentence", "number", "shapes"))
    equation = Markup(texts.get("equation", ""))
    return View(texts["title"], sentence, equation, number, shapes, left, right, numbers)
