"""Dog, cat, bird and lion. Origin at the ground under the animal, y up is negative, facing right.

`pose` 0..1 opens mouth or beak and moves the tail or wings; it does not depend on the audio.
"""

import numpy as np

from avseg.synthavs.objects_svg import Pen, darker, lighter, mixed, near

COATS = ["#B9B6B4", "#6E5A4C", "#E0CFAF", "#3F3936", "#B98149", "#8A5A3A", "#D9D6D0", "#C7A06A"]


def dog(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A sitting dog: floppy or pointed ears, patches, collar."""
    coat = near(rng, COATS, 0.05)
    shade, cream = darker(coat, 0.28), lighter(coat, 0.62 if rng.random() < 0.7 else 0.2)
    collar = near(rng, ["#31658F", "#A8463B", "#3F7D5A", "#C79A3C", "#6B4B8A"])
    pointed, patch = rng.random() < 0.4, rng.random() < 0.45
    head, chest = rng.uniform(0.92, 1.14), rng.uniform(0.92, 1.12)
    tail = -8 + 22 * pose
    with pen.group(f"rotate({tail:.1f} -34 -16)"):
        pen.path("M-34,-16 C-56,-22 -66,-40 -58,-62", None, shade, 9)
        pen.path("M-57,-58 L-58,-63", None, cream, 8)
    with pen.group(f"scale({chest:.2f} 1)"):
        fur = pen.linear(-40, -80, 30, 0, coat, coat, shade)
        pen.path("M-40,0 C-56,-22 -44,-54 -20,-78 C-8,-90 12,-98 26,-88 C36,-70 36,-40 30,0 Z", fur)
        pen.path("M20,-86 C36,-70 38,-42 30,-14 C20,-24 14,-56 20,-86 Z", cream)
        pen.oval(-20, -23, 26, 24, coat)
        if patch:
            pen.path("M-38,-46 C-34,-66 -16,-72 -8,-60 C-6,-48 -26,-40 -38,-46 Z", shade)
        pen.path("M-42,-30 C-34,-52 -6,-50 2,-26", None, shade, 2)
        pen.box(-36, -10, 36, 11, 6, coat)
        pen.box(8, -52, 13, 53, 6, shade)
        pen.box(20, -54, 13, 55, 6, coat)
        pen.box(18, -7, 20, 8, 4, mixed(coat, cream, 0.7))
        pen.box(6, -7, 17, 8, 4, shade)
        pen.path("M4,-86 C12,-78 26,-78 36,-84", None, collar, 6)
        pen.oval(26, -77, 3.4, 3.6, "#E9C46A")
    with pen.group(f"translate(14 -92) scale({head:.2f}) rotate({-12 * pose:.1f}) translate(-14 92)"):
        _dog_head(pen, pose, coat, shade, cream, pointed, patch)


def _dog_head(pen: Pen, m: float, coat: str, shade: str, cream: str, pointed: bool, patch: bool) -> None:
    if pointed:
        pen.path("M18,-118 C18,-134 24,-146 30,-150 C36,-142 38,-128 36,-116 Z", darker(shade, 0.15))
    if m > 0.05:
        pen.path(f"M30,-92 L54,-97 L50,{-92 + 12 * m:.1f} L34,{-88 + 4 * m:.1f} Z", "#5B2320")
        pen.path(
            f"M32,-90 C42,{-90 + 6 * m:.1f} 47,{-91 + 8 * m:.1f} 50,{-93 + 8 * m:.1f} "
            f"L46,{-88 + 10 * m:.1f} L34,{-86 + 6 * m:.1f} Z",
            "#D67480",
        )
        pen.path(
            f"M24,-86 L32,-89 C40,{-88 + 8 * m:.1f} 46,{-90 + 12 * m:.1f} 51,{-93 + 13 * m:.1f} "
            f"C54,{-89 + 14 * m:.1f} 48,{-82 + 14 * m:.1f} 40,{-80 + 8 * m:.1f} C32,-78 26,-80 24,-86 Z",
            cream,
        )
    else:
        pen.path("M26,-88 L50,-95 C54,-90 46,-82 36,-81 C28,-80 24,-84 26,-88 Z", cream)
    face = pen.linear(0, -125, 20, -82, coat, coat, shade)
    pen.path(
        "M0,-104 C0,-124 26,-132 38,-117 C42,-112 50,-113 57,-109 C62,-105 61,-98 55,-97 L34,-91 "
        "C28,-80 8,-80 2,-92 Z",
        face,
    )
    pen.path(
        "M38,-112 C46,-112 52,-112 57,-109 C62,-105 61,-98 55,-97 L38,-92 C34,-98 34,-106 38,-112 Z", cream
    )
    if patch:
        pen.oval(29, -111, 8, 9, shade)
    pen.oval(58, -107, 4.6, 3.8, "#241B16", -11)
    pen.oval(30, -111, 3.2, 3.4, "#1C1613")
    pen.oval(31.2, -112, 1.1, 1.1, "#FFFFFF")
    if pointed:
        pen.path("M4,-114 C0,-132 2,-146 8,-154 C18,-146 24,-132 24,-120 C18,-114 10,-112 4,-114 Z", shade)
        pen.path("M9,-118 C7,-132 8,-140 10,-146 C16,-138 19,-128 19,-121 Z", mixed(shade, "#D69A8C", 0.5))
    else:
        pen.path("M10,-124 C-6,-122 -16,-104 -12,-84 C-4,-80 8,-88 12,-104 Z", shade)


def cat(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A sitting cat seen from the front three quarters: stripes or socks, curled tail."""
    coat = near(rng, ["#D08A45", "#8C8780", "#3B3836", "#E9E2D6", "#A98F72", "#6C6F78"], 0.05)
    shade, cream = darker(coat, 0.3), lighter(coat, 0.6)
    iris = near(rng, ["#8DB04E", "#D2A93A", "#5B9BB5"])
    striped, socks, wide = rng.random() < 0.55, rng.random() < 0.5, rng.uniform(0.92, 1.12)
    with pen.group(f"rotate({-6 + 12 * pose:.1f} 30 -8)"):
        pen.path("M28,-8 C58,-4 66,-30 54,-44 C48,-52 40,-48 42,-42", None, shade, 11)
        pen.path("M44,-48 C41,-48 40,-45 42,-42", None, cream if socks else darker(shade, 0.2), 10)
    fur = pen.linear(-34, -80, 36, 0, lighter(coat, 0.1), coat, shade)
    with pen.group(f"scale({wide:.2f} 1)"):
        pen.path("M-32,0 C-44,-26 -34,-62 -16,-80 L18,-80 C36,-60 46,-28 34,0 Z", fur)
        pen.path("M-12,-76 C-16,-50 -10,-36 0,-32 C10,-36 16,-50 12,-76 Z", cream)
        if striped:
            for y, x in ((-56, 25), (-44, 30), (-32, 33)):
                pen.path(f"M{x},{y} C{x - 8},{y - 4} {x - 14},{y - 2} {x - 17},{y + 3}", None, shade, 4)
                pen.path(
                    f"M{-x + 1},{y} C{-x + 8},{y - 4} {-x + 13},{y - 2} {-x + 15},{y + 3}", None, shade, 4
                )
        pen.path("M20,-30 C36,-26 38,-8 30,0 L10,0 C6,-14 10,-26 20,-30 Z", mixed(coat, shade, 0.35))
        paw = cream if socks else lighter(coat, 0.12)
        for x in (-15, 2):
            pen.box(x, -44, 12, 44, 6, mixed(coat, shade, 0.18))
            pen.box(x - 2, -9, 16, 10, 5, paw)
    with pen.group(f"translate(0 -94) rotate({-4 + 8 * pose:.1f})"):
        _cat_head(pen, pose, coat, shade, cream, iris, striped)


def _cat_head(pen: Pen, m: float, coat: str, shade: str, cream: str, iris: str, striped: bool) -> None:
    for side in (-1, 1):
        pen.path(f"M{side * 32},-2 L{side * 30},-42 L{side * 6},-24 Z", coat)
        pen.path(f"M{side * 27},-10 L{side * 26},-33 L{side * 12},-22 Z", mixed(shade, "#E3A49A", 0.6))
    head = pen.radial(-4, -10, 44, lighter(coat, 0.14), coat, mixed(coat, shade, 0.6))
    pen.path(
        "M0,-29 C20,-31 36,-18 36,0 C36,10 28,16 20,20 C12,25 -12,25 -20,20 C-28,16 -36,10 -36,0 "
        "C-36,-18 -20,-31 0,-29 Z",
        head,
    )
    if striped:
        for x in (-9, 0, 9):
            pen.path(f"M{x},-27 L{x * 0.8},-15", None, shade, 3.4)
        for side in (-1, 1):
            pen.path(f"M{side * 34},2 L{side * 24},2 M{side * 32},9 L{side * 24},7", None, shade, 2.6)
    pen.oval(-6.5, 9, 10, 8, cream)
    pen.oval(6.5, 9, 10, 8, cream)
    pen.oval(0, 16, 9, 5 + 4 * m, cream)
    if m > 0.05:
        pen.oval(0, 12 + 3 * m, 6, 1 + 6 * m, "#6B2A2A")
        pen.oval(0, 13 + 5 * m, 4, 0.5 + 3 * m, "#D9808A")
    pen.path("M-4,3 L4,3 L0,8 Z", "#B9616A")
    pen.path("M0,8 C-2,12 -8,12 -10,9 M0,8 C2,12 8,12 10,9", None, darker(shade, 0.4), 1.4)
    for side in (-1, 1):
        pen.oval(side * 15, -5, 7, 7.5, iris)
        pen.oval(side * 15, -5, 2.6, 6.6, "#14110F")
        pen.oval(side * 15 - 2, -8, 1.5, 1.5, "#FFFFFF")
        pen.path(
            f"M{side * 14},9 L{side * 42},5 M{side * 14},12 L{side * 41},14",
            None,
            "rgba(255,255,255,.75)",
            0.9,
        )


def bird(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A song bird standing, with a beak that opens and a tail that dips."""
    _bird(pen, rng, pose, flying=False)


def flying_bird(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """The same song bird in flight, wings up at pose 0 and down at pose 1."""
    _bird(pen, rng, pose, flying=True)


def _bird(pen: Pen, rng: np.random.Generator, m: float, flying: bool) -> None:
    top = near(rng, ["#5CA3B8", "#C9553F", "#4E7A4A", "#D8A93A", "#5A5F6B", "#7D5B8C", "#6B5B4B", "#3F6FA8"])
    back, belly = darker(top, 0.38), near(rng, ["#EED9B0", "#F3EFE6", "#E2A27A", "#D9D3B4"], 0.04)
    beak = near(rng, ["#E2A13A", "#4A4440", "#D0703A"], 0.04)
    crest, mask = rng.random() < 0.35, rng.random() < 0.4
    size, tail = rng.uniform(0.9, 1.15), rng.uniform(0.85, 1.25)
    if flying:
        with pen.group(f"translate(-8 -34) scale(0.9 {-1 + 1.75 * m:.2f})"):
            pen.path("M22,0 C10,34 -24,58 -58,62 C-50,40 -46,18 -30,-2 Z", darker(back, 0.2))
    with pen.group(f"translate(-40 -15) rotate({6 - 9 * m:.1f}) scale({tail:.2f} 1) translate(40 15)"):
        pen.path("M-44,-8 L-78,2 L-70,-12 L-40,-22 Z", back)
        pen.path("M-46,-12 L-74,-6", None, darker(back, 0.3), 1.6)
    body = pen.linear(0, -54, 0, 4, top, back)
    pen.path("M-46,-14 C-36,-46 -4,-56 20,-50 C38,-50 48,-38 42,-24 C34,-2 -4,6 -30,-2 Z", body)
    pen.path("M40,-30 C36,-6 6,4 -10,0 C6,-12 24,-22 40,-30 Z", belly)
    with pen.group(f"translate(30 -48) scale({size:.2f}) rotate({-7 * m:.1f}) translate(-30 48)"):
        if crest:
            pen.path("M22,-64 C16,-74 10,-78 2,-80 C10,-72 12,-64 14,-56 Z", back)
        pen.oval(30, -48, 19, 18, top)
        if mask:
            pen.path("M30,-56 C38,-60 46,-56 48,-50 C42,-44 34,-46 30,-50 Z", darker(back, 0.4))
        spread = 7 * m
        pen.path(f"M46,-53 L68,{-47 - spread:.1f} L46,-46 Z", beak)
        pen.path(f"M46,-47 L64,{-44 + spread:.1f} L44,-41 Z", darker(beak, 0.2))
        pen.oval(37, -52, 3.2, 3.4, "#14181B")
        pen.oval(38, -53.2, 1.1, 1.1, "#FFFFFF")
    if flying:
        with pen.group(f"translate(2 -36) scale(1 {-1.1 + 1.9 * m:.2f})"):
            pen.path(
                "M18,2 C6,40 -34,66 -70,68 C-66,58 -60,54 -54,50 C-60,48 -56,38 -46,36 C-44,20 -40,8 -26,0 Z",
                back,
            )
            pen.path("M8,4 C0,26 -20,42 -40,48", None, lighter(back, 0.25), 2)
    else:
        pen.path("M22,-34 C4,-38 -24,-28 -48,-8 C-24,0 8,-4 22,-34 Z", back)
        pen.path(
            "M10,-28 C-6,-24 -24,-14 -36,-8 M14,-20 C0,-14 -14,-8 -26,-5", None, lighter(back, 0.22), 1.5
        )
        pen.path("M2,0 L0,13 M14,-1 L15,13 M-5,13 L8,13 M10,13 L22,13", None, darker(beak, 0.15), 2.6)


def lion(pen: Pen, rng: np.random.Generator, pose: float) -> None:
    """A lion that stands or walks, with its mane, a tufted tail and a mouth that opens with the pose."""
    coat = near(rng, ["#D9A75A", "#C98F4A", "#E3C58F", "#B98350", "#EADBBE", "#C99A6A"], 0.028)
    mane = near(rng, ["#6B3F22", "#8C5426", "#3A2A22", "#B9702E", "#9A4B26", "#A98250"], 0.04)
    shade, cream = darker(coat, 0.26), lighter(coat, 0.6)
    stride = (10 if rng.random() < 0.6 else 3) * (2 * pose - 1)
    full, head, stout = rng.uniform(0.9, 1.2), rng.uniform(0.92, 1.1), rng.uniform(0.94, 1.1)
    _lion_tail(pen, rng.random() < 0.45, pose, shade, mane)
    for x, swing in ((-40, stride), (40, -stride)):
        _lion_leg(pen, x, swing, darker(shade, 0.12), shade, hind=x < 0)
    with pen.group(f"translate(0 -46) scale(1 {stout:.2f}) translate(0 46)"):
        fur = pen.linear(0, -88, 0, -36, lighter(coat, 0.14), coat, shade)
        pen.path(
            "M-64,-66 C-56,-82 -34,-80 -12,-78 C6,-80 20,-88 36,-86 C52,-76 52,-54 42,-42 C26,-34 4,-34 "
            "-18,-42 C-30,-36 -52,-30 -62,-38 C-70,-46 -70,-56 -64,-66 Z",
            fur,
        )
    for x, swing in ((-52, -stride), (21, stride)):
        _lion_leg(pen, x, swing, coat, cream, hind=x < 0)
    with pen.group(f"translate(42 -84) scale({full:.2f}) translate(-42 84)"):
        _mane(pen, rng, mane)
    with pen.group(f"translate(44 -88) scale({head:.2f}) rotate({-13 * pose:.1f}) translate(-44 88)"):
        _lion_head(pen, pose, coat, shade, cream, mane)


def _lion_tail(pen: Pen, raised: bool, pose: float, shade: str, mane: str) -> None:
    with pen.group(f"rotate({-8 + 18 * pose:.1f} -62 -66)"):
        end = (-98, -106) if raised else (-92, -20)
        bend = "-84,-62 -104,-78" if raised else "-84,-66 -94,-44"
        pen.path(f"M-60,-66 C{bend} {end[0]},{end[1]}", None, shade, 6)
        pen.oval(end[0], end[1], 6.5, 11, mane, 20 if raised else 6)


def _lion_leg(pen: Pen, x: float, swing: float, fur: str, paw: str, hind: bool) -> None:
    with pen.group(f"rotate({swing:.1f} {x} -50)"):
        if hind:
            pen.oval(x, -50, 17, 22, fur, 8)
            pen.path(f"M{x - 2},-36 L{x - 9},-19 L{x - 5},-6", None, fur, 12)
            pen.box(x - 12, -9, 22, 10, 5, paw)
        else:
            pen.path(f"M{x},-54 C{x + 2},-36 {x - 1},-24 {x},-6", None, fur, 14)
            pen.box(x - 7, -9, 21, 10, 5, paw)


def _mane(pen: Pen, rng: np.random.Generator, mane: str) -> None:
    """Draw two rings of tufts around the head, the outer one darker and reaching down to the chest."""
    for reach, tone, tufts in ((1.0, darker(mane, 0.3), 15), (0.74, mane, 13)):
        angles = np.linspace(0, 2 * np.pi, tufts, endpoint=False) + rng.uniform(0, 0.3)
        d = ""
        for k, a in enumerate(angles):
            low = 1 + 0.22 * max(np.sin(a), 0)  # longer on the chest
            tip = reach * low * rng.uniform(0.96, 1.1)
            b = a + np.pi / tufts
            x, y = 40 + 37 * tip * np.cos(a + 0.12), -84 + 40 * tip * np.sin(a + 0.12)
            u, v = 40 + 30 * reach * low * np.cos(b), -84 + 33 * reach * low * np.sin(b)
            d += f"{'M' if k == 0 else 'L'}{x:.1f},{y:.1f} L{u:.1f},{v:.1f} "
        pen.path(d + "Z", tone, tone, 5)


def _lion_head(pen: Pen, m: float, coat: str, shade: str, cream: str, mane: str) -> None:
    pen.oval(33, -110, 9, 9, shade)
    pen.oval(34, -109, 5, 5, darker(mane, 0.25))
    if m > 0.05:
        pen.path(f"M56,-86 L82,-86 L76,{-80 + 9 * m:.1f} L60,{-76 + 4 * m:.1f} Z", "#5B2320")
        pen.path("M73,-84 l1.6,6.5 l2.6,-6.5 Z", "#FFF8EA")
    with pen.group(f"rotate({30 * m:.1f} 54 -82)"):
        if m > 0.05:
            pen.path("M58,-81 C62,-87 72,-86 75,-80 Z", "#D67480")
        pen.path("M50,-84 L78,-80 C80,-75 74,-70 66,-70 C56,-68 48,-72 46,-80 Z", cream)
        pen.path("M60,-71 C62,-62 72,-62 74,-72 Z", mane)
    face = pen.linear(34, -112, 56, -72, lighter(coat, 0.12), coat, shade)
    pen.path(
        "M32,-92 C32,-108 48,-116 60,-108 L77,-101 C84,-99 86,-90 83,-84 C78,-79 68,-80 60,-79 "
        "C52,-70 36,-74 32,-92 Z",
        face,
    )
    pen.path("M66,-96 C74,-96 84,-96 84.5,-90 C84,-84 80,-81 72,-80.5 C64,-80 60,-84 61,-90 Z", cream)
    pen.path("M74,-101.5 C80,-101.5 86,-99 86,-95 C84,-91.5 79,-92 76,-95 Z", "#4A2A22")
    pen.path("M80,-92 C80,-86 76,-84 70,-84", None, darker(shade, 0.4), 1.5)
    pen.oval(59, -99, 4.2, 3.6, "#E3B23C")
    pen.oval(60, -99, 2.1, 3, "#1C1613")
    pen.path("M53,-103 C57,-106 62,-105 65,-102", None, darker(shade, 0.45), 2)
    for y in (-89, -86):
        pen.oval(68, y, 0.8, 0.8, darker(shade, 0.3))
