"""Ten clips composed by hand, each to demonstrate one relation of audio and masks, in the test split's style.

`python -m avseg.synthavs.examples FOLDER` writes each as MP4 and JSON.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from avseg.synthavs.backgrounds import PLACES
from avseg.synthavs.objects import OBJECTS, airborne
from avseg.synthavs.scenes import Backdrop, Scene, Sound, Thing, audible, sounding
from avseg.synthavs.video import write_video

SIZE = (360, 640)  # height, width
FPS = 24
SECONDS = 5


@dataclass(frozen=True)
class Example:
    """One composed clip; `shows` describes it in a sentence."""

    title: str
    shows: str
    place: tuple[str, int]  # backdrop and its variant
    things: tuple[tuple[str, int, float, float, float, float], ...]  # class, variant, x, y, height, speed
    sounds: tuple[tuple[str, str, float], ...]  # class, "x" per sounding and "." per silent second, gain
    seed: int = 0
    facing_left: tuple[str, ...] = ()  # things at rest that are mirrored


EXAMPLES: dict[str, Example] = {
    "dog-and-guitar": Example(
        "Dog and guitar",
        "A dog barks, stops and barks again beside a guitar that never sounds.",
        ("room", 2),
        (("guitar", 2, 0.58, 0.93, 0.55, 0), ("dog", 3, 1.12, 0.95, 0.52, 0)),
        (("dog", "xx.x.", 0.9),),
        seed=3,
        facing_left=("dog",),
    ),
    "street-siren": Example(
        "Street siren",
        "An ambulance drives by with its siren on; the parked car makes no sound.",
        ("street", 1),
        (("car", 5, 0.42, 0.83, 0.24, 0), ("emergency-car", 2, 0.62, 0.95, 0.36, 0.13)),
        (("emergency-car", "xxxxx", 0.8),),
        seed=5,
    ),
    "stage-duo": Example(
        "Stage duo",
        "A piano plays, a violin joins after two seconds, and the drum stays silent.",
        ("stage", 2),
        (
            ("piano", 0, 0.62, 0.92, 0.48, 0),
            ("drum", 3, 1.06, 0.95, 0.28, 0),
            ("violin", 1, 1.4, 0.94, 0.52, 0),
        ),
        (("piano", "xxxxx", 0.7), ("violin", "..xxx", 0.8)),
        seed=7,
    ),
    "bird-in-the-park": Example(
        "Bird in the park",
        "A bird sings as it flies past a dog that opens its mouth without a sound.",
        ("park", 1),
        (("dog", 1, 0.5, 0.93, 0.44, 0), ("bird", 3, 0.95, 0.52, 0.28, 0.09)),
        (("bird", "xxxx.", 0.9),),
        seed=11,
    ),
    "helicopter-and-bell": Example(
        "Helicopter and bell",
        "A helicopter is heard for three seconds, a bell from the third on: in one second both sound.",
        ("hills", 1),
        (
            ("helicopter", 3, 0.62, 0.46, 0.30, 0.11),
            ("guitar", 0, 0.36, 0.96, 0.45, 0),
            ("bell", 3, 1.32, 0.96, 0.44, 0),
        ),
        (("helicopter", "xxx..", 0.8), ("bell", "..xxx", 0.9)),
        seed=13,
    ),
    "kitchen-switch": Example(
        "Alarm clock, then cat",
        "An alarm clock sounds for two seconds, then the cat does; the dog between them is silent.",
        ("kitchen", 2),
        (("clock", 4, 0.42, 0.93, 0.36, 0), ("dog", 0, 0.9, 0.9, 0.46, 0), ("cat", 4, 1.38, 0.95, 0.46, 0)),
        (("clock", "xx...", 0.9), ("cat", "..xxx", 0.9)),
        seed=17,
    ),
    "siren-off-screen": Example(
        "Siren off screen",
        "A siren is heard for three seconds but its source is not in the picture; then the dog barks.",
        ("night", 1),
        (("car", 6, 0.5, 0.86, 0.33, 0), ("dog", 1, 1.2, 0.95, 0.44, 0)),
        (("emergency-car", "xxx..", 0.7), ("dog", "...xx", 0.9)),
        seed=19,
        facing_left=("dog",),
    ),
    "quiet-seaside": Example(
        "Quiet seaside",
        "A guitar, a bird and a cat are in view, and nothing sounds at all.",
        ("seaside", 0),
        (
            ("bird", 1, 0.5, 0.36, 0.2, 0.12),
            ("guitar", 0, 1.28, 0.93, 0.52, 0),
            ("cat", 7, 0.52, 0.95, 0.4, 0),
        ),
        (),
        seed=23,
    ),
    "band-of-three": Example(
        "Band of three",
        "A drum sounds throughout, the guitar plays in the middle, the piano never does.",
        ("stage", 1),
        (
            ("piano", 1, 1.3, 0.88, 0.42, 0),
            ("guitar", 6, 0.92, 0.93, 0.54, 0),
            ("drum", 0, 0.48, 0.95, 0.42, 0),
        ),
        (("drum", "xxxxx", 0.7), ("guitar", ".xxx.", 0.9)),
        seed=29,
    ),
    "engine-not-siren": Example(
        "Engine, not siren",
        "The red van's engine is heard; the police car blinks beside it without a siren.",
        ("street", 2),
        (("emergency-car", 0, 0.5, 0.84, 0.28, 0), ("car", 6, 0.75, 0.96, 0.36, 0.1)),
        (("car", "xxxxx", 0.9),),
        seed=31,
    ),
}


def compose(example: Example) -> Scene:
    """Return the scene of an example."""
    place, variant = example.place
    things = tuple(
        _thing(example, order, *row)
        for order, row in enumerate(sorted(example.things, key=lambda row: row[3]))
    )
    sounds = tuple(
        Sound(name, 100 * example.seed + order, gain, tuple(mark == "x" for mark in marks))
        for order, (name, marks, gain) in enumerate(example.sounds)
    )
    return Scene(
        split="test",
        seconds=SECONDS,
        backdrop=Backdrop(place, variant, 0.0, 0.0, 1.0, False, (1.0, 1.0, 1.0)),
        things=things,
        sounds=sounds,
        room_seed=example.seed,
        ambience_seed=example.seed + 1,
        ambience_gain=1.0,
    )


def _thing(
    example: Example, order: int, name: str, variant: int, x: float, y: float, height: float, speed: float
) -> Thing:
    flies = airborne(name, variant)
    low, high = OBJECTS[name].pose_rate
    return Thing(
        name=name,
        variant=variant,
        x=x,
        y=y,
        height=height,
        mirror=speed < 0 or name in example.facing_left,
        turn=-5.0 if name == "guitar" else 0.0,
        speed=speed,
        bob=0.014 if flies else 0.004 if OBJECTS[name].motion == "bob" else 0.0,
        bob_rate=0.7,
        pose_rate=(low + high) / 2,
        phase=(0.13 + 0.37 * order) % 1,
        tint=PLACES[example.place[0]].light,
    )


def write_examples(folder: Path | str, progress: Callable[[str], None] | None = None) -> list[Path]:
    """Write NAME.mp4 (640 x 360, 24 fps, H.264 and AAC) and NAME.json for every example; return the videos.

    The JSON contains title, sentence, visible classes, per second the visible sounding and all audible
    classes, and the scene.
    """
    folder = Path(folder)
    paths = []
    for name, example in EXAMPLES.items():
        scene, path = compose(example), folder / f"{name}.mp4"
        write_video(path, scene, SIZE, fps=FPS, crf=20, oversample=2)
        about = {
            "name": name,
            "title": example.title,
            "shows": example.shows,
            "seconds": SECONDS,
            "visible": scene.visible,
            "sounding": [sounding(scene, second) for second in range(SECONDS)],
            "heard": [audible(scene, second) for second in range(SECONDS)],
            "scene": scene.as_dict(),
        }
        path.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        paths.append(path)
        if progress is not None:
            progress(name)
    return paths


if __name__ == "__main__":
    write_examples(sys.argv[1] if len(sys.argv) > 1 else "assets/clips", progress=print)
