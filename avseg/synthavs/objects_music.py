"""Guitar, piano and violin. Origin at the ground, y up is negative."""

import numpy as np

from avseg.synthavs.objects_svg import Pen, darker, lighter, mixed, near

WOODS = ["#9B5B3C", "#C98A4B", "#6B3A24", "#B5502E", "#D9A862", "#4A2C22"]
PAINTS = ["#D96B4B", "#4E79A0", "#5E8F6A", "#8A4B6E", "#C9A23E", "#3E4650", "#D8D3C8"]


def guitar(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """An acoustic or electric guitar on its stand; the strings blur a little with the pose."""
    electric = rng.random() < 0.35
    body = near(rng, PAINTS if electric or rng.random() < 0.25 else WOODS, 0.05)
    plate, neck = (
        near(rng, ["#2C150B", "#EFE7D6", "#1D1D20"], 0.03),
        near(rng, ["#3B2318", "#6A4327", "#241712"], 0.03),
    )
    pen.path("M-30,4 L-8,-58 M30,4 L8,-58 M-26,-8 L26,-8", None, "#26211F", 4)
    glow = pen.radial(-8, -60, 74, lighter(body, 0.22), body, darker(body, 0.45))
    (_electric_body if electric else _acoustic_body)(pen, body, plate, glow)
    pen.box(-14, -32, 28, 6, 2, "#3E2414")
    _guitar_neck(pen, neck, pose)


def _electric_body(pen: Pen, body: str, plate: str, glow: str) -> None:
    shape = (
        "M-2,0 C-32,2 -40,-24 -31,-44 C-25,-56 -30,-68 -33,-84 C-33,-98 -20,-98 -9,-84 L-5,-80 L5,-80 "
        "C10,-92 22,-96 28,-86 C31,-74 24,-62 28,-48 C40,-28 32,-2 -2,0 Z"
    )
    pen.path(shape, glow, darker(body, 0.6), 2.6)
    pen.path("M-22,-52 C-18,-66 -14,-72 -4,-74 L12,-68 C18,-48 20,-30 8,-22 C-4,-28 -16,-38 -22,-52 Z", plate)
    for y in (-62, -46):
        pen.box(-10, y, 20, 8, 2, "#C9C9CC")
    pen.oval(20, -22, 3.4, 3.4, "#E6E0D0")
    pen.oval(13, -13, 3.4, 3.4, "#E6E0D0")


def _acoustic_body(pen: Pen, body: str, plate: str, glow: str) -> None:
    shape = (
        "M0,0 C-34,0 -42,-32 -32,-50 C-26,-60 -22,-64 -24,-74 C-28,-94 -14,-104 0,-104 C14,-104 "
        "28,-94 24,-74 "
        "C22,-64 26,-60 32,-50 C42,-32 34,0 0,0 Z"
    )
    pen.path(shape, glow, darker(body, 0.6), 2.6)
    pen.path("M10,-60 C24,-58 24,-36 14,-30 C8,-38 8,-50 10,-60 Z", plate)
    for radius, tone in ((13, "#EAD3A4"), (11.4, "#7A4A20"), (9.6, "#22130B")):
        pen.oval(0, -66, radius, radius, tone)


def _guitar_neck(pen: Pen, neck: str, pose: float) -> None:
    pen.path("M-5.5,-62 L-4.4,-186 L4.4,-186 L5.5,-62 Z", neck)
    for fret in range(11):
        y = -82 - fret * 9.6
        pen.path(f"M-4.8,{y} L4.8,{y}", None, "#B9AE9C", 0.9)
    for y in (-100.5, -119.5, -138.5):
        pen.oval(0, y, 1.3, 1.3, "#EEE6D2")
    pen.path("M-5,-184 L-9,-214 C-6,-218 6,-218 9,-214 L5,-184 Z", darker(neck, 0.3))
    for y in (-190, -199, -208):
        pen.oval(-11.5, y, 2.8, 2.2, "#C9C4B8")
        pen.oval(11.5, y, 2.8, 2.2, "#C9C4B8")
    for string in range(6):
        x = -4 + string * 1.6
        pen.path(f"M{x * 1.5:.2f},-29 L{x * 0.8:.2f},-186", None, "rgba(245,240,228,.75)", 0.5 + 0.5 * pose)


def piano(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """An upright piano, or a grand with its lid up; a few keys go down with the pose."""
    wood = near(rng, ["#4A2C22", "#1E1B1C", "#7A4B2E", "#E6E0D4", "#5B2A26", "#33383F"], 0.04)
    if rng.random() < 0.42:
        _grand(pen, wood, pose)
    else:
        _upright(pen, rng, wood, pose)


def _upright(pen: Pen, rng: np.random.Generator, wood: str, pose: float) -> None:
    tall = rng.uniform(96, 118)
    pen.box(-72, -tall, 144, tall + 2, 4, pen.linear(0, -tall, 0, 0, lighter(wood, 0.08), darker(wood, 0.35)))
    pen.box(-76, -tall - 4, 152, 7, 2, lighter(wood, 0.14))
    pen.box(-66, -tall + 8, 132, tall - 72, 2, darker(wood, 0.18))
    pen.box(-60, -38, 120, 30, 2, darker(wood, 0.42))
    pen.box(-78, -54, 156, 10, 2, lighter(wood, 0.2))
    _keys(pen, -72, -63, 144, 11, pose)
    for x in (-74, 62):
        pen.box(x, -46, 12, 48, 2, darker(wood, 0.45))
    if rng.random() < 0.7:
        pen.box(-26, -tall + 6, 25, 28, 1.5, "#F3EDDD")
        pen.box(1, -tall + 6, 25, 28, 1.5, "#EAE2CE")
        for row in range(4):
            y = -tall + 11 + row * 6
            pen.path(f"M-22,{y} h17 M5,{y} h17", None, "#8C857A", 1)
    for x in (-7, 1, 9):
        pen.oval(x, -4, 3.2, 2, "#D4AF5A")


def _keys(pen: Pen, x: float, y: float, wide: float, tall: float, pose: float) -> None:
    step = wide / 26
    pen.box(x, y, wide, tall, 1, "#FBF8F0")
    for key in range(26):
        if key % 9 == 4 and pose > 0.3:
            pen.box(x + key * step, y, step, tall, 0, mixed("#FBF8F0", "#8F887C", 0.5 * pose))
        pen.path(f"M{x + key * step:.2f},{y} v{tall}", None, "#C9C2B4", 0.6)
    for key in range(25):
        if key % 7 not in (2, 6):
            pen.box(x + (key + 0.65) * step, y, 3, tall * 0.62, 0, "#1B1412")


def _grand(pen: Pen, wood: str, pose: float) -> None:
    pen.path(
        "M-66,-84 C-40,-128 20,-150 84,-150 L92,-146 L70,-82 Z", darker(wood, 0.15), darker(wood, 0.5), 2
    )
    pen.path("M-54,-86 C-30,-118 20,-138 78,-140 L62,-84 Z", mixed(wood, "#C9934A", 0.35))
    pen.path("M40,-82 L58,-142", None, "#2A2422", 2.6)
    pen.path("M-62,-84 L82,-84 L74,-74 L-56,-74 Z", "#C79B52")
    for x in range(-46, 74, 8):
        pen.path(f"M{x},-83 L{x - 2},-75", None, "#7B5A24", 0.8)
    case = pen.linear(0, -76, 0, -44, lighter(wood, 0.14), darker(wood, 0.3))
    pen.path("M-84,-76 L84,-76 C94,-74 94,-58 84,-52 L-84,-44 Z", case)
    pen.box(-92, -66, 34, 22, 2, darker(wood, 0.3))
    _keys(pen, -90, -68, 30, 8, pose)
    for x, foot in ((-74, -76), (0, 0), (70, 72)):
        pen.path(f"M{x - 5},-48 L{x + 5},-48 L{foot + 3},-2 L{foot - 3},-2 Z", darker(wood, 0.4))
        pen.oval(foot, 0, 4, 3, "#B9964E")
    pen.path("M-30,-46 L-24,-8 M-14,-46 L-20,-8 M-28,-8 L-16,-8", None, darker(wood, 0.35), 3)


def violin(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A violin standing with its bow; the bow leans with the pose."""
    wood = near(rng, ["#D9803C", "#A8492A", "#7A3A20", "#C9963F", "#8C2F22", "#E0A55E"], 0.04)
    trim = near(rng, ["#1E120D", "#3A2418", "#2B2B30"], 0.02)
    glow = pen.radial(-4, -36, 50, lighter(wood, 0.18), wood, darker(wood, 0.45))
    with pen.group(f"rotate({-3 + 10 * pose + rng.uniform(-3, 3):.1f} 36 0)"):
        pen.path("M37,-2 L24,-126", None, "#5B3219", 2.8)
        pen.path("M41.5,-4 L29,-126", None, "#EFE9DA", 1.6)
        pen.box(34.5, -14, 8, 10, 1.5, "#1E1714")
    pen.path(
        "M0,0 C-20,0 -27,-14 -23,-27 C-20,-32 -15,-33 -14,-38 C-13,-43 -19,-44 -19,-51 C-20,-64 "
        "-12,-70 0,-70 "
        "C12,-70 20,-64 19,-51 C19,-44 13,-43 14,-38 C15,-33 20,-32 23,-27 C27,-14 20,0 0,0 Z",
        glow,
        darker(wood, 0.6),
        2,
    )
    for side in (-1, 1):
        pen.path(f"M{side * 9},-24 c{-side * 4},-6 {side * 3},-10 0,-17", None, "#2A0F05", 1.9)
    pen.oval(10, -4, 7, 5, trim, -14)
    pen.path("M-3.6,-36 L-2.4,-120 L2.4,-120 L3.6,-36 Z", trim)
    pen.path("M-3,-4 L-2,-18 L2,-18 L3,-4 Z", trim)
    pen.box(-8, -26, 16, 2.6, 1, "#E7CC9B")
    for x in (-1.8, -0.6, 0.6, 1.8):
        pen.path(f"M{x * 1.4:.2f},-18 L{x:.2f},-118", None, "rgba(240,236,226,.8)", 0.5)
    pen.path("M-3,-118 C-5,-132 -2,-138 3,-136 C7,-134 6,-128 2,-129", None, darker(wood, 0.5), 4)
    pen.path("M-8,-122 L8,-122 M-8,-128 L7,-128", None, trim, 2.4)
