"""What a view is made of, and how it becomes HTML: pictures with a scale, controls, bars."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape

import numpy as np
from PIL import Image

from app.services.clips import jpeg_uri
from avseg.media.draw import heat_map

SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Scale:
    """What the colours of a group stand for."""

    low: float
    high: float
    quantity: str
    colours: str = "magma"
    clipped: bool = False  # whether larger values exist and are drawn as `high`


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture; `name` is its title when enlarged and, made plain, its file's name."""

    name: str
    image: np.ndarray  # uint8 [h, w, 3]
    cells: bool  # drawn as cells, stretched to the frame's shape
    shape: tuple[int, int]  # height, width of the frame that it is a map of
    ink: bool = False  # reversed on dark ground

    @property
    def css(self) -> str:
        """The classes of its image."""
        return " ".join(["cells"] * self.cells + ["ink"] * self.ink)


@dataclass(frozen=True, eq=False)
class Tile:
    """One or more pictures under one label; a click chooses it, or enlarges where there is no choice."""

    label: str  # HTML
    pictures: tuple[Picture | str, ...]  # words stand where there is no picture
    sets: tuple[str, int] | None = None  # name and number of what a click chooses
    chosen: bool = False
    below: str = ""
    place: tuple[int, int] | None = None  # a click chooses a place: x, y in thousandths


@dataclass(frozen=True, eq=False)
class Group:
    """Pictures that share one scale."""

    title: str
    tiles: tuple[Tile, ...]
    scale: Scale | None = None
    columns: int = 9
    rows: tuple[str, ...] = ()  # what the pictures of a tile are, top to bottom
    note: str = ""
    small: bool = False  # keeps its columns on a phone


@dataclass(frozen=True, eq=False)
class Beside:
    """A large picture, and the small ones that stand beside it."""

    large: Group
    small: Group


@dataclass(frozen=True)
class Control:
    """A choice of a few short words."""

    label: str
    name: str
    options: tuple[tuple[int, str], ...]
    chosen: int


@dataclass(frozen=True, eq=False)
class View:
    """One opened box of the map."""

    title: str
    sentence: str  # what one sees
    equation: str = ""  # HTML
    number: str = ""  # of the equation, or the section
    shapes: str = ""
    left: tuple["Part", ...] = ()  # strings are HTML
    right: tuple["Part", ...] = ()
    numbers: Mapping[str, object] = field(default_factory=dict)  # for other programs

    @property
    def groups(self) -> list[Group]:
        """Every group of pictures, left and right."""
        found = []
        for part in (*self.left, *self.right):
            found += [part.large, part.small] if isinstance(part, Beside) else [part]
        return [part for part in found if isinstance(part, Group)]


Part = Group | Beside | Control | str


def number(value: float) -> str:
    """Return a value with two or three digits that matter, and a real minus sign."""
    if value == 0 or not np.isfinite(value):
        return "0"
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}"
    return digits.replace("-", MINUS)


def signed(value: float) -> str:
    """Return a value with its sign and two decimals."""
    return f"{value:+.2f}".replace("-", MINUS)


def percent(share: float) -> str:
    """Return a share as "71 %"."""
    return f"{100 * share:.0f}{SPACE}%"


def render(view: View) -> str:
    """Return a view as HTML: words and choices at the left, pictures at the right."""
    equation = (
        view.equation and f'<div class="equation"><span>{view.equation}</span>{_tag(view.number)}</div>'
    )
    head = (
        f"<h2>{escape(view.title)}</h2>"
        f'<p class="says">{escape(view.sentence)}</p>{equation}'
        f'<p class="shapes">{escape(view.shapes)}</p>{"" if view.equation else _tag(view.number)}'
    )
    left, right = (render_parts(side) for side in (view.left, view.right))
    return (
        f'<div class="inside-view"><div class="left">{head}{left}</div><div class="right">{right}</div></div>'
    )


def render_parts(parts: Iterable["Part"]) -> str:
    """Return parts of a view as HTML, without the view around them."""
    return "".join(map(_part, parts))


def _tag(words: str) -> str:
    return f"<em>{escape(words)}</em>" if words else ""


def _part(part: "Part") -> str:
    if isinstance(part, Group):
        return _group(part)
    if isinstance(part, Beside):
        return f'<div class="beside">{_group(part.large)}{_group(part.small)}</div>'
    return _control(part) if isinstance(part, Control) else part


def _control(control: Control) -> str:
    buttons = "".join(
        pick(control.name, value, escape(words), value == control.chosen) for value, words in control.options
    )
    many = " many" if len(control.options) > 9 else ""
    return (
        f'<div class="choose{many}" role="group" aria-label="{escape(control.label)}">'
        f"<span>{escape(control.label)}</span><div>{buttons}</div></div>"
    )


def pick(name: str, value: int | str, inner: str, chosen: bool, words: str = "", kind: str = "") -> str:
    """Return a button that chooses; `inner` is HTML."""
    label = f' aria-label="{escape(words)}"' if words else ""
    return (
        f'<button type="button" class="pick {kind}" data-set="{name}" data-to="{value}" '
        f'aria-pressed="{str(chosen).lower()}"{label}>{inner}</button>'
    )


def _group(group: Group) -> str:
    scale = scale_html(group.scale) if group.scale else ""
    note = f'<span class="note">{escape(group.note)}</span>' if group.note else ""
    title = f"<h3>{escape(group.title)}</h3>" if group.title else ""
    names = "".join(f"<span>{row}</span>" for row in group.rows)
    rows = f'<div class="rows" aria-hidden="true">{names}</div>' if group.rows else ""
    tiles = "".join(_tile(tile, group) for tile in group.tiles)
    kind = " small" if group.small else ""
    return (
        f'<section class="group"><header>{title}{note}{scale}</header>'
        f'<div class="multiples{kind}{" named" if rows else ""}" style="--columns:{group.columns}">'
        f"{rows}{tiles}</div></section>"
    )


def scale_html(scale: Scale) -> str:
    """Return the drawn scale: quantity, least, colours, most."""
    low, high = number(scale.low), ("≥" if scale.clipped else "") + number(scale.high)
    return (
        f'<span class="scale" data-low="{low}" data-high="{high}" data-quantity="{escape(scale.quantity)}">'
        f'{escape(scale.quantity)} <b>{low}</b><img src="{_ramp(scale.colours)}" alt="to"><b>{high}</b>'
        "</span>"
    )


def _tile(tile: Tile, group: Group) -> str:
    label = f'<span class="label">{tile.label}</span>' if tile.label else ""
    names = group.rows or ("",) * len(tile.pictures)
    pictures = "".join(_picture(picture, tile, row) for picture, row in zip(tile.pictures, names))
    below = f'<span class="below">{escape(tile.below)}</span>' if tile.below else ""
    return f'<div class="tile{" chosen" if tile.chosen else ""}">{label}{pictures}{below}</div>'


def _picture(picture: Picture | str, tile: Tile, row: str) -> str:
    if isinstance(picture, str):
        return f'<div class="pic blank">{escape(picture)}</div>'
    height, width = picture.shape
    uri = png_uri(picture.image) if picture.cells else jpeg_uri(picture.image, quality=88)
    name = escape(picture.name)
    image = f'<img src="{uri}" alt="{name}" class="{picture.css}" style="aspect-ratio:{width}/{height}">'
    corner = (
        f'<button type="button" class="zoom corner" aria-label="Enlarge: {name}" title="Enlarge"></button>'
    )
    if tile.place:
        x, y = tile.place
        inner = (
            f'<div class="place" tabindex="0" role="button" data-x="{x}" data-y="{y}" '
            f'aria-label="Choose a place: click, or move with the arrow keys">{image}</div>{corner}'
        )
    elif tile.sets:
        inner = pick(*tile.sets, image, tile.chosen, f"Choose {picture.name}") + corner
    else:
        inner = f'<button type="button" class="zoom" aria-label="Enlarge: {name}">{image}</button>'
    row = f'<span class="row">{row}</span>' if row else ""
    return f'<div class="pic" data-name="{name}" data-aspect="{width / height:.4f}">{row}{inner}</div>'


def bars(
    title: str, name: str, rows: Iterable[tuple[int, str, float, str]], chosen: int, note: str = ""
) -> str:
    """Return rows that can be chosen: number, label, share of the longest bar 0..1, value in words."""
    drawn = "".join(
        pick(
            name,
            value,
            f'<span>{label}</span><i><i style="width:{100 * max(share, 0):.1f}%"></i></i><b>{words}</b>',
            value == chosen,
            kind="bar",
        )
        for value, label, share, words in rows
    )
    return (
        f'<div class="barlist" role="group" aria-label="{escape(title)}">'
        f'<div class="between"><span>{escape(title)}</span><span>{escape(note)}</span></div>'
        f'<div class="scroll">{drawn}</div></div>'
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a small table; the first column names, the others are numbers."""
    names = "".join(f"<th{' class=num' if i else ''}>{escape(cell)}</th>" for i, cell in enumerate(head))
    lines = "".join(
        "<tr>"
        + "".join(f"<td{' class=num' if i else ''}>{cell}</td>" for i, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<table class="plain"><tr>{names}</tr>{lines}</table>'


def png_uri(picture: np.ndarray) -> str:
    """Return a picture uint8 [h, w, 3] as a data URI without loss."""
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(data, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


@cache
def _ramp(colours: str) -> str:
    return png_uri(heat_map(np.linspace(0, 1, 128)[None], 0, 1, colours=colours).picture)
