"""Room, kitchen and stage, drawn in 640 x 360 units."""

from itertools import pairwise

import numpy as np

from avseg.synthavs.objects_svg import Pen, darker, lighter, near


def _boards(pen: Pen, rng: np.random.Generator, top: float, colour: str) -> None:
    """Draw floor boards whose joints run towards a vanishing point."""
    pen.box(0, top, 640, 360 - top, 0, pen.linear(0, top, 0, 360, colour, darker(colour, 0.22)))
    line, tall = "rgba(40,22,10,.26)", 360 - top
    edges = [top, *(top + tall * share for share in (0.11, 0.26, 0.46, 0.71)), 360]
    for upper, lower in pairwise(edges):
        pen.path(f"M0,{lower:.1f} H640", None, line, 1)
        for x in np.arange(rng.uniform(20, 110), 640, 150):
            lean = (x - 320) * (lower - upper) / 260
            pen.path(f"M{x:.1f},{upper:.1f} L{x + lean:.1f},{lower:.1f}", None, line, 1)


def _window(pen: Pen, rng: np.random.Generator, x: float, curtains: bool) -> None:
    cloth = near(rng, ["#AA5A40", "#4E7A86", "#C7A354", "#7A8F62", "#8E5B78"], 0.04)
    sky = near(rng, ["#BFD9EA", "#E8C9A8", "#A9C4DD"], 0.04)
    hill = near(rng, ["#8CAA88", "#7C9692", "#A5A878"], 0.04)
    pen.box(x, 30, 140, 150, 3, "#F6F1E8")
    pen.box(x + 8, 38, 124, 134, 1, pen.linear(0, 38, 0, 172, sky, lighter(sky, 0.55)))
    pen.path(
        f"M{x + 8},172 V146 C{x + 40},124 {x + 66},138 {x + 84},146 C{x + 104},126 {x + 122},132 "
        f"{x + 132},140 V172 Z",
        hill,
    )
    pen.path(f"M{x + 8},172 V160 C{x + 50},148 {x + 90},160 {x + 132},152 V172 Z", darker(hill, 0.2))
    pen.box(x + 66, 38, 7, 134, 0, "#F6F1E8")
    pen.box(x + 8, 100, 124, 6, 0, "#F6F1E8")
    pen.box(x - 6, 178, 152, 8, 2, "#EDE6DA")
    if curtains:
        with pen.group(opacity=0.88):
            pen.path(
                f"M{x - 16},22 C{x - 6},90 {x - 12},160 {x - 22},236 L{x + 10},236 C{x + 14},160 "
                f"{x + 10},80 {x + 12},22 Z",
                cloth,
            )
            pen.path(
                f"M{x + 156},22 C{x + 146},90 {x + 152},160 {x + 162},236 L{x + 130},236 C{x + 126},160 "
                f"{x + 130},80 {x + 128},22 Z",
                cloth,
            )
        pen.box(x - 28, 17, 196, 6, 3, "#5C4634")


def _picture(pen: Pen, rng: np.random.Generator, x: float, y: float) -> None:
    w, h = rng.uniform(56, 96), rng.uniform(50, 70)
    pen.box(x, y, w, h, 2, near(rng, ["#5C4634", "#2E2B2A", "#B79A5E"], 0.03))
    pen.box(x + 5, y + 5, w - 10, h - 10, 0, "#EFE7D8")
    base, right = y + h - 5, x + w - 5
    pen.path(
        f"M{x + 5},{base} L{x + w * 0.36:.1f},{y + h * 0.4:.1f} L{x + w * 0.58:.1f},{y + h * 0.66:.1f} "
        f"L{x + w * 0.74:.1f},{y + h * 0.48:.1f} L{right},{y + h * 0.8:.1f} V{base} Z",
        near(rng, ["#7A9182", "#8A6B5A", "#5E7A9A"], 0.05),
    )
    pen.oval(x + w * 0.72, y + h * 0.28, 6, 6, "#E2B765")


def _table_with_plant(pen: Pen, rng: np.random.Generator, x: float) -> None:
    wood, leaf = (
        near(rng, ["#6A4A32", "#3F332B", "#A27A50"], 0.03),
        near(rng, ["#5E8162", "#4E7A4E", "#7F9A5B"], 0.04),
    )
    pen.box(x, 176, 96, 8, 2, wood)
    for leg in (6, 84):
        pen.box(x + leg, 184, 6, 84, 0, darker(wood, 0.2))
    if rng.random() < 0.6:
        pen.oval(x + 42, 140, 7, 30, leaf, -23)
        pen.oval(x + 52, 132, 7, 34, lighter(leaf, 0.12), 6)
        pen.oval(x + 61, 140, 6, 28, darker(leaf, 0.12), 34)
        pen.path(
            f"M{x + 32},150 H{x + 72} L{x + 67},176 H{x + 37} Z",
            near(rng, ["#DDE3E0", "#B56A4A", "#4C6A86"], 0.03),
        )
    else:
        pen.path(f"M{x + 48},176 V128", None, "#8B7355", 5)
        pen.path(
            f"M{x + 26},132 L{x + 36},96 H{x + 60} L{x + 70},132 Z",
            near(rng, ["#EFE0B8", "#D9E2E0", "#E3B58C"], 0.03),
        )


def room(pen: Pen, rng: np.random.Generator) -> None:
    """A living room: striped or plain wall, window, picture, table, rug."""
    wall = near(rng, ["#E7DCC8", "#CFD8D2", "#DCD3DC", "#C9D3DE", "#E3CDBD", "#B9C4AE"], 0.03)
    pen.box(0, 0, 640, 252, 0, pen.linear(0, 0, 0, 250, wall, darker(wall, 0.14)))
    step = int(rng.choice([32, 48, 640]))
    for x in range(0, 640, step):
        pen.box(x, 0, 1.2, 250, 0, "rgba(255,255,255,.16)" if x % (2 * step) else "rgba(0,0,0,.09)")
    _boards(pen, rng, 250, near(rng, ["#9C6E45", "#B98E62", "#6E4A34", "#8F8272"], 0.03))
    pen.box(0, 240, 640, 12, 0, "#F3EDE2")
    pen.box(0, 250, 640, 3, 0, "rgba(0,0,0,.18)")
    window = rng.uniform(40, 130) if rng.random() < 0.4 else rng.uniform(380, 460)
    side = window < 200
    _window(pen, rng, round(window), curtains=rng.random() < 0.75)
    for k in range(int(rng.integers(1, 3))):
        _picture(
            pen,
            rng,
            round(rng.uniform(300, 330) if side else rng.uniform(150, 170)) + 104 * k,
            round(rng.uniform(36, 96)),
        )
    _table_with_plant(pen, rng, round(rng.uniform(490, 530) if side else rng.uniform(16, 60)))
    if rng.random() < 0.8:
        rug, x = near(rng, ["#A5564A", "#4F6B86", "#7B7F5A", "#8C5F7E"], 0.04), rng.uniform(280, 370)
        for k, tone in enumerate((darker(rug, 0.25), rug, lighter(rug, 0.14), rug)):
            pen.oval(x, 334, 290 - 24 * k, 29 - 4 * k, tone)
    pen.box(
        0, 0, 640, 360, 0, pen.radial(window + 70, 110, 330, "rgba(255,244,214,.3)", "rgba(255,244,214,0)")
    )


def kitchen(pen: Pen, rng: np.random.Generator) -> None:
    """A kitchen: tiles, cupboards, worktop, checked floor."""
    tile = near(rng, ["#E6ECEA", "#D5E1E6", "#EFE4D2", "#D9E3CF"], 0.03)
    front = near(rng, ["#7E9AA3", "#C9B18C", "#8C9B78", "#B8746A", "#5F6B7A"], 0.04)
    top = near(rng, ["#5B4A3E", "#C9C4BA", "#3A3D42"], 0.03)
    pen.box(0, 0, 640, 250, 0, pen.linear(0, 0, 0, 250, tile, darker(tile, 0.1)))
    for x in range(0, 640, 32):
        pen.box(x, 0, 1, 176, 0, "rgba(60,60,60,.12)")
    for y in range(12, 180, 28):
        pen.box(0, y, 640, 1, 0, "rgba(60,60,60,.12)")
    floor = near(rng, ["#C9BCA6", "#9AA3A6", "#B7917A"], 0.03)
    pen.box(0, 262, 640, 98, 0, floor)
    for row, (upper, lower) in enumerate(((262, 276), (276, 296), (296, 324), (324, 360))):
        for k in range(-9, 10):
            if (k + row) % 2:
                a, b = (upper - 190) * 0.62, (lower - 190) * 0.62
                pen.path(
                    f"M{320 + k * a:.1f},{upper} h{a:.1f} L{320 + (k + 1) * b:.1f},{lower} h{-b:.1f} Z",
                    darker(floor, 0.22),
                )
    pen.box(0, 184, 640, 76, 0, front)
    pen.box(0, 256, 640, 7, 0, "rgba(20,16,12,.5)")
    for x in range(int(rng.integers(0, 40)), 640, 92):
        pen.box(x + 3, 192, 86, 62, 2, lighter(front, 0.1))
        pen.box(x + 36, 198, 20, 4, 2, darker(front, 0.4))
    pen.box(0, 176, 640, 10, 0, top)
    stove = round(rng.uniform(60, 480))
    pen.box(stove, 188, 92, 70, 2, "#D5D8DA")
    pen.box(stove + 10, 206, 72, 40, 4, "#2B2F34")
    pen.path(
        f"M{stove + 18},176 V156 H{stove + 60} V176 Z M{stove + 60},162 h18",
        near(rng, ["#B5463A", "#6C7780", "#3F6B60"], 0.04),
        "#4B4F54",
        2,
    )
    shelf = (stove + rng.uniform(180, 300)) % 520
    pen.box(round(shelf), 86, 130, 6, 1, darker(top, 0.1))
    for k in range(6):
        tall = rng.uniform(16, 34)
        pen.box(
            round(shelf) + 8 + k * 20,
            86 - tall,
            14,
            tall,
            3,
            near(rng, ["#D6C7A1", "#A5564A", "#6E8A93", "#7E9A6B", "#E4E0D6"], 0.05),
        )
    if rng.random() < 0.6:
        _window(pen, rng, round((shelf + rng.uniform(180, 260)) % 470), curtains=False)


def stage(pen: Pen, rng: np.random.Generator) -> None:
    """A stage: curtain folds, boards, beams of light."""
    cloth = near(rng, ["#5A1C30", "#1E3A4E", "#3A2A55", "#26402F", "#6A3A1E"], 0.04)
    pen.box(0, 0, 640, 270, 0, pen.linear(0, 0, 0, 270, darker(cloth, 0.62), darker(cloth, 0.3)))
    fold = rng.uniform(24, 46)
    for i in range(int(640 / fold) + 2):
        x = i * fold - 10
        pen.box(
            round(x),
            0,
            fold * 0.55,
            270,
            0,
            pen.linear(
                x, 0, x + fold * 0.55, 0, darker(cloth, 0.45), lighter(cloth, 0.06), darker(cloth, 0.5)
            ),
        )
    if rng.random() < 0.5:
        for i in range(9):
            pen.path(
                f"M{i * 80 - 40},0 H{i * 80 + 40} C{i * 80 + 36},44 {i * 80 - 36},44 {i * 80 - 40},0 Z", cloth
            )
            pen.path(
                f"M{i * 80 - 39},8 C{i * 80 - 30},46 {i * 80 + 30},46 {i * 80 + 39},8", None, "#C9A24E", 3
            )
    wood = near(rng, ["#6B4630", "#8A5F3C", "#4A3A34"], 0.03)
    pen.box(0, 262, 640, 98, 0, pen.linear(0, 262, 0, 360, wood, darker(wood, 0.35)))
    for i in range(-8, 22):
        pen.path(f"M{i * 42},262 L{320 + (i * 42 - 320) * 1.35:.1f},360", None, "rgba(0,0,0,.22)", 1.2)
    for _ in range(int(rng.integers(2, 4))):
        x, foot = rng.uniform(120, 520), rng.uniform(140, 500)
        tint = str(rng.choice(["255,226,170", "170,200,255", "255,180,200", "190,255,214"]))
        beam = pen.linear(0, 0, 0, 340, f"rgba({tint},.30)", f"rgba({tint},.08)")
        pen.path(f"M{x - 16:.0f},-10 H{x + 16:.0f} L{foot + 120:.0f},334 H{foot - 120:.0f} Z", beam)
        pen.oval(round(foot), 330, 128, 20, f"rgba({tint},.2)")
