"""Train: steam engine, diesel engine, rail car. Origin at the rail, facing right; wheels turn with `pose`."""

import numpy as np

from avseg.synthavs.objects_svg import Pen, darker, lighter, mixed, near
from avseg.synthavs.objects_vehicles import GLASS

LIVERIES = ["#2F5D4A", "#7A2E2B", "#2E4A73", "#2A2D31", "#A8552E", "#5A3F66", "#3F6A78"]


def train(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A steam engine with tender or coach, a diesel engine with nose or hood, or a rail car."""
    make, long = rng.random(), rng.uniform(0.92, 1.06)
    with pen.group(f"scale({long:.2f} 1)"):
        if make < 0.5:
            _steam(pen, rng, pose)
        elif make < 0.82:
            _diesel(pen, rng, pose)
        else:
            _rail_car(pen, rng, pose)


def _wheel(pen: Pen, x: float, radius: float, tone: str, turn: float, spokes: int) -> None:
    """Draw a wheel that stands on the rail; turn in radians."""
    pen.oval(x, 1 - radius, radius, radius, "#1D1F22")
    pen.oval(x, 1 - radius, radius * 0.84, radius * 0.84, tone)
    pen.oval(x, 1 - radius, radius * 0.68, radius * 0.68, darker(tone, 0.65))
    rays = ""
    for spoke in range(spokes):
        a = spoke * 2 * np.pi / spokes + turn
        rays += f"M{x},{1 - radius:.1f} l{np.cos(a) * radius * 0.72:.1f},{np.sin(a) * radius * 0.72:.1f} "
    pen.path(rays, None, tone, radius * 0.13)
    pen.oval(x, 1 - radius, radius * 0.24, radius * 0.24, tone)


def _bogie(pen: Pen, x: float, pose: float, axles: tuple[float, ...]) -> None:
    """Draw a truck with small wheels under a diesel engine or a coach."""
    reach = max(axles)
    pen.box(x - reach - 11, -20, 2 * reach + 22, 7, 2, "#2A2D31")
    for axle in axles:
        _wheel(pen, x + axle, 9, "#7D838A", 1.3 * pose, 4)
    pen.path(
        f"M{x - reach - 6},-13 L{x - reach * 0.4},-8 L{x + reach * 0.4},-8 L{x + reach + 6},-13 Z", "#3B4046"
    )


def _steam(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    paint = near(rng, LIVERIES, 0.05)
    brass = near(rng, ["#D8B25A", "#C77F45", "#C9CDD0"], 0.04)
    rims = near(rng, ["#A63D33", "#3A3E44", "#B98149", "#7D2F2A"], 0.04)
    black = near(rng, ["#24272B", "#33302E"], 0.02)
    fat, flared, coach = rng.uniform(0.94, 1.12), rng.random() < 0.4, rng.random() < 0.45
    (_coach if coach else _tender)(pen, rng, paint, brass, pose)
    pen.box(-58, -29, 150, 8, 2, darker(paint, 0.5))
    with pen.group(f"translate(0 -29) scale(1 {fat:.2f}) translate(0 29)"):
        _boiler(pen, paint, brass, black, flared)
    _cab(pen, rng, paint, brass, black)
    _running_gear(pen, rng, rims, black, pose)
    if flared:
        pen.path("M86,-22 L94,-22 L116,-1 L84,-1 Z", rims)
        pen.path("M92,-20 L88,-2 M94,-18 L98,-2 M97,-15 L108,-2", None, darker(rims, 0.5), 1.8)
    else:
        pen.box(88, -31, 6, 16, 1.5, "#B23A2E")
        pen.path("M94,-24 L101,-24 M101,-30 L101,-18", None, "#4A4F55", 4)


def _boiler(pen: Pen, paint: str, brass: str, black: str, flared: bool) -> None:
    """Draw boiler, domes, smoke box, chimney and lamp."""
    for x, wide, tone in ((6, 20, brass), (36, 16, mixed(paint, brass, 0.35))):
        shine = pen.linear(x, 0, x + wide, 0, lighter(tone, 0.35), tone, darker(tone, 0.4))
        pen.path(f"M{x},-62 V-72 C{x},-82 {x + wide},-82 {x + wide},-72 V-62 Z", shine)
    pen.box(
        -26,
        -66,
        96,
        39,
        5,
        pen.linear(0, -66, 0, -27, paint, lighter(paint, 0.34), paint, darker(paint, 0.5)),
    )
    for x in (2, 30, 56):
        pen.path(f"M{x},-65 V-28", None, brass, 2)
    smoke = pen.linear(0, -68, 0, -26, black, lighter(black, 0.28), black, darker(black, 0.5))
    if flared:
        pen.path("M75,-66 L74,-76 L65,-90 L70,-100 L86,-100 L91,-90 L82,-76 L81,-66 Z", black)
        pen.path("M66,-90 L90,-90", None, brass, 2.4)
    else:
        pen.path("M71,-66 L73,-88 L83,-88 L85,-66 Z", pen.linear(71, 0, 85, 0, lighter(black, 0.2), black))
        pen.box(69, -93, 18, 6, 2, brass)
    pen.box(64, -68, 26, 42, 4, smoke)
    pen.box(88, -61, 6, 28, 3, lighter(black, 0.14))
    pen.box(90, -76, 10, 11, 2.5, darker(brass, 0.1))
    pen.oval(100, -70.5, 2.6, 4.6, "#FFF1B8")
    pen.path("M-22,-40 L84,-40", None, "rgba(255,255,255,.45)", 1.4)


def _cab(pen: Pen, rng: np.random.Generator, paint: str, brass: str, black: str) -> None:
    glass, high = near(rng, GLASS, 0.03), rng.uniform(84, 92)
    pen.box(
        -60,
        -high,
        38,
        high - 24,
        2,
        pen.linear(0, -high, 0, -24, lighter(paint, 0.16), paint, darker(paint, 0.35)),
    )
    pen.box(-53, -high + 9, 23, 20, 3, brass)
    pen.box(-51, -high + 11, 19, 16, 2, glass)
    pen.path(f"M-66,{-high + 3:.1f} C-60,{-high - 8:.1f} -22,{-high - 8:.1f} -16,{-high + 3:.1f} Z", black)
    pen.box(-53, -48, 23, 15, 2, darker(paint, 0.28))
    pen.path("M-52,-40.5 h21", None, brass, 2.4)


def _running_gear(pen: Pen, rng: np.random.Generator, rims: str, black: str, pose: float) -> None:
    """Draw driving wheels, their coupling rod, cylinder and piston rod, and the small leading wheel."""
    three = rng.random() < 0.6
    places = (-44, -8, 28) if three else (-38, 8)
    radius = rng.uniform(15.5, 17.5) if three else rng.uniform(18.5, 21)
    turn = 0.5 + 2.4 * pose
    for x in places:
        _wheel(pen, x, radius, rims, turn, 9)
    _wheel(pen, 72, 10, rims, turn, 6)
    if not three:
        _wheel(pen, 48, 10, rims, turn, 6)
    off, up = np.cos(turn) * radius * 0.42, 1 - radius + np.sin(turn) * radius * 0.42
    pen.box(64, -30, 25, 14, 4, pen.linear(0, -30, 0, -16, lighter(black, 0.4), black))
    pen.path(f"M66,-23 L44,-23 L{places[-1] + off:.1f},{up:.1f}", None, "#B9BEC4", 2.8)
    pen.path(f"M{places[0] + off:.1f},{up:.1f} L{places[-1] + off:.1f},{up:.1f}", None, "#D5D8DB", 4.2)
    for x in places:
        pen.oval(x + off, up, 2.6, 2.6, "#5C6268")


def _tender(pen: Pen, rng: np.random.Generator, paint: str, brass: str, pose: float) -> None:
    pen.path("M-66,-22 L-56,-22", None, "#2A2D31", 5)
    coal = [(-110 + 4.6 * i, -58 - rng.uniform(0, 9) - 3 * np.sin(i * np.pi / 10)) for i in range(11)]
    pen.path("M-110,-52 " + " ".join(f"L{x:.1f},{y:.1f}" for x, y in coal) + " L-64,-52 Z", "#26231F")
    side = pen.linear(0, -58, 0, -20, lighter(paint, 0.2), paint, darker(paint, 0.4))
    pen.path("M-114,-58 L-62,-58 L-64,-20 L-112,-20 Z", side)
    pen.path("M-107,-50 L-69,-50 L-70,-30 L-106,-30 Z", None, brass, 1.6)
    pen.box(-114, -23, 52, 6, 1.5, "#2A2D31")
    for x in (-102, -74):
        _wheel(pen, x, 10, "#8A8F95", 1.3 * pose, 5)


def _coach(pen: Pen, rng: np.random.Generator, paint: str, brass: str, pose: float) -> None:
    """Draw the front part of a passenger coach behind the engine."""
    wall = near(rng, [paint, "#B9864A", "#8A3A32", "#E3D6B4"], 0.03)
    pen.path("M-70,-22 L-56,-22", None, "#2A2D31", 5)
    pen.box(-130, -80, 62, 60, 3, pen.linear(0, -80, 0, -20, lighter(wall, 0.18), wall, darker(wall, 0.3)))
    pen.path("M-133,-77 C-130,-88 -68,-88 -65,-77 Z", "#5C6066")
    for x in (-124, -106, -88):
        pen.box(x, -70, 13, 20, 2, near(rng, GLASS, 0.03))
    pen.path("M-130,-42 L-68,-42", None, brass, 2)
    pen.box(-130, -23, 62, 6, 1.5, "#2A2D31")
    for x in (-116, -82):
        _wheel(pen, x, 10, "#8A8F95", 1.3 * pose, 5)


def _diesel(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    paint = near(rng, ["#B5402F", "#2E5C8A", "#D29A35", "#3F7358", "#8C9198", "#C7602F"], 0.05)
    band = near(rng, ["#F1E6C8", "#E9B93C", "#2A2D31", "#C8372D"], 0.04)
    glass = near(rng, ["#39485A", "#4F6678", "#2F3A44"], 0.03)
    pen.path("M106,-21 L116,-21", None, "#2A2D31", 6)
    pen.box(-34, -22, 56, 14, 5, "#3B4046")
    (_hood if rng.random() < 0.45 else _nose)(pen, rng, paint, band, glass)
    for x in (-78, 70):
        _bogie(pen, x, pose, (-22, 0, 22))


def _nose(pen: Pen, rng: np.random.Generator, paint: str, band: str, glass: str) -> None:
    """Draw a streamlined body with a rounded nose, a band that runs down it, and portholes or louvres."""
    shine = pen.linear(0, -92, 0, -18, lighter(paint, 0.3), paint, darker(paint, 0.4))
    for x in (-84, -58, -32):
        pen.box(x, -96, 18, 7, 2, "#4A4F55")
    pen.path(
        "M-116,-18 V-86 C-116,-90 -113,-92 -108,-92 H62 C72,-92 77,-88 81,-78 L84,-70 C104,-68 113,-56 "
        "113,-38 C113,-28 110,-20 107,-18 Z",
        shine,
    )
    pen.path(
        "M-116,-54 H70 C90,-54 104,-46 112,-36 C112,-30 111,-26 110,-24 C100,-36 88,-42 70,-42 H-116 Z", band
    )
    pen.path("M66,-84 L72,-84 C76,-82 78,-76 80,-70 L66,-70 Z M46,-84 H60 V-70 H46 Z", glass)
    pen.path("M38,-86 V-22", None, "rgba(0,0,0,.25)", 1.6)
    if rng.random() < 0.5:
        for x in (-94, -62, -30, 2):
            pen.oval(x, -70, 8, 8, darker(paint, 0.35))
            pen.oval(x, -70, 6, 6, glass)
    else:
        for x in (-104, -66, -28):
            pen.box(x, -82, 30, 20, 2, darker(paint, 0.4))
            pen.path(f"M{x + 3},-77 h24 M{x + 3},-72 h24 M{x + 3},-67 h24", None, lighter(paint, 0.1), 1.6)
    pen.oval(100, -58, 5, 6, "#FFF1B8", -24)


def _hood(pen: Pen, rng: np.random.Generator, paint: str, band: str, glass: str) -> None:
    """Draw a long hood with doors and handrail, a cab, and a short hood in front."""
    shine = pen.linear(0, -78, 0, -24, lighter(paint, 0.3), paint, darker(paint, 0.35))
    pen.box(-92, -84, 22, 8, 2, "#4A4F55")
    pen.box(-22, -85, 9, 9, 1.5, "#33363B")
    pen.box(-112, -78, 150, 56, 3, shine)
    pen.box(74, rng.uniform(-66, -56), 32, 42, 5, shine)
    cab = pen.linear(0, -98, 0, -22, lighter(paint, 0.36), paint, darker(paint, 0.3))
    pen.path("M34,-22 V-94 L38,-98 H74 L79,-94 V-22 Z", cab)
    pen.path("M32,-93 C40,-101 72,-101 81,-93 Z", darker(paint, 0.45))
    pen.box(40, -88, 16, 17, 2, glass)
    pen.box(60, -88, 14, 17, 2, glass)
    for x in range(-102, 28, 16):
        pen.path(f"M{x},-72 V-44", None, "rgba(0,0,0,.22)", 1.6)
    pen.box(-112, -70, 30, 16, 1.5, darker(paint, 0.45))
    pen.box(-112, -40, 150, 9, 0, band)
    pen.box(34, -40, 45, 9, 0, band)
    pen.box(-116, -25, 230, 8, 2, darker(band, 0.2))
    pen.path(
        "M-114,-25 V-52 H34 M80,-46 H112 V-25 M-64,-52 V-25 M-14,-52 V-25", None, lighter(band, 0.3), 1.8
    )
    pen.oval(106, -50, 3, 5, "#FFF1B8")


def _rail_car(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """Draw a rail car with a sloping front, doors, and part of the car that follows."""
    paint = near(rng, ["#E4E3DE", "#C8372D", "#2E5C8A", "#E0B23C", "#5E8F6A", "#9AA0A6"], 0.04)
    band = near(
        rng, ["#C8372D", "#2E4A73", "#2F6B55", "#33363B"] if paint > "#D" else ["#F1EDE2", "#23262A"], 0.04
    )
    slope, glass = rng.uniform(8, 26), near(rng, ["#34424F", "#4F6678"], 0.03)
    shine = pen.linear(0, -86, 0, -16, lighter(paint, 0.4), paint, darker(paint, 0.28))
    pen.box(-44, -78, 12, 58, 2, "#33363B")
    pen.box(-122, -86, 80, 70, 4, shine)
    pen.path(
        f"M-34,-16 V-82 C-34,-85 -32,-86 -29,-86 H{108 - slope * 1.6:.1f} "
        f"C{112 - slope:.1f},-86 {114 - slope * 0.4:.1f},-62 116,-40 V-26 C116,-20 113,-16 108,-16 Z",
        shine,
    )
    pen.box(-122, -36, 80, 10, 0, band)
    pen.path("M-34,-36 H116 V-26 H-34 Z", band)
    for x in (-116, -94, -72):
        pen.box(x, -72, 18, 22, 3, glass)
    for x in (-6, 16, 38):
        pen.box(x, -72, 18, 22, 3, glass)
    pen.box(-28, -74, 16, 54, 2, darker(paint, 0.22))
    pen.box(-25, -70, 10, 24, 2, glass)
    edge = 104 - slope
    pen.path(
        f"M{edge - 22:.1f},-76 h20 c4,6 {6 + slope * 0.3:.1f},18 {8 + slope * 0.5:.1f},28 H{edge - 22:.1f} Z",
        glass,
    )
    for x in (-104, -20, 48):
        pen.box(x, -92, 30, 7, 2, "#5C6066")
    pen.oval(113, -42, 3, 4.4, "#FFF1B8")
    pen.box(-120, -18, 232, 6, 2, "#2A2D31")
    for x in (-86, -6, 82):
        _bogie(pen, x, pose, (-13, 13))
