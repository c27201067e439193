"""The parts of a scene: objects, a backdrop, sounds with a schedule; frozen and JSON-ready."""

from dataclasses import asdict, dataclass, replace
from math import floor

ASPECT = 16 / 9  # the world is 1 high and ASPECT wide; x runs right, y runs down


@dataclass(frozen=True)
class Thing:
    """One drawn object, without any audio: its appearance does not reveal whether it sounds."""

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
    """One backdrop, cropped and lit."""

    place: str
    variant: int
    left: float  # crop, share of the image width
    top: float  # crop, share of the image height
    zoom: float  # share of the image inside the crop, in both directions
    mirror: bool
    light: tuple[float, float, float]  # multiplies RGB


@dataclass(frozen=True)
class Sound:
    """The audio of one class: on or off in every second."""

    name: str
    seed: int
    gain: float
    on: tuple[bool, ...]  # one entry per second


@dataclass(frozen=True)
class Scene:
    """A clip: visible objects, sounds, and their schedule."""

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
        """The visible classes, sorted."""
        return tuple(sorted({thing.name for thing in self.things}))

    def as_dict(self) -> dict[str, object]:
        """Return plain lists, dicts, numbers and strings for a JSON file."""
        return asdict(self)


def scene_from_dict(values: dict) -> Scene:
    """Return the scene of the result of `Scene.as_dict`, also after a round trip through JSON."""
    things = tuple(Thing(**{**thing, "tint": tuple(thing["tint"])}) for thing in values["things"])
    sounds = tuple(Sound(**{**sound, "on": tuple(sound["on"])}) for sound in values["sounds"])
    backdrop = Backdrop(**{**values["backdrop"], "light": tuple(values["backdrop"]["light"])})
    return Scene(**{**values, "things": things, "sounds": sounds, "backdrop": backdrop})


def all_sounding(scene: Scene) -> Scene:
    """Return the scene with every visible object sounding throughout, so that all are ground truth."""
    every = (True,) * scene.seconds
    return replace(scene, sounds=tuple(Sound(name, 0, 1.0, every) for name in scene.visible))


def audible(scene: Scene, t: float) -> tuple[str, ...]:
    """Return the classes that sound at time t (seconds), visible or not, sorted."""
    second = min(max(floor(t), 0), scene.seconds - 1)
    return tuple(sorted(sound.name for sound in scene.sounds if sound.on[second]))


def sounding(scene: Scene, t: float) -> tuple[str, ...]:
    """Return the visible classes that sound at time t (seconds), sorted.

    If a class is visible twice, both objects count: audio cannot distinguish two dogs.
    """
    return tuple(name for name in audible(scene, t) if name in scene.visible)
