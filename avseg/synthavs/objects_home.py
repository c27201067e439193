"""Bell, clock and vacuum-cleaner. Origin at the ground, y up is negative."""

import numpy as np

from avseg.synthavs.objects_music import WOODS
from avseg.synthavs.objects_svg import Pen, darker, lighter, mixed, near


def bell(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A bell: standing hand bell or one hung in a small wooden frame; the clapper swings with the pose."""
    brass = near(rng, ["#C2932F", "#B5763A", "#A9AFB5", "#8E9A5E", "#D8B86A"], 0.04)
    hung, wide = rng.random() < 0.5, rng.uniform(0.9, 1.15)
    shine = [darker(brass, 0.25), lighter(brass, 0.5), brass, darker(brass, 0.45)]
    if hung:
        wood = near(rng, WOODS, 0.04)
        pen.path("M-56,2 L-46,-118 M56,2 L46,-118", None, wood, 8)
        pen.path("M-58,-112 L58,-112", None, darker(wood, 0.2), 10)
        pen.path("M-64,2 L-44,2 M44,2 L64,2", None, darker(wood, 0.35), 8)
    with pen.group(
        f"translate(0 {-18 if hung else 0}) rotate({(-7 + 14 * pose) if hung else 0:.1f} 0 -92) "
        f"scale({wide:.2f} 1)"
    ):
        pen.oval(-8 + 16 * pose, -7, 9, 8, darker(brass, 0.5))
        pen.path(
            "M-40,-10 C-28,-18 -30,-34 -27,-54 C-24,-74 -12,-84 0,-84 C12,-84 24,-74 27,-54 C30,-34 "
            "28,-18 40,-10 Z",
            pen.linear(-36, 0, 36, 0, *shine),
        )
        pen.box(-42, -14, 84, 7, 3, pen.linear(-42, 0, 42, 0, *shine))
        pen.path("M-29,-34 C-12,-29 12,-29 29,-34", None, darker(brass, 0.35), 2)
        pen.path("M-22,-50 C-20,-66 -12,-76 -4,-78", None, "rgba(255,255,255,.55)", 3)
        if hung:
            pen.oval(0, -90, 7, 8, darker(brass, 0.25))
        else:
            grip = near(rng, WOODS, 0.05)
            pen.box(-6, -128, 12, 42, 6, pen.linear(-6, 0, 6, 0, lighter(grip, 0.2), darker(grip, 0.3)))
            pen.oval(0, -128, 8, 8, darker(grip, 0.15))
    if not hung:
        pen.oval(0, -4, 20, 4, darker(brass, 0.6))


def clock(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """An alarm clock with two bells, or a wooden clock with a pendulum."""
    paint = near(rng, ["#B4473A", "#3F7D78", "#46618C", "#D2A23C", "#5C5F66", "#7B4B7A"], 0.05)
    face = near(rng, ["#FBF8F0", "#F2E7CB", "#E8EEF0"], 0.02)
    hour, minute = rng.uniform(0, 360), rng.uniform(0, 360) + 8 * pose
    if rng.random() < 0.6:
        pen.path("M-26,-14 L-38,2 M26,-14 L38,2", None, "#3B4248", 7)
        pen.path("M-20,-96 C-12,-116 12,-116 20,-96", None, "#3B4248", 4)
        with pen.group(f"translate({-1.6 + 3.2 * pose:.1f} 0)"):
            pen.oval(-26, -92, 15, 12, darker(paint, 0.1), -34)
            pen.oval(26, -92, 15, 12, darker(paint, 0.1), 34)
            pen.box(-3, -104, 6, 12, 2, "#8D949A")
        pen.oval(0, -48, 46, 46, pen.radial(-14, -66, 76, lighter(paint, 0.25), paint, darker(paint, 0.3)))
        _face(pen, 0, -48, 38, face, paint, hour, minute)
    else:
        wood = near(rng, WOODS, 0.04)
        pen.box(-44, -8, 88, 10, 3, darker(wood, 0.3))
        pen.path(
            "M-36,-8 L-36,-118 C-36,-158 36,-158 36,-118 L36,-8 Z",
            pen.linear(-36, 0, 36, 0, lighter(wood, 0.1), wood, darker(wood, 0.35)),
        )
        pen.box(-20, -70, 40, 56, 3, "#1F1714")
        with pen.group(f"rotate({-16 + 32 * pose:.1f} 0 -70)"):
            pen.path("M0,-70 L0,-30", None, "#D8B25A", 2.6)
            pen.oval(0, -27, 8, 8, "#E3C06A")
        _face(pen, 0, -108, 28, face, darker(wood, 0.4), hour, minute)


def _face(pen: Pen, x: float, y: float, r: float, face: str, paint: str, hour: float, minute: float) -> None:
    pen.oval(x, y, r, r, face)
    for mark in range(12):
        a = mark * np.pi / 6
        inner, outer = r * (0.76 if mark % 3 == 0 else 0.83), r * 0.93
        pen.path(
            f"M{x + np.sin(a) * inner:.1f},{y - np.cos(a) * inner:.1f} "
            f"L{x + np.sin(a) * outer:.1f},{y - np.cos(a) * outer:.1f}",
            None,
            "#4B4F54",
            2.4 if mark % 3 == 0 else 1.6,
        )
    for angle, reach, width in ((hour, 0.5, 4), (minute, 0.74, 3)):
        with pen.group(f"rotate({angle:.1f} {x} {y})"):
            pen.path(f"M{x},{y} L{x},{y - r * reach:.1f}", None, "#23262A", width)
    pen.oval(x, y, 3.4, 3.4, paint)


_SHELLS = ["#B8402F", "#3F6FA0", "#5E8F6A", "#D9A93A", "#4A4E57", "#7B4B7A", "#E4E1D8", "#3E8C8C"]


def vacuum_cleaner(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A sled or a tub with hose and wand, or an upright cleaner; the hose sways with the pose."""
    shell = near(rng, _SHELLS, 0.05)
    trim = near(rng, ["#2B2E33", "#3A3F46", "#4A3F3A"], 0.03)
    tube = near(rng, ["#B9BEC4", "#8F969E", "#5A5F66", "#D9C9A0"], 0.03)
    make = rng.random()
    if make < 0.42:
        _wand(pen, rng, pose, (6, -32), trim, tube)
        _sled(pen, rng, shell, trim)
    elif make < 0.66:
        _wand(pen, rng, pose, (16, -66), trim, tube)
        _tub(pen, rng, shell, trim)
    else:
        _upright_cleaner(pen, rng, pose, shell, trim, tube)


def _hose(pen: Pen, points: tuple[tuple[float, float], ...], tone: str, width: float) -> None:
    """Draw a ribbed hose along a cubic curve given by its four points."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    curve = f"M{ax:.1f},{ay:.1f} C{bx:.1f},{by:.1f} {cx:.1f},{cy:.1f} {dx:.1f},{dy:.1f}"
    pen.path(curve, None, darker(tone, 0.35), width)
    pen.path(curve, None, tone, width - 2.4)
    corners = np.array(points, float)
    ribs = ""
    for t in np.linspace(0.02, 0.98, 26):
        weights = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])
        slopes = np.array([-((1 - t) ** 2), (1 - t) * (1 - 3 * t), t * (2 - 3 * t), t * t])
        (x, y), (u, v) = weights @ corners, slopes @ corners
        reach = 0.46 * width / max(float(np.hypot(u, v)), 1e-6)
        ribs += f"M{x - v * reach:.1f},{y + u * reach:.1f} L{x + v * reach:.1f},{y - u * reach:.1f} "
    pen.path(ribs, None, darker(tone, 0.42), 1.3)


def _wand(
    pen: Pen, rng: np.random.Generator, pose: float, start: tuple[float, float], trim: str, tube: str
) -> None:
    """Draw hose, grip, tube and floor head; the grip is at the upper right."""
    top, foot, sway = rng.uniform(118, 142), rng.uniform(82, 98), 16 * pose - 8
    x, y = start
    with pen.group(f"rotate({0.35 * sway:.1f} {foot:.1f} -6)"):
        pen.path(f"M{foot:.1f},-8 L54,{-top + 10:.1f}", None, darker(tube, 0.3), 7.5)
        pen.path(f"M{foot - 0.8:.1f},-8 L53.2,{-top + 10:.1f}", None, lighter(tube, 0.18), 4)
        pen.path(f"M{(foot + 54) / 2 - 1:.1f},{-top / 2 - 2:.1f} l3,8", None, trim, 9)
        _hose(
            pen,
            ((x, y), (x + 30 + sway, y + 4), (8 + sway, -top - 4), (44, -top - 4)),
            mixed(trim, "#FFFFFF", 0.2),
            10,
        )
        pen.path(
            f"M42,{-top - 4:.1f} C54,{-top - 4:.1f} 56,{-top + 6:.1f} 60,{-top + 24:.1f}", None, trim, 10
        )
    pen.path(f"M{foot - 14:.1f},-2 L{foot - 10:.1f},-11 L{foot + 20:.1f},-11 L{foot + 30:.1f},-2 Z", trim)
    pen.box(foot - 16, -4, 48, 5, 2, darker(trim, 0.4))


def _castor(pen: Pen, x: float, radius: float, hub: str) -> None:
    pen.oval(x, 1 - radius, radius, radius, "#1F2125")
    pen.oval(x, 1 - radius, radius * 0.58, radius * 0.58, hub)
    pen.oval(x, 1 - radius, radius * 0.2, radius * 0.2, "#1F2125")


def _sled(pen: Pen, rng: np.random.Generator, shell: str, trim: str) -> None:
    tall = rng.uniform(50, 64)
    paint = pen.linear(0, -tall, 0, -8, lighter(shell, 0.32), shell, darker(shell, 0.35))
    pen.path(
        f"M-80,-12 C-84,-36 -72,{-tall:.1f} -40,{-tall:.1f} C-10,{-tall:.1f} 6,-42 14,-28 L16,-12 Z", paint
    )
    pen.path(
        f"M-56,{-tall + 6:.1f} C-36,{-tall - 3:.1f} -14,{-tall + 8:.1f} -4,-34 L-34,-34 Z", darker(shell, 0.3)
    )
    pen.path(
        f"M-50,{-tall + 2:.1f} C-44,{-tall - 13:.1f} -22,{-tall - 11:.1f} -18,{-tall + 8:.1f}", None, trim, 5
    )
    pen.box(-82, -17, 100, 9, 4, trim)
    pen.oval(7, -31, 8, 8, trim)
    for i in range(4):
        pen.path(f"M{-74 + i * 4},-26 l{2 + i},-12", None, darker(shell, 0.45), 1.8)
    pen.oval(-26, -25, 3.4, 3.4, "#F4F1E6")
    _castor(pen, -50, rng.uniform(15, 19), lighter(shell, 0.35))
    _castor(pen, 4, 8, "#8D949A")


def _tub(pen: Pen, rng: np.random.Generator, shell: str, trim: str) -> None:
    wide = rng.uniform(40, 48)
    paint = pen.linear(
        -wide - 22, 0, wide - 22, 0, darker(shell, 0.15), lighter(shell, 0.22), darker(shell, 0.38)
    )
    lid = pen.linear(-wide - 22, 0, wide - 22, 0, trim, lighter(trim, 0.25), darker(trim, 0.35))
    with pen.group("translate(-22 0)"):
        pen.path(
            f"M{-wide},-54 L{-wide + 3},-12 C{-wide + 3},-4 {wide - 3},-4 {wide - 3},-12 L{wide},-54 Z", paint
        )
        pen.path(f"M{-wide},-54 C{-wide},-92 {wide},-92 {wide},-54 Z", lid)
        pen.path("M-16,-82 C-14,-100 14,-100 16,-82", None, darker(trim, 0.3), 5)
        pen.box(-wide - 3, -58, 2 * wide + 6, 9, 3, lighter(trim, 0.12))
        pen.oval(-8, -32, 12, 12, lighter(shell, 0.5))
        pen.oval(-8, -32, 8, 8, darker(shell, 0.2))
        for x in (-wide + 9, wide - 9):
            _castor(pen, x, 9, "#8D949A")
    pen.oval(16, -66, 8, 8, darker(trim, 0.2))


def _upright_cleaner(
    pen: Pen, rng: np.random.Generator, pose: float, shell: str, trim: str, tube: str
) -> None:
    clear, tall = rng.random() < 0.5, rng.uniform(92, 108)
    metal = mixed(trim, "#FFFFFF", 0.2)
    with pen.group(f"rotate({-12 - 7 * pose:.1f} -6 -14)"):
        pen.path(f"M-4,{-tall:.1f} L-4,-150", None, darker(tube, 0.3), 8)
        pen.path(f"M-5,{-tall:.1f} L-5,-150", None, lighter(tube, 0.18), 4)
        pen.path("M-4,-148 C-6,-166 16,-168 14,-154 L6,-142", None, trim, 7)
        paint = pen.linear(
            -26, 0, 20, 0, darker(shell, 0.12), lighter(shell, 0.28), shell, darker(shell, 0.35)
        )
        if clear:
            pen.box(-24, -tall, 42, tall - 14, 9, paint)
            pen.box(-18, -tall + 20, 30, 44, 7, pen.linear(-18, 0, 12, 0, "#DCE8EC", "#A9BCC4", "#7F949E"))
            pen.path(f"M-3,{-tall + 22:.1f} l-8,18 l16,0 Z", darker(shell, 0.15))
            pen.path(f"M-16,{-tall + 54:.1f} h26 v2 c0,5 -4,7 -8,7 h-10 c-5,0 -8,-3 -8,-7 Z", "#8A7B6A")
        else:
            pen.path(
                f"M-14,{-tall - 4:.1f} C-34,{-tall + 22:.1f} -34,-36 -24,-20 L16,-20 "
                f"C26,-36 24,{-tall + 20:.1f} 6,{-tall - 4:.1f} Z",
                paint,
            )
            pen.path(f"M-12,{-tall + 14:.1f} C-18,-70 -17,-50 -14,-34", None, darker(shell, 0.3), 2)
            pen.path(f"M4,{-tall + 12:.1f} C12,-72 12,-52 9,-34", None, darker(shell, 0.35), 2)
            pen.box(-16, -tall - 8, 24, 9, 3, trim)
        _hose(pen, ((18, -24), (36 + 8 * pose, -40), (34 + 8 * pose, -tall - 8), (2, -tall - 6)), metal, 7.5)
        pen.box(-22, -30, 38, 22, 6, trim)
    pen.path(
        "M-26,-2 C-26,-20 -14,-26 4,-26 L34,-22 C52,-20 60,-14 60,-2 Z",
        pen.linear(0, -26, 0, 0, lighter(shell, 0.2), shell, darker(shell, 0.4)),
    )
    pen.path("M16,-19 L34,-17 C44,-16 50,-13 52,-9 L18,-9 Z", darker(trim, 0.1))
    pen.box(52, -12, 6, 5, 2, "#F7E9B0")
    pen.box(-26, -6, 88, 7, 3, darker(trim, 0.2))
    _castor(pen, -16, 9, "#8D949A")
