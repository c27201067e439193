"""What a scene is made of: things to see, a backdrop, sounds with a schedule; frozen and JSON-ready."""

from dataclasses import asdict, dataclass, replace
from math import floor

ASPECT = 16 / 9  # the world is 1 high and ASPECT wide; x runs right, y runs down


@dataclass(frozen=True)
class Thing:
    """One drawn object. It carries nothing about sound: what is seen cannot tell what is heard."""

    name: str  # class name
    variant: int  # style in the split's bank
    x: float  # centre at t = 0, world units
    y: float  # lower edge at t = 0, world units
    height: float  # share of the frame height
    mirror: bool
    turn: float  # degrees
    speed: float  # world units per second along x
    bob: float  # amplitude, share of the frame height
    bob_rate: float  # cycles per second
    pose_rate: float  # cycles per second
    phase: float  # 0..1, of bob and pose
    tint: tuple[float, float, float]  # multiplies RGB


@dataclass(frozen=True)
class Backdrop:
    """One place, cropped and lit."""

    place: str
    variant: int
    left: float  # crop, share of the picture width
    top: float  # crop, share of the picture height
    zoom: float  # share of the picture that is kept, both ways
    mirror: bool
    light: tuple[float, float, float]  # multiplies RGB


@dataclass(frozen=True)
class Sound:
    """The sound of one class: on or off in every whole second."""

    name: str
    seed: int
    gain: float
    on: tuple[bool, ...]  # one entry per second


@dataclass(frozen=True)
class Scene:
    """A clip: what is seen, what is heard, and when."""

    split: str
    seconds: int
    backdrop: Backdrop
    things: tuple[Thing, ...]  # back to front
    sounds: tuple[Sound, ...]  # of visible classes and of classes off screen
    room_seed: int
    ambience_seed: int
    ambience_gain: float

    @property
    def visible(self) -> tuple[str, ...]:
        """The class names in view, sorted."""
        return tuple(sorted({thing.name for thing in self.things}))

    def as_dict(self) -> dict[str, object]:
        """Return plain lists, dicts, numbers and strings for a JSON file."""
        return asdict(self)


def scene_from_dict(values: dict) -> Scene:
    """Return the scene that `Scene.as_dict` (also after a trip through JSON) was made from."""
    things = tuple(Thing(**{**thing, "tint": tuple(thing["tint"])}) for thing in values["things"])
    sounds = tuple(Sound(**{**sound, "on": tuple(sound["on"])}) for sound in values["sounds"])
    backdrop = Backdrop(**{**values["backdrop"], "light": tuple(values["backdrop"]["light"])})
    return Scene(**{**values, "things": things, "sounds": sounds, "backdrop": backdrop})


def all_heard(scene: Scene) -> Scene:
    """Return the scene with everything in view sounding throughout: all of it is ground truth then."""
    every = (True,) * scene.seconds
    return replace(scene, sounds=tuple(Sound(name, 0, 1.0, every) for name in scene.visible))


def heard(scene: Scene, t: float) -> tuple[str, ...]:
    """Return the classes whose sound is on at time t (seconds), in view or not, sorted."""
    second = min(max(floor(t), 0), scene.seconds - 1)
    return tuple(sorted(sound.name for sound in scene.sounds if sound.on[second]))


def sounding(scene: Scene, t: float) -> tuple[str, ...]:
    """Return the classes in view that sound at time t (seconds), sorted.

    Where a class is in view twice, both count: a sound names a class, it cannot tell two dogs apart.
    """
    return tuple(name for name in heard(scene, t) if name in scene.visible)
