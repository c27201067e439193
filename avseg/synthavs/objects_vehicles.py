"""Car, emergency-car and helicopter. Origin at the ground (helicopter: under its skids), facing right."""

import numpy as np

from avseg.synthavs.objects_svg import Pen, darker, lighter, near

PAINTS = ["#5D7F8D", "#C5A15A", "#A63D33", "#3E5C86", "#D6D3CC", "#4E6B4F", "#33363B", "#C7703A"]
GLASS = ["#C9DCE2", "#8FB0BF", "#B9D2DA"]


# outline, windows, height of the roof: saloon, hatchback, van
_BODIES = (
    (
        "M-86,-14 L-86,-34 C-84,-44 -70,-46 -60,-47 L-38,-70 C-34,-74 -30,-75 -24,-75 L22,-75 "
        "C30,-75 34,-73 40,-67 L58,-48 C76,-46 86,-42 87,-32 L87,-14 Z",
        "M-48,-48 L-32,-66 C-30,-68 -28,-69 -24,-69 L-6,-69 L-6,-48 Z M0,-48 L0,-69 L20,-69 "
        "C26,-69 29,-68 33,-64 L47,-48 Z",
        -75,
    ),
    (
        "M-80,-14 L-82,-40 C-82,-50 -76,-56 -70,-66 C-64,-78 -56,-80 -46,-80 L10,-80 C22,-80 "
        "28,-76 36,-66 L52,-50 C72,-48 84,-42 85,-30 L85,-14 Z",
        "M-70,-52 L-62,-68 C-59,-73 -54,-74 -48,-74 L-18,-74 L-18,-52 Z M-12,-52 L-12,-74 L8,-74 "
        "C17,-74 21,-71 27,-64 L38,-52 Z",
        -80,
    ),
    (
        "M-86,-14 L-86,-82 C-86,-90 -82,-92 -74,-92 L18,-92 C30,-92 36,-88 42,-78 L58,-54 L78,-48 "
        "C86,-44 88,-40 88,-30 L88,-14 Z",
        "M-78,-56 L-78,-82 L-44,-82 L-44,-56 Z M-36,-56 L-36,-82 L-4,-82 L-4,-56 Z M4,-56 L4,-82 "
        "L20,-82 C27,-82 30,-80 34,-73 L44,-56 Z",
        -92,
    ),
)


def _wheels(pen: Pen, places: tuple[float, ...], radius: float, hub: str, turn: float) -> None:
    for x in places:
        pen.oval(x, -radius + 2, radius + 1.5, radius + 1.5, "#1C1E21")
        pen.oval(x, -radius + 2, radius * 0.58, radius * 0.58, hub)
        for spoke in range(5):
            a = spoke * 2 * np.pi / 5 + turn * 0.6
            reach = radius * 0.5
            pen.path(
                f"M{x},{-radius + 2} l{np.cos(a) * reach:.1f},{np.sin(a) * reach:.1f}",
                None,
                darker(hub, 0.4),
                2.2,
            )
        pen.oval(x, -radius + 2, 3, 3, darker(hub, 0.55))


def car(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A saloon, a hatchback or a van-like car; the wheels turn with the pose."""
    paint, glass = near(rng, PAINTS, 0.05), near(rng, GLASS, 0.03)
    hub = near(rng, ["#B4B9BF", "#DADCDD", "#5A5F66"], 0.02)
    kind = int(rng.integers(len(_BODIES)))
    coat = [lighter(paint, 0.25), paint, darker(paint, 0.4)]
    pen.box(-82, -22, 168, 12, 3, "#2B2F34")
    shape, panes, top = _BODIES[kind]
    pen.path(shape, pen.linear(0, top, 0, -14, *coat))
    pen.path(panes, glass)
    pen.path(
        "M-66,-52 L-52,-68 L-38,-68 L-54,-52 Z" if kind else "M-46,-49 L-36,-62 L-20,-49 Z",
        "rgba(255,255,255,.45)",
    )
    for x in (-22, 14):
        pen.box(x, -42, 10, 3, 1.5, "rgba(255,255,255,.6)")
    pen.path("M-3,-48 L-3,-18", None, "rgba(0,0,0,.22)", 1.4)
    pen.path("M-84,-25 L86,-25", None, "rgba(0,0,0,.18)", 2.4)
    if rng.random() < 0.3:
        pen.box(-86, -38, 173, 6, 0, lighter(paint, 0.6))
    pen.oval(81, -34, 5, 4.4, "#FFF3C4")
    pen.box(-87, -40, 6, 9, 2, "#B63A30")
    _wheels(pen, (-50, 52), 15, hub, pose * 2)


def emergency_car(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """An ambulance, a fire van or a police car; its lamps alternate with the pose, sounding or not."""
    body = near(rng, ["#F4F4F2", "#F0D94A", "#C8372D", "#F4F4F2"], 0.03)
    pale = body.upper() > "#E8"
    stripe = near(rng, ["#C8372D", "#2C4D9B", "#3B8A4E"] if pale else ["#F4F4F2", "#F2D24B"], 0.04)
    lamps = ("#2C4D9B", "#8FC0FF") if rng.random() < 0.6 else ("#A12B2B", "#FF8A76")
    if rng.random() < 0.55:
        _ambulance(pen, body, stripe, pose, lamps)
    else:
        _police(pen, body, stripe, pose, lamps)
    pen.oval(84, -27, 4, 5, "#FFF1B8")
    pen.box(-86, -31, 5, 11, 2, "#B2362B")
    _wheels(pen, (-48, 54), 15, "#B4B9BF", pose * 2)


def _ambulance(pen: Pen, body: str, stripe: str, pose: float, lamps: tuple[str, str]) -> None:
    pen.box(-84, -22, 172, 10, 3, "#2B2F34")
    pen.path(
        "M-84,-14 L-84,-72 C-84,-77 -80,-80 -76,-80 L30,-80 C40,-80 46,-76 52,-66 L64,-46 L80,-42 "
        "C86,-40 88,-36 88,-30 L88,-14 Z",
        pen.linear(0, -80, 0, -14, lighter(body, 0.4), body, darker(body, 0.22)),
    )
    pen.path("M34,-74 L44,-74 L58,-48 L34,-48 Z", pen.linear(34, -74, 58, -48, "#7C9AAE", "#2F4454"))
    for x in (-76, -36):
        pen.box(x, -72, 34, 20, 3, "#9DB0BD")
    pen.box(-84, -45, 160, 12, 0, stripe)
    for i in range(14):
        pen.path(f"M{-84 + i * 12},-24 l6,-6 l6,0 l-6,6 Z", "#F2D24B")
    pen.box(1, -73, 22, 24, 3, "#FFFFFF")
    pen.path("M12,-70 v18 M3,-61 h18", None, "#C8372D", 5.4)
    _lamps(pen, -16, -91, 52, pose, lamps)


def _police(pen: Pen, body: str, stripe: str, pose: float, lamps: tuple[str, str]) -> None:
    pen.box(-82, -22, 168, 12, 3, "#2B2F34")
    pen.path(
        "M-86,-14 L-86,-36 C-84,-46 -70,-48 -60,-49 L-40,-72 C-36,-76 -32,-77 -26,-77 L22,-77 "
        "C30,-77 34,-75 40,-69 "
        "L58,-50 C76,-48 86,-44 87,-34 L87,-14 Z",
        pen.linear(0, -77, 0, -14, lighter(body, 0.35), body, darker(body, 0.25)),
    )
    pen.path(
        "M-50,-50 L-34,-68 C-32,-70 -30,-71 -26,-71 L-6,-71 L-6,-50 Z M0,-50 L0,-71 L20,-71 "
        "C26,-71 29,-70 33,-66 L47,-50 Z",
        "#4B6576",
    )
    for i in range(15):
        pen.box(-84 + i * 11.4, -45 + 8 * (i % 2), 11.4, 8, 0, stripe)
    pen.path("M-3,-50 L-3,-18", None, "rgba(0,0,0,.25)", 1.4)
    _lamps(pen, -24, -87, 46, pose, lamps)


def _lamps(pen: Pen, x: float, y: float, wide: float, pose: float, lamps: tuple[str, str]) -> None:
    pen.box(x, y, wide, 10, 4, "#24303F")
    first, second = (lamps[1], lamps[0]) if pose < 0.5 else (lamps[0], lamps[1])
    pen.box(x + 2, y + 1, wide * 0.42, 8, 3, first)
    pen.box(x + wide * 0.56, y + 1, wide * 0.42, 8, 3, second)


def helicopter(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A helicopter in flight; the main and tail rotors turn with the pose."""
    paint = near(rng, ["#7D97A8", "#C2543F", "#D9B64A", "#5B7F5E", "#3F5A86", "#E0DDD6", "#7A5B84"], 0.05)
    coat, glass = (
        [lighter(paint, 0.2), paint, darker(paint, 0.4)],
        near(rng, ["#CFE4EE", "#9FC3D6", "#B9D8CF"], 0.03),
    )
    band, long = near(rng, ["#F4EFE2", "#23303C", "#C8372D"], 0.03), rng.uniform(0.86, 1.12)
    with pen.group(f"scale({-long:.2f} 1)"):
        pen.path(
            "M10,-42 C40,-44 90,-53 112,-55 L118,-76 L128,-76 L125,-44 C90,-36 40,-18 20,-20 Z",
            darker(paint, 0.25),
        )
        pen.path("M70,-47 L80,-48.5 L82,-38 L72,-35 Z", band)
        with pen.group(f"rotate({70 * pose:.0f} 122 -58)"):
            pen.path("M122,-80 L122,-36", None, "#2A3640", 4)
    with pen.group("scale(-1 1)"):
        hull = (
            "M-54,-28 C-54,-54 -28,-66 0,-64 C30,-64 48,-50 46,-34 C44,-18 16,-13 -12,-13 C-36,-13 "
            "-54,-18 -54,-28 Z"
        )
        pen.path(hull, pen.linear(0, -64, 0, -13, *coat))
        pen.path("M-53,-24 C-40,-28 10,-30 44,-28 C40,-20 30,-17 22,-16 C0,-20 -30,-20 -50,-20 Z", band)
        pen.path("M-52,-32 C-49,-50 -35,-59 -17,-61 L-13,-34 Z", glass)
        pen.path("M-45,-38 C-42,-48 -34,-54 -26,-56 L-28,-38 Z", "rgba(255,255,255,.45)")
        pen.box(-8, -55, 20, 19, 4, glass)
        pen.box(17, -53, 15, 15, 4, glass)
        pen.path("M-34,-14 L-38,-3 M18,-14 L22,-3 M-58,-6 C-58,-3 -54,-3 -50,-3 L42,-3", None, "#30404C", 4)
        pen.box(-12, -70, 26, 9, 4, darker(paint, 0.35))
        pen.box(-3, -84, 6, 20, 2, "#30404C")
    span = 112 - 62 * pose
    pen.box(-span, -88, 2 * span, 5, 2.5, "#2C3842")
    pen.oval(0, -86, 7, 4, "#1F2930")
