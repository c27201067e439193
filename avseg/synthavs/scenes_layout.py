"""Where objects stand, fly, travel and bob; depends on the visible classes, not on the schedule."""

import numpy as np

from avseg.synthavs import backgrounds
from avseg.synthavs.backgrounds import PLACES
from avseg.synthavs.objects import OBJECTS, VARIANTS, airborne
from avseg.synthavs.scenes_parts import ASPECT, Backdrop, Thing

SMALLEST, LARGEST = 0.15, 0.55  # share of the frame height
_FREE_WIDTH = 1.75  # things on the ground wider than this together are drawn smaller
_TRIES = 14


def lay_out(
    rng: np.random.Generator, names: tuple[str, ...], split: str, seconds: int
) -> tuple[Backdrop, tuple[Thing, ...]]:
    """Sample a backdrop that suits all the classes and place one object per name in it, back to front."""
    backdrop = _backdrop(rng, names, split)
    ground = (PLACES[backdrop.place].ground - backdrop.top) / backdrop.zoom
    styles = _styles(rng, names, split)
    heights = [float(rng.uniform(*OBJECTS[name].heights)) for name in names]
    standing = sum(
        h * OBJECTS[n].aspect for n, h, v in zip(names, heights, styles, strict=True) if not airborne(n, v)
    )
    shrink = min(1.0, _FREE_WIDTH / max(standing, 1e-6))
    light = np.array(PLACES[backdrop.place].light) * np.array(backdrop.light)
    things: list[Thing] = []
    for name, variant, height in zip(names, styles, heights, strict=True):
        height = float(np.clip(height * shrink, SMALLEST, LARGEST))
        tint = tuple(float(v) for v in np.clip(light * rng.uniform(0.94, 1.06, 3), 0.4, 1.2))
        options = [_place(rng, name, variant, height, ground, seconds, tint) for _ in range(_TRIES)]
        things.append(min(options, key=lambda thing: _crowding(thing, things, seconds)))
    return backdrop, tuple(sorted(things, key=lambda thing: thing.y))


def _backdrop(rng: np.random.Generator, names: tuple[str, ...], split: str) -> Backdrop:
    outdoors = any(OBJECTS[name].outdoors for name in names) or rng.random() < 0.25
    place = str(rng.choice([name for name, row in PLACES.items() if row.outdoors == outdoors]))
    zoom = float(rng.uniform(0.82, 1.0))
    light = rng.uniform(0.86, 1.1) * rng.uniform(0.95, 1.05, 3)
    return Backdrop(
        place=place,
        variant=int(rng.integers(backgrounds.VARIANTS[split])),
        left=float(rng.uniform(0, 1 - zoom)),
        top=float(rng.uniform(0.5, 1) * (1 - zoom)),
        zoom=zoom,
        mirror=bool(rng.random() < 0.5),
        light=tuple(float(v) for v in light),
    )


def _styles(rng: np.random.Generator, names: tuple[str, ...], split: str) -> list[int]:
    """Sample a variant per name; two objects of one class never look the same."""
    styles: list[int] = []
    for i, name in enumerate(names):
        taken = {styles[j] for j in range(i) if names[j] == name}
        styles.append(int(rng.choice([v for v in range(VARIANTS[split]) if v not in taken])))
    return styles


def _place(
    rng: np.random.Generator,
    name: str,
    variant: int,
    height: float,
    ground: float,
    seconds: int,
    tint: tuple[float, ...],
) -> Thing:
    kind, flies = OBJECTS[name], airborne(name, variant)
    low, high = _reach(kind.aspect * height)
    x, speed = float(rng.uniform(low, high)), 0.0
    mirror = bool(rng.random() < 0.5)
    if (kind.motion == "travel" and rng.random() < 0.65) or (flies and rng.random() < 0.7):
        end = float(np.clip(x + rng.uniform(0.15, 0.6) * rng.choice([-1, 1]), low, high))
        speed = (end - x) / seconds
        mirror = speed < 0
    bobs = kind.motion == "bob" or flies
    return Thing(
        name=name,
        variant=variant,
        x=x,
        y=float(height + rng.uniform(0.02, 0.34) if flies else rng.uniform(min(ground, 0.95), 0.985)),
        height=height,
        mirror=mirror,
        turn=float(rng.uniform(-1, 1) * (7.0 if flies else kind.lean)),
        speed=speed,
        bob=float(rng.uniform(0.004, 0.012)) * (1.6 if flies else 1.0) * bobs,
        bob_rate=float(rng.uniform(0.4, 1.4)),
        pose_rate=float(rng.uniform(*kind.pose_rate)),
        phase=float(rng.random()),
        tint=tint,
    )


def _reach(width: float) -> tuple[float, float]:
    """Return the span of centres that keep most of an object of this width in the frame."""
    edge = min(0.47 * width, ASPECT / 2 - 0.02)
    return edge, ASPECT - edge


def _box(thing: Thing, t: float) -> tuple[float, float, float, float]:
    half = OBJECTS[thing.name].aspect * thing.height / 2
    x = thing.x + thing.speed * t
    return x - half, thing.y - thing.height, x + half, thing.y


def _crowding(thing: Thing, placed: list[Thing], seconds: int) -> float:
    """Return the worst share of either box that another covers, over the clip, less a tolerance."""
    worst = 0.0
    for other in placed:
        for t in (0.0, seconds / 2, float(seconds)):
            a, b = _box(thing, t), _box(other, t)
            wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            smaller = min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
            worst = max(worst, max(wide, 0) * max(tall, 0) / smaller)
    return max(worst - 0.25, 0.0)
