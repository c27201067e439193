"""The endpoint /attribute for other programs."""

from app.components.updates import told
from app.inside.attribution import numbers_of
from app.inside.inspections import attributed
from app.inside.state import REGIONS
from app.services.clips import MAX_SECONDS, bundled, check_offered_rate, source_of
from app.services.session import MODELS
from avseg.arguments import is_whole, printed
from avseg.errors import ConfigError
from avseg.interpret.attribution import METHODS
from avseg.media.clip import read_clip


@told
def attribute(
    clip: str = "dog-and-guitar",
    model: str = "tiny-ms3",
    frame: int = 1,
    method: str = "ig",
    region: str = "mask",
    fps: float = 1,
) -> dict:
    """Say which moments and bands of the sound, and which part of the picture, decide a frame's mask.

    Use it to explain why a model marks what it marks: it attributes the model's foreground score to its two
    inputs, each against a baseline (silence, a blurred picture), and returns findings as sentences, the most
    important band (Hz) and time (s), and the completeness error of each attribution, which is near 0 where
    the parts add up to the effect.

    Args:
        clip: Name of a bundled clip; the model segments it at fps frames per second.
        model: Name of a model.
        frame: Number of the frame, from 1.
        method: ig (integrated gradients), gradient (gradient x input, fastest) or occlusion.
        region: mask (the whole mask) or object (its largest object).
        fps: Frames per second: 1, 2, 4 or 8.
    """
    for value, known, what in ((method, METHODS, "method"), (region, REGIONS, "region")):
        if not isinstance(value, str) or value not in known:
            raise ConfigError(f"The {what} {printed(value)} does not exist: choose {', '.join(known)}.")
    path = source_of(clip, None).path
    check_offered_rate(fps)
    MODELS.config(model)
    if not is_whole(frame, 1, MAX_SECONDS * fps):
        raise ConfigError(f"Frame {printed(frame)} does not exist: choose 1 to {MAX_SECONDS * fps:g}.")
    loaded = read_clip(path, fps=fps, seconds=min(MAX_SECONDS, frame / fps + 0.5))
    found = MODELS.run(model, attributed, loaded, int(frame) - 1, method, region)
    return {"clip": bundled()[clip].name, "model": found.model, "weights": found.weights, "frame": frame} | {
        "moment": found.moment,
        **numbers_of(found),
    }
