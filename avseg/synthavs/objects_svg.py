"""A small pen for drawing SVG text: shapes, gradients, groups, and colours as hex strings."""

import colorsys
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import resvg_py
from PIL import Image


class Pen:
    """Collects SVG elements; paints are hex strings, rgba(...) strings or gradients made by this pen."""

    def __init__(self) -> None:
        self.body: list[str] = []
        self.defs: list[str] = []

    def path(self, d: str, fill: str | None = None, stroke: str | None = None, width: float = 1.5) -> None:
        """Draw path data d, filled and/or stroked with round joins."""
        line = (
            f' stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round" stroke-linecap="round"'
            if stroke
            else ""
        )
        self.body.append(f'<path d="{d}" fill="{fill or "none"}"{line}/>')

    def oval(self, x: float, y: float, rx: float, ry: float, fill: str, turn: float = 0) -> None:
        """Draw an ellipse turned by `turn` degrees around its centre."""
        spin = f' transform="rotate({turn} {x} {y})"' if turn else ""
        self.body.append(f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}"{spin}/>')

    def box(self, x: float, y: float, w: float, h: float, r: float, fill: str) -> None:
        """Draw a rectangle with corner radius r."""
        self.body.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{r}" fill="{fill}"/>')

    def linear(self, x0: float, y0: float, x1: float, y1: float, *stops: str) -> str:
        """Return a paint that runs from (x0, y0) to (x1, y1) through evenly spaced colours."""
        return self._gradient("linearGradient", f'x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"', stops)

    def radial(self, x: float, y: float, r: float, *stops: str) -> str:
        """Return a paint that runs from (x, y) outwards to radius r through evenly spaced colours."""
        return self._gradient("radialGradient", f'cx="{x}" cy="{y}" r="{r}"', stops)

    def _gradient(self, kind: str, where: str, stops: tuple[str, ...]) -> str:
        name = f"g{len(self.defs)}"
        marks = "".join(
            f'<stop offset="{i / (len(stops) - 1)}" stop-color="{colour}"/>' for i, colour in enumerate(stops)
        )
        self.defs.append(f'<{kind} id="{name}" gradientUnits="userSpaceOnUse" {where}>{marks}</{kind}>')
        return f"url(#{name})"

    @contextmanager
    def group(self, transform: str = "", opacity: float = 1) -> Iterator[None]:
        """Put everything drawn inside into one transformed, possibly translucent group."""
        self.body.append(f'<g transform="{transform}" opacity="{opacity}">')
        yield
        self.body.append("</g>")

    def svg(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> str:
        """Return the document: view box (x, y, w, h) drawn at size (height, width) in pixels."""
        view = " ".join(f"{v:g}" for v in box)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="{size[1]}" height="{size[0]}" '
            f'preserveAspectRatio="none"><defs>{"".join(self.defs)}</defs>{"".join(self.body)}</svg>'
        )


def rasterise(svg: str) -> Image.Image:
    """Return the RGBA image of an SVG document at its own size."""
    picture = Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)))
    return picture.convert("RGBA")


def hsv(hue: float, saturation: float, value: float) -> str:
    """Return a hex colour; hue in turns (wraps), saturation and value clipped to 0..1."""
    rgb = colorsys.hsv_to_rgb(hue % 1, float(np.clip(saturation, 0, 1)), float(np.clip(value, 0, 1)))
    return "#" + "".join(f"{round(255 * c):02X}" for c in rgb)


def mixed(first: str, second: str, share: float) -> str:
    """Return the hex colour `share` of the way from the first to the second."""
    a, b = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (first, second))
    return "#" + "".join(f"{round(v):02X}" for v in a + (b - a) * share)


def darker(colour: str, share: float = 0.25) -> str:
    """Return the colour moved towards a warm black."""
    return mixed(colour, "#140C08", share)


def lighter(colour: str, share: float = 0.25) -> str:
    """Return the colour moved towards white."""
    return mixed(colour, "#FFFFFF", share)


def near(rng: np.random.Generator, colours: list[str], spread: float = 0.06) -> str:
    """Return one of the colours with hue, saturation and value moved a little."""
    colour = colours[int(rng.integers(len(colours)))]
    hue, saturation, value = colorsys.rgb_to_hsv(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))
    move = rng.uniform(-1, 1, 3) * spread
    return hsv(hue + move[0] * 0.5, saturation + move[1] * 1.5, value + move[2] * 1.5)
