"""From a selected clip to its prediction and its player."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.services.clips import MAX_SECONDS, Bundled, bundled, check_offered_rate, lanes_of, truth_of
from app.services.session import MODELS, ClipResult
from avseg.devices import check_precision
from avseg.media.clip import Channel, Clip, read_clip, read_range
from avseg.player.value import PlayerValue, player_value
from avseg.predict import OnMasks, check_threshold

MODEL_SHARE = 0.7  # of the progress bar; writing the player's files has the rest

Report = Callable[[float, str], object]
"""Called with the share done and a description; may raise to stop the run."""


@dataclass(frozen=True)
class Choice:
    """What to segment, and how."""

    source: Bundled | Path  # a bundled clip, or the visitor's own file
    model: str
    fps: float = 1
    start: float = 0.0  # seconds
    end: float | None = None  # seconds; None for the clip's end
    threshold: float = 0.5  # on the probability
    channel: Channel | None = None  # of the sound; None for the mean
    letterbox: bool = False  # frames are padded to a square, not stretched to one
    precision: str = "auto"


@dataclass(frozen=True)
class Timings:
    """Seconds that the parts of a run took."""

    decode: float
    model: float
    player: float  # images, counts, and the video where it is the visitor's own
    files: float = 0.0  # written after the masks are on the page


@dataclass(frozen=True)
class PlayableCopy:
    """A visitor's own file as the player shows it: decoded and written anew, from its beginning."""

    source: Path
    video: Path
    duration: float  # seconds

    def fits(self, clip: Clip) -> bool:
        """Whether the copy shows this range."""
        return self.source == clip.path and clip.start + clip.duration <= self.duration + 0.05


def predict(choice: Choice, report: Report, on_masks: OnMasks | None = None) -> ClipResult:
    """Read and segment the selected clip; raises AvsegError, for a wrong argument before any work."""
    check_offered_rate(choice.fps)
    check_threshold(choice.threshold)
    check_precision(choice.precision)
    MODELS.config(choice.model)
    start, seconds = read_range(choice.start, choice.end, MAX_SECONDS)
    path = choice.source if isinstance(choice.source, Path) else choice.source.path
    report(0, "Reading the clip")
    clip = read_clip(path, fps=choice.fps, start=start, seconds=seconds, channel=choice.channel)
    clip = replace(clip, letterbox=choice.letterbox)
    report(0, "Running the model")
    on_frame = part(report, 0, MODEL_SHARE, "Frame {done} of {total}")
    options = {"threshold": choice.threshold, "measure_mute": True, "precision": choice.precision}
    prediction = MODELS.predict(choice.model, clip, on_frame, on_masks, **options)
    frame = int(prediction.foreground.argmax())  # a silent one would show nothing in Inside
    if isinstance(choice.source, Path):
        return ClipResult(
            prediction, choice.source.name, choice.model, frame=frame, precision=choice.precision
        )
    title, name = choice.source.title, choice.source.name
    return ClipResult(prediction, title, choice.model, name, frame, precision=choice.precision)


def make_player(
    result: ClipResult, folder: Path, report: Report, copy: PlayableCopy | None = None
) -> PlayerValue:
    """Return the player of a prediction of any source; its files go into `folder`. Raises AvsegError.

    copy: of a visitor's file, so that the player keeps the video that it shows.
    """
    source, clip, truth = bundled().get(result.clip), result.prediction.clip, result.truth
    options = {"folder": folder / "player", "title": result.title, "frame": result.frame}
    if copy is not None and copy.fits(clip):
        options |= {"video": copy.video, "start": clip.start}
    elif source is None:  # a visitor's file is never served as it is
        options["on_progress"] = part(report, MODEL_SHARE, 1, "Writing the video")
    else:
        truth = truth_of(source.name, tuple(clip.start + clip.times)) if truth is None else truth
        options |= {"video": source.path, "start": clip.start}
        options["lanes"] = lanes_of(source, clip.start, clip.duration)
    return player_value(result.prediction, truth=truth, **options)


def part(report: Report, start: float, end: float, description: str) -> Callable[[int, int], None]:
    """Return a progress callback (done, total) that fills the bar from `start` to `end`."""
    return lambda done, total: report(
        start + (end - start) * done / total, description.format(done=done, total=total)
    )
