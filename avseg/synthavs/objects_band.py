"""Drum and trumpet. Origin at the ground, y up is negative."""

import numpy as np

from avseg.synthavs.objects_music import PAINTS, WOODS
from avseg.synthavs.objects_svg import Pen, darker, lighter, mixed, near


def drum(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A snare with sticks, a hand drum, or a bass drum on its rim; sticks rise with the pose."""
    shell = near(rng, PAINTS, 0.05)
    skin, metal = (
        near(rng, ["#F7F4EC", "#EADFC6", "#E9ECEE"], 0.02),
        near(rng, ["#D9DCDE", "#D8B25A", "#6D7278"], 0.03),
    )
    kind = rng.random()
    if kind < 0.3:
        _bass_drum(pen, shell, skin, metal)
    elif kind < 0.55:
        _hand_drum(pen, shell, skin)
    else:
        _snare(pen, shell, skin, metal, rng.uniform(40, 66))
    lift = 20 * pose
    centre = -62 if kind < 0.3 else (-92 if kind < 0.55 else -58)
    with pen.group(f"translate(0 {centre + 58})"):
        with pen.group(f"rotate({-lift:.1f} 40 -84)"):
            pen.path("M-10,-58 L34,-84", None, "#CFA266", 4.4)
            pen.oval(-11, -57, 4.4, 3.4, "#E3BE86")
        with pen.group(f"rotate({lift - 14:.1f} 54 -76)"):
            pen.path("M8,-60 L52,-74", None, "#B98B52", 4.4)
            pen.oval(7, -60, 4.4, 3.4, "#D8B078")


def _snare(pen: Pen, shell: str, skin: str, metal: str, deep: float) -> None:
    low = -50 + deep
    with pen.group(f"translate(0 {-low - 8:.1f})"):
        pen.path(f"M-38,{low} L-52,{low + 9} M38,{low} L52,{low + 9}", None, "#8D949A", 4)
        side = pen.linear(-46, 0, 46, 0, darker(shell, 0.2), lighter(shell, 0.1), darker(shell, 0.42))
        pen.path(f"M-46,-50 L-46,{low - 6} C-46,{low + 9} 46,{low + 9} 46,{low - 6} L46,-50 Z", side)
        pen.oval(0, -50, 46, 13, metal)
        pen.oval(0, -51, 42, 10.6, skin)
        pen.path(f"M-46,{low - 7} C-46,{low + 8} 46,{low + 8} 46,{low - 7}", None, metal, 4)
        for i in range(-3, 4):
            drop = (9 - i * i) * 0.4
            pen.path(f"M{i * 13.5},{-38 + drop:.1f} V{low - 3 + drop:.1f}", None, metal, 2)


def _hand_drum(pen: Pen, shell: str, skin: str) -> None:
    side = pen.linear(-40, 0, 40, 0, darker(shell, 0.25), lighter(shell, 0.12), darker(shell, 0.45))
    pen.path(
        "M-38,-86 C-36,-54 -18,-46 -17,-34 C-17,-22 -26,-10 -27,0 C-16,6 16,6 27,0 C26,-10 17,-22 "
        "17,-34 C18,-46 36,-54 38,-86 Z",
        side,
    )
    for i in range(-3, 4):
        pen.path(f"M{i * 11 - 4},-78 L{i * 6},-46 M{i * 11 + 4},-78 L{i * 6},-46", None, "#EADFC6", 1.6)
    pen.path("M-37,-80 C-30,-70 30,-70 37,-80", None, darker(shell, 0.5), 3)
    pen.oval(0, -86, 38, 11, darker(skin, 0.25))
    pen.oval(0, -87, 35, 9, skin)


def _bass_drum(pen: Pen, shell: str, skin: str, metal: str) -> None:
    pen.path("M-34,-6 L-46,2 M34,-6 L46,2", None, "#5C6268", 5)
    pen.oval(10, -47, 46, 46, darker(shell, 0.35))
    pen.oval(0, -47, 48, 48, shell)
    pen.oval(0, -47, 43, 43, metal)
    pen.oval(0, -47, 40, 40, pen.radial(-10, -58, 54, skin, skin, darker(skin, 0.2)))
    pen.oval(0, -47, 17, 17, mixed(skin, shell, 0.75))
    for k in range(8):
        a = k * np.pi / 4 + 0.2
        x, y = np.cos(a), np.sin(a)
        pen.path(
            f"M{x * 42:.1f},{-47 + y * 42:.1f} L{x * 50:.1f},{-47 + y * 50:.1f}",
            None,
            darker(metal, 0.35),
            3.4,
        )


def trumpet(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A trumpet or cornet held level on a stand; its valves go down in turn with the pose."""
    brass = near(rng, ["#D9A93C", "#C98F3A", "#E3BE62", "#B9653A", "#C9CDD2", "#D9A93C"], 0.035)
    trim = near(rng, ["#C9CDD2", lighter(brass, 0.15)], 0.02)
    long, deep, flare = rng.uniform(0.82, 1.06), rng.uniform(24, 34), rng.uniform(25, 34)
    post = rng.uniform(36, 54)
    if rng.random() < 0.6:
        _tripod(pen, post)
    else:
        _rack(pen, near(rng, WOODS, 0.04), post, 40 * long)
    tilt = rng.uniform(-13, 2) - 3 * pose
    with pen.group(f"translate(0 {-post:.1f}) rotate({tilt:.1f}) scale({long:.2f} 1)"):
        _loops(pen, brass, deep)
        _horn(pen, brass, -deep, flare)
        _valves(pen, brass, trim, deep, pose)


def _tripod(pen: Pen, post: float) -> None:
    pen.path("M0,-18 L-30,2 M0,-18 L30,2 M0,-18 L6,3", None, "#26282C", 4.4)
    pen.path(
        f"M0,-18 L0,{-post:.1f} M-14,{-post - 4:.1f} L-10,{-post + 5:.1f} L10,{-post + 5:.1f}",
        None,
        "#33363B",
        5,
    )
    pen.path(f"M10,{-post + 5:.1f} L14,{-post - 4:.1f}", None, "#33363B", 5)


def _rack(pen: Pen, wood: str, post: float, reach: float) -> None:
    for x in (-reach, reach):
        pen.path(
            f"M{x - 5:.1f},0 L{x - 3:.1f},{-post - 3:.1f} L{x + 3:.1f},{-post - 3:.1f} L{x + 5:.1f},0 Z", wood
        )
    pen.box(-reach - 14, -7, 2 * reach + 28, 9, 3, darker(wood, 0.28))
    pen.box(-reach, -24, 2 * reach, 5, 2, darker(wood, 0.15))


def _tube(pen: Pen, d: str, brass: str, width: float) -> None:
    """Draw a round tube along path data: dark edge, body, and a line of light on its upper side."""
    pen.path(d, None, darker(brass, 0.5), width)
    pen.path(d, None, brass, width - 2)
    with pen.group(f"translate(0 {-0.2 * width:.1f})"):
        pen.path(d, None, lighter(brass, 0.6), width * 0.22)


def _loops(pen: Pen, brass: str, deep: float) -> None:
    """Draw lead pipe, mouthpiece and the two bows; the lower tube is at y = 0, the upper at -deep."""
    back, front, pipe = -46 - 0.65 * deep, 50 + 0.6 * deep, 6 - deep
    bow = f"M-20,0 L-46,0 C{back:.1f},0 {back:.1f},{-deep:.1f} -46,{-deep:.1f} L-20,{-deep:.1f}"
    slide = f"M20,{pipe:.1f} L50,{pipe:.1f} C{front:.1f},{pipe:.1f} {front:.1f},0 50,0 L20,0"
    pen.path(f"M40,{-deep:.1f} L40,0 M-38,{-deep:.1f} L-38,0", None, darker(brass, 0.35), 2.6)
    _tube(pen, slide, brass, 7)
    _tube(pen, bow, brass, 7)
    _tube(pen, f"M-98,{pipe:.1f} L-14,{pipe:.1f}", brass, 5.6)
    pen.path(
        f"M-96,{pipe - 3.4:.1f} L-108,{pipe - 6:.1f} L-113,{pipe - 8:.1f} L-113,{pipe + 8:.1f} "
        f"L-108,{pipe + 6:.1f} L-96,{pipe + 3.4:.1f} Z",
        pen.linear(0, pipe - 8, 0, pipe + 8, "#F2F3F4", "#B4B9BF", "#6D7278"),
    )
    for x, y in ((24, 0), (24, pipe), (-26, 0), (-70, pipe)):
        pen.box(x - 4, y - 4.6, 8, 9.2, 1.6, lighter(brass, 0.25))


def _horn(pen: Pen, brass: str, y: float, flare: float) -> None:
    """Draw the bell tube along y, opening to the right, and the dark of its mouth."""
    paint = pen.linear(
        0, y - flare, 0, y + flare, darker(brass, 0.2), lighter(brass, 0.55), brass, darker(brass, 0.5)
    )
    tube = pen.linear(0, y - 4, 0, y + 4, lighter(brass, 0.1), lighter(brass, 0.5), brass, darker(brass, 0.4))
    pen.path(f"M-48,{y - 3.6:.1f} L30,{y - 5:.1f} L30,{y + 5:.1f} L-48,{y + 3.6:.1f} Z", tube)
    pen.path(
        f"M28,{y - 5:.1f} C64,{y - 7:.1f} 90,{y - 10:.1f} 104,{y - flare:.1f} L104,{y + flare:.1f} "
        f"C90,{y + 10:.1f} 64,{y + 7:.1f} 28,{y + 5:.1f} Z",
        paint,
    )
    pen.oval(104, y, 6.4, flare + 1.5, lighter(brass, 0.3))
    pen.oval(
        105,
        y,
        4.6,
        flare - 1.5,
        pen.linear(0, y - flare, 0, y + flare, darker(brass, 0.75), darker(brass, 0.35)),
    )


def _valves(pen: Pen, brass: str, trim: str, deep: float, pose: float) -> None:
    shine = pen.linear(-7, 0, 7, 0, darker(trim, 0.3), lighter(trim, 0.6), trim, darker(trim, 0.4))
    for i, x in enumerate((-17, 0, 17)):
        down = 8 * (pose if i == 1 else 1 - pose)
        with pen.group(f"translate({x} 0)"):
            pen.path(f"M0,{-deep - 10:.1f} V{-deep - 23 + down:.1f}", None, darker(trim, 0.3), 3)
            pen.box(-6, -deep - 27 + down, 12, 4.6, 2, "#F3EEE2")
            pen.box(-7, -deep - 10, 14, deep + 19, 2.5, shine)
            for y in (-deep - 12, 6):
                pen.box(-7.8, y, 15.6, 5, 1.8, lighter(brass, 0.15))
            pen.box(-3, 10, 6, 4, 1.5, darker(brass, 0.3))
