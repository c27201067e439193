"""A view of Inside as one picture: its groups of pictures with titles, labels and scales."""

import re
from dataclasses import dataclass

import numpy as np

from app.inside.figures import Group, Picture, Scale, Tile, View, ramp
from avseg.media.sheet import INK_2, Sheet, text_width

WIDE, NARROW = 820, 380  # pixels of the columns, as on the page: pictures at the right, selection at the left
LARGEST, LINE, GAP, EDGE = (
    640,
    18,
    6,
    16,
)  # pixels: width of a picture, height of a line, between tiles, around
FACE = 1200  # pixels, width of a picture that is saved alone
TITLE, LABEL, BELOW = 14, 12, 11  # points


@dataclass(frozen=True)
class _Grid:
    """Where the tiles of a group are."""

    columns: int
    gutter: int  # for the names of the rows
    tile: int  # width
    heights: tuple[int, ...]  # of the tiles of each line of tiles


def draw_view(view: View, caption: str) -> np.ndarray:
    """Return the pictures of a view under its title and a caption, uint8 [H, W, 3]; without its charts."""
    sides = [[part for part in parts if isinstance(part, Group)] for parts in (view.left, view.right)]
    widths = [width for width, groups in zip((NARROW, WIDE), sides) if groups] or [WIDE]
    sides = [groups for groups in sides if groups]
    if len(sides) == 1:
        widths = [WIDE]
    heights = [sum(_height(group, width) for group in groups) for groups, width in zip(sides, widths)]
    top = 3 * LINE + EDGE
    width = sum(widths) + EDGE * (len(widths) + 1)
    sheet = Sheet(width + width % 2, _even(top + max(heights, default=0) + EDGE))
    sheet.text(EDGE, EDGE + LINE / 2, view.title, 18, bold=True, most=width - 2 * EDGE)
    sheet.text(EDGE, EDGE + LINE * 1.8, caption, 13, INK_2, most=width - 2 * EDGE)
    x = EDGE
    for groups, column in zip(sides, widths):
        y = top
        for group in groups:
            _draw(sheet, group, x, y, column)
            y += _height(group, column)
        x += column + EDGE
    return sheet.array()


def draw_picture(picture: Picture, scale: Scale | None) -> np.ndarray:
    """Return one picture as uint8 [H, W, 3] over its name and its scale."""
    height = round(FACE * picture.shape[0] / picture.shape[1])
    sheet = Sheet(FACE, _even(height + 2 * LINE))
    sheet.picture(0, 0, picture.image, (height, FACE), picture.cells)
    sheet.text(EDGE, height + LINE, picture.name, 15, most=FACE * 0.55)
    if scale is not None:
        _scale(sheet, FACE - EDGE, height + LINE, scale)
    return sheet.array()


def _height(group: Group, width: int) -> int:
    """Return the height of a group at a width, with what is beside it."""
    if group.beside is not None:
        one, other = _halves(width)
        return max(_height(_alone(group), one), _height(group.beside, other))
    return _head(group, width) + sum(_grid(group, width).heights) + EDGE


def _draw(sheet: Sheet, group: Group, x: int, y: int, width: int) -> None:
    if group.beside is not None:
        one, other = _halves(width)
        _draw(sheet, _alone(group), x, y, one)
        _draw(sheet, group.beside, x + one + EDGE, y, other)
        return
    grid = _grid(group, width)
    if head := _head(group, width):
        used = sheet.text(x, y + LINE / 2, _plain(group.title), TITLE, bold=True, most=width)
        if group.note:
            sheet.text(x + used + 8, y + LINE / 2, _plain(group.note), LABEL, INK_2, most=width - used - 8)
        y += head
        if group.scale:
            _scale(sheet, x + width, y - GAP - LINE / 2, group.scale)
    for line, height in enumerate(grid.heights):
        for column, tile in enumerate(group.tiles[line * grid.columns : (line + 1) * grid.columns]):
            rows = group.rows if column == 0 else ()
            _tile(sheet, tile, x + grid.gutter + column * (grid.tile + GAP), y, grid, rows)
        y += height


def _head(group: Group, width: int) -> int:
    """Return the height of title, note and scale of a group; the scale gets its own line where it must."""
    if group.scale is None:
        return LINE + GAP if group.title or group.note else 0
    texts = text_width(_plain(group.title), TITLE, True) + 8 + text_width(_plain(group.note), LABEL)
    scale = 140 + sum(text_width(text, LABEL) for text in (*group.scale.ends, group.scale.quantity))
    return LINE * (1 + (texts > 8 and texts + scale > width)) + GAP


def _tile(sheet: Sheet, tile: Tile, x: int, y: int, grid: _Grid, rows: tuple[str, ...]) -> None:
    if tile.label:
        sheet.text(x, y + LINE / 2, _plain(tile.label), LABEL, INK_2, tile.selected, most=grid.tile)
        y += LINE
    for index, picture in enumerate(tile.pictures):
        height = _picture_height(tile, picture, grid.tile)
        if index < len(rows):
            sheet.text(
                x - grid.gutter, y + height / 2, _plain(rows[index]), LABEL, INK_2, most=grid.gutter - GAP
            )
        if isinstance(picture, Picture):
            sheet.picture(x, y, picture.image, (height, grid.tile), picture.cells)
        else:
            sheet.text(x, y + height / 2, picture, LABEL, INK_2, most=grid.tile)
        y += height + GAP
    if tile.below:
        sheet.text(x, y + LINE / 2 - GAP / 2, _plain(tile.below), BELOW, INK_2, most=grid.tile)


def _grid(group: Group, width: int) -> _Grid:
    columns = max(1, min(group.columns, len(group.tiles)))
    gutter = 104 if group.rows else 0
    tile = min((width - gutter + GAP) // columns - GAP, LARGEST if group.columns == 1 else width)
    lines = [group.tiles[start : start + columns] for start in range(0, len(group.tiles), columns)]
    return _Grid(columns, gutter, tile, tuple(max(_tile_height(one, tile) for one in line) for line in lines))


def _tile_height(tile: Tile, width: int) -> int:
    texts = LINE * (bool(tile.label) + bool(tile.below))
    return texts + sum(_picture_height(tile, picture, width) + GAP for picture in tile.pictures)


def _picture_height(tile: Tile, picture: Picture | str, width: int) -> int:
    """Return the height of a picture, or of a text that replaces one of its tile."""
    shapes = [one.shape for one in (picture, *tile.pictures) if isinstance(one, Picture)]
    height, across = shapes[0] if shapes else (9, 16)
    return max(1, round(width * height / across))


def _scale(sheet: Sheet, right: float, y: float, scale: Scale) -> None:
    """Draw a scale that ends at `right`."""
    low, high = scale.ends
    x = right - sheet.text(right, y, high, LABEL, INK_2, right=True) - 6
    sheet.picture(round(x - 110), round(y - 5), ramp(scale.colours), (10, 110))
    x -= 116
    x -= sheet.text(x, y, low, LABEL, INK_2, right=True) + 8
    sheet.text(x, y, scale.quantity, LABEL, INK_2, right=True)


def _halves(width: int) -> tuple[int, int]:
    """Return the widths of a group and of the narrow one beside it."""
    other = round(0.26 * width)
    return width - other - EDGE, other


def _alone(group: Group) -> Group:
    return Group(group.title, group.tiles, group.scale, group.columns, group.rows, group.note, group.small)


def _plain(text: str) -> str:
    """Return a label, which may be HTML, as text; subscripts get an underscore."""
    return re.sub(r"<[^>]+>", "", str(text).replace("<sub>", "_")).replace("&amp;", "&")


def _even(side: int) -> int:
    return side + side % 2
