"""Street, night street, park, hills under the sky, seaside, drawn in 640 x 360 units."""

import numpy as np

from avseg.synthavs.objects_svg import Pen, darker, lighter, mixed, near


def _clouds(
    pen: Pen, rng: np.random.Generator, count: int, low: float, paint: str = "rgba(255,255,255,.72)"
) -> None:
    for _ in range(count):
        x, y, size = rng.uniform(0, 640), rng.uniform(24, low), rng.uniform(0.6, 1.3)
        for j in range(4):
            pen.oval(
                round(x + (j * 22 - 33) * size), round(y - (j % 2) * 8 * size), 30 * size, 13 * size, paint
            )


def _tree(pen: Pen, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    leaf = near(rng, ["#55794D", "#6B8A4A", "#3F6B55", "#A3853F"], 0.05)
    pen.path(
        f"M{x - 6 * size:.1f},{foot} L{x - 4 * size:.1f},{foot - 92 * size:.1f} h{8 * size:.1f} "
        f"L{x + 7 * size:.1f},{foot} Z",
        near(rng, ["#6B4B33", "#54463C"], 0.03),
    )
    top = foot - 104 * size
    if rng.random() < 0.3:
        for k in range(3):
            y, wide = foot - (28 + 34 * k) * size, (46 - 10 * k) * size
            pen.path(
                f"M{x - wide:.1f},{y:.1f} L{x:.1f},{y - 62 * size:.1f} L{x + wide:.1f},{y:.1f} Z",
                mixed(leaf, "#2E5A4A", 0.4 - 0.15 * k),
            )
        return
    pen.oval(round(x), round(top), 44 * size, 48 * size, leaf)
    pen.oval(round(x - 18 * size), round(top + 12 * size), 30 * size, 30 * size, lighter(leaf, 0.12))
    pen.oval(round(x + 20 * size), round(top + 6 * size), 28 * size, 30 * size, darker(leaf, 0.14))


def _houses(pen: Pen, rng: np.random.Generator, colours: list[str], night: bool) -> None:
    x = -10.0
    while x < 650:
        w, h = rng.uniform(70, 140), rng.uniform(96, 214)
        wall = near(rng, colours, 0.03)
        pen.box(round(x), round(236 - h), round(w), h, 0, wall)
        pen.box(round(x), round(236 - h), round(w), 6, 0, "rgba(0,0,0,.16)")
        if not night and rng.random() < 0.3:
            pen.path(
                f"M{x:.0f},{237 - h:.0f} L{x + w / 2:.0f},{214 - h:.0f} L{x + w:.0f},{237 - h:.0f} Z",
                darker(wall, 0.3),
            )
        glass = near(rng, ["#DCE7EC", "#B9CCD6"], 0.02)
        for j in range(int((h - 50) / 26)):
            for i in range(int((w - 12) / 20)):
                lit = rng.random() > 0.5
                paint = (
                    ("#F2CC86" if lit else "#1C1F30") if night else (glass if lit else darker(glass, 0.12))
                )
                pen.box(round(x) + 9 + i * 20, round(236 - h) + 16 + j * 26, 11, 15, 1, paint)
        pen.box(
            round(x) + 6, 206, round(w) - 12, 30, 1, "rgba(250,214,150,.5)" if night else "rgba(30,30,34,.42)"
        )
        shade = near(rng, ["#A8493C", "#3F6B60", "#C59A46", "#4B5F8A"], 0.04)
        pen.box(round(x) + 4, 199, round(w) - 8, 9, 0, darker(shade, 0.35) if night else shade)
        x += w + 2


def _road(pen: Pen, rng: np.random.Generator, night: bool) -> None:
    kerb = "#5C5D66" if night else near(rng, ["#B5B0A7", "#C4B79F", "#A3A8AA"], 0.02)
    pen.box(0, 234, 640, 30, 0, kerb)
    pen.box(0, 260, 640, 5, 0, darker(kerb, 0.22))
    road = "#2B2D38" if night else near(rng, ["#56585C", "#6A6660", "#4C5157"], 0.02)
    pen.box(0, 264, 640, 96, 0, pen.linear(0, 264, 0, 360, road, darker(road, 0.3)))
    shift = rng.uniform(0, 100)
    if rng.random() < 0.75:
        for i in range(8):
            pen.path(f"M{i * 108 - shift:.0f},316 h58 l-5,7 h-60 Z", "rgba(245,240,224,.8)")
    else:
        for i in range(7):
            pen.path(f"M{180 + i * 40},268 h22 l{-14 + i * 6},88 h-34 Z", "rgba(245,240,224,.75)")


def _lamp_posts(pen: Pen, rng: np.random.Generator, night: bool) -> None:
    for x in (rng.uniform(40, 140), rng.uniform(480, 590)):
        x = round(x)
        pen.box(x, 90, 5, 160, 1, "#3B4045")
        pen.path(f"M{x + 2},92 q2,-16 26,-14", None, "#3B4045", 4)
        if night:
            pen.oval(
                x + 30, 92, 70, 70, pen.radial(x + 30, 86, 70, "rgba(255,226,150,.5)", "rgba(255,226,150,0)")
            )
        pen.oval(x + 30, 80, 10, 5, "#FFE9A8" if night else "#E9E4D2")


def street(pen: Pen, rng: np.random.Generator) -> None:
    """A street by day: houses, awnings, pavement, road."""
    sky = near(rng, ["#9FC0D8", "#B7CBD2", "#8FB2D6"], 0.03)
    pen.box(0, 0, 640, 240, 0, pen.linear(0, 0, 0, 220, sky, "#EEE9DE"))
    _clouds(pen, rng, 3, 90)
    _houses(pen, rng, ["#B9A493", "#8E9BA5", "#C9B8A0", "#A57F6C", "#7F8C86", "#D2C2B4"], night=False)
    _road(pen, rng, night=False)
    _lamp_posts(pen, rng, night=False)
    for _ in range(int(rng.integers(0, 3))):
        _tree(pen, rng, rng.uniform(60, 580), 250, rng.uniform(0.5, 0.75))


def night(pen: Pen, rng: np.random.Generator) -> None:
    """A street at night or dusk: lit windows, lamps with a glow."""
    top, low = (
        near(rng, ["#1F2A4A", "#34415F", "#2A2340"], 0.03),
        near(rng, ["#C98E7C", "#6A5A86", "#3F5678"], 0.04),
    )
    pen.box(0, 0, 640, 240, 0, pen.linear(0, 0, 0, 220, top, low))
    for _ in range(30):
        pen.oval(round(rng.uniform(0, 640)), round(rng.uniform(0, 110)), 1, 1, "rgba(255,255,255,.7)")
    if rng.random() < 0.6:
        pen.oval(round(rng.uniform(60, 580)), round(rng.uniform(26, 60)), 15, 15, "#F3E9C8")
    _houses(pen, rng, ["#4B4A5C", "#5A5366", "#433F52", "#66566A", "#3A3B4E"], night=True)
    _road(pen, rng, night=True)
    _lamp_posts(pen, rng, night=True)


def park(pen: Pen, rng: np.random.Generator) -> None:
    """A park: hills, lawn, path, trees, flowers."""
    sky = near(rng, ["#A9CCE3", "#C2D6DE", "#E4CFB4"], 0.03)
    pen.box(0, 0, 640, 240, 0, pen.linear(0, 0, 0, 230, sky, "#F2F3EA"))
    _clouds(pen, rng, int(rng.integers(2, 5)), 100, "rgba(255,255,255,.85)")
    hill = near(rng, ["#9DB7A4", "#A9B08C", "#8FA9B0"], 0.03)
    a, b = rng.uniform(140, 190, 2).round()
    pen.path(f"M0,210 C120,{a} 220,{a + 20} 330,196 C440,{b} 540,{b - 8} 640,190 V260 H0 Z", hill)
    lawn = near(rng, ["#8CAF6E", "#A3AE63", "#78A578"], 0.04)
    pen.path(
        "M0,232 C140,204 300,232 430,214 C520,204 600,214 640,222 V360 H0 Z",
        pen.linear(0, 200, 0, 360, lawn, darker(lawn, 0.28)),
    )
    if rng.random() < 0.7:
        x = round(rng.uniform(-140, 180))
        pen.path(
            f"M{260 + x},228 C{300 + x},270 {210 + x},310 {250 + x},360 H{420 + x} C{380 + x},310 "
            f"{380 + x},270 {330 + x},224 Z",
            near(rng, ["#D8C6A0", "#C9B3A0", "#BFC0B4"], 0.02),
        )
    if rng.random() < 0.4:
        pen.oval(round(rng.uniform(80, 560)), 262, 120, 16, near(rng, ["#8FB9CC", "#7FA7B0"], 0.03))
    for x in (rng.uniform(20, 110), rng.uniform(530, 620), rng.uniform(120, 520)):
        _tree(pen, rng, x, round(rng.uniform(232, 250)), rng.uniform(0.7, 1.25))
    for i in range(60):
        pen.oval(
            round(rng.uniform(0, 640)),
            round(rng.uniform(250, 358)),
            2.2,
            1.3,
            lighter(lawn, 0.2) if i % 3 else near(rng, ["#EBD36A", "#E48A8A", "#F2F0E6"], 0.04),
        )


def hills(pen: Pen, rng: np.random.Generator) -> None:
    """Wide sky over two lines of hills and a strip of meadow."""
    top, middle = near(rng, ["#6FA3CC", "#7F8FC0", "#D08A6A"], 0.04), near(rng, ["#CFE2EA", "#EAD2C0"], 0.03)
    pen.box(0, 0, 640, 360, 0, pen.linear(0, 0, 0, 360, top, middle, "#F1EBDD"))
    if rng.random() < 0.5:
        pen.oval(round(rng.uniform(60, 580)), round(rng.uniform(40, 120)), 24, 24, "rgba(255,244,206,.9)")
    _clouds(pen, rng, int(rng.integers(3, 8)), 220)
    far = near(rng, ["#6C8A78", "#7A86A0", "#93936C"], 0.04)
    a, b, c = rng.uniform(236, 286, 3).round()
    pen.path(
        f"M0,{a + 20} C100,{a} 180,{b + 14} 260,{b} C380,{b - 16} 480,{c + 22} 640,{c} V360 H0 Z",
        lighter(far, 0.15),
    )
    pen.path("M0,300 C160,280 300,306 640,288 V360 H0 Z", pen.linear(0, 284, 0, 360, far, darker(far, 0.25)))
    for _ in range(int(rng.integers(0, 5))):
        _tree(pen, rng, rng.uniform(0, 640), 300, rng.uniform(0.25, 0.45))
    for _ in range(40):
        x, y = round(rng.uniform(0, 640)), round(rng.uniform(304, 358))
        pen.path(f"M{x},{y} l2,-7 M{x + 4},{y} l-1,-6", None, lighter(far, 0.25), 1.2)


def seaside(pen: Pen, rng: np.random.Generator) -> None:
    """Sea with sails or a lighthouse, and a sandy or paved promenade."""
    sky, sea = (
        near(rng, ["#A7D0E6", "#F0CDA8", "#B9C7DA"], 0.03),
        near(rng, ["#3F86A6", "#4F9A96", "#4A6F9E"], 0.04),
    )
    pen.box(0, 0, 640, 170, 0, pen.linear(0, 0, 0, 170, sky, "#F4F0E4"))
    _clouds(pen, rng, int(rng.integers(2, 5)), 100)
    pen.box(0, 160, 640, 100, 0, pen.linear(0, 160, 0, 260, sea, lighter(sea, 0.35)))
    for _ in range(46):
        x, y = rng.uniform(0, 640), rng.uniform(168, 246)
        pen.path(f"M{x:.0f},{y:.0f} h{(y - 150) * 0.35:.0f}", None, "rgba(255,255,255,.4)", 1.2)
    for _ in range(int(rng.integers(1, 4))):
        x, y, s = round(rng.uniform(30, 610)), round(rng.uniform(166, 190)), rng.uniform(0.5, 1.1)
        with pen.group(f"translate({x} {y}) scale({s:.2f})"):
            pen.path("M-18,0 H18 L12,8 H-12 Z", near(rng, ["#7A3A2E", "#35506B", "#F1EEE6"], 0.04))
            pen.path("M1,-2 V-44 L20,-6 Z M-2,-4 V-36 L-14,-6 Z", "#FBF8F0")
    if rng.random() < 0.5:
        x = round(rng.uniform(40, 600))
        pen.path(f"M{x - 60},162 C{x - 30},140 {x + 30},140 {x + 70},162 Z", "#7C7A6C")
        pen.path(f"M{x - 9},146 L{x - 6},84 H{x + 6} L{x + 9},146 Z", "#F4F0E8")
        pen.path(
            f"M{x - 8},128 L{x - 7},112 H{x + 7} L{x + 8},128 Z M{x - 6.5},98 L{x - 6},84 H{x + 6} "
            f"L{x + 6.5},98 Z",
            "#C2503F",
        )
    sand = near(rng, ["#E2CDA0", "#D6BE9A", "#C9C2B2"], 0.03)
    pen.path(
        "M0,250 C160,236 320,262 640,244 V360 H0 Z",
        pen.linear(0, 240, 0, 360, lighter(sand, 0.15), darker(sand, 0.2)),
    )
    pen.path("M0,250 C160,236 320,262 640,244", None, "rgba(255,255,255,.75)", 4)
    for _ in range(50):
        pen.oval(round(rng.uniform(0, 640)), round(rng.uniform(268, 358)), 2, 1, darker(sand, 0.2))
    if rng.random() < 0.5:
        x, cloth = round(rng.uniform(60, 580)), near(rng, ["#C2503F", "#3F7FA0", "#D9A63A"], 0.04)
        pen.path(f"M{x},262 V180", None, "#EFE8DA", 4)
        pen.path(f"M{x - 56},206 C{x - 44},168 {x + 44},168 {x + 56},206 Z", cloth)
        pen.path(f"M{x - 20},206 C{x - 16},172 {x + 16},172 {x + 20},206 Z", "#F4F0E6")
