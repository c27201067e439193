"""The words of the page, made from numbers."""

from app.services.clips import MAX_SECONDS
from app.services.mask_statistics import Measured
from app.services.wording import percent, plural, seconds
from avseg.checkpoints import Card
from avseg.media.clip import Clip, frame_count
from avseg.predict import Prediction

TITLE = "AVSeg Explorer"
LIMITS = "Up to 60 s. Deleted when you leave the page."
LONGEST = MAX_SECONDS
CLASSES_NAMED = 3  # in the finding; the table has them all

QUESTION = "Which pixels make the sound?"
FIRST_LINE = "Pick a clip, let the model mark what it takes for sounding, then watch and listen."
OWN_VIDEO = "Your own video"
NO_MODEL = "Its file is missing or cannot be read: see assets/models."
STOPPED = "Stopped. What was on the page is unchanged."
TOY = "Toy weights"
TOY_ON_REAL = (
    "These are toy weights, trained for a short time on drawn scenes: on a filmed clip expect little of them."
)
OTHER_CLIP = "The player shows {title}, the rail another clip: choose {title} there to set its range here."
WRITING = "The files are being written."
TABS_BESIDE = {
    "whatif": "Change the sound",
    "inside": "Look inside frame",
}  # what other tabs do with a result


def frames_words(count: int) -> str:
    """Deprecated: use wording.plural."""
    return plural(count, "frame")


def clips_words(count: int) -> str:
    """Deprecated: use wording.plural."""
    return plural(count, "clip")


def button_words(start: float | None, end: float | None, fps: float) -> str:
    """Return what the button will do to the range from `start` to `end` (s) where that is one."""
    if end is None or end <= (start or 0):
        return "Segment the clip"
    return f"Segment {frames_words(frame_count(min(end - (start or 0), LONGEST), fps))}"


share_words = percent  # deprecated: import it from app.services.wording


time_words = seconds  # deprecated: import it from app.services.wording


def rate_words(fps: float) -> str:
    """Return "1 frame per second", "4 frames per second"."""
    return f"{'1 frame' if fps == 1 else f'{fps:g} frames'} per second"


def finding(measured: Measured) -> str:
    """Return the sentence of a result: what was marked, in how many frames, how much of the picture."""
    total = len(measured.shares)
    if not measured.marked:
        return f"Nothing is marked as sounding in {_none_of(total)}."
    if not measured.classes:
        where = _some_of(measured.marked, total)
        return f"Something is marked as sounding in {where}, {_on_average(measured.marked, measured.mean)}."
    named = measured.classes[:CLASSES_NAMED]
    parts = [
        f"{count.name}: in {count.frames} of {frames_words(total)}, {share_words(count.share)} of the picture"
        for count in named
    ]
    if more := len(measured.classes) - len(named):
        parts.append(f"{more} more class{'es' if more > 1 else ''} in the table")
    return "; ".join(parts) + "."


def subject(prediction: Prediction, title: str, shows: str = "") -> str:
    """Return the line under the finding: what was looked at by what, and what the clip shows where known."""
    clip = prediction.clip
    whole = clip.start == 0 and not clip.truncated
    part = "" if whole else f", from {clip.start:g} to {clip.start + clip.duration:g} s"
    by = f"by {prediction.model} on {prediction.device}"
    line = f"{title}{part} ({clip_words(clip)}), {by}, {rate_words(clip.fps)}."
    return f"{line} In the clip: {shows[0].lower()}{shows[1:]}" if shows else line


def clip_words(clip: Clip) -> str:
    """Return size, length and sound of a clip in one line."""
    height, width = clip.size
    sound = "with sound" if clip.has_sound else "without sound"
    return f"{width} × {height} px, {clip.duration:.1f} s, {sound}"


def card_words(card: Card) -> str:
    """Return what the weights of a model are, as its card says."""
    kind = {"toy": f"{TOY}. ", "random": "Random weights: nothing was learnt. "}.get(card.weights, "")
    return kind + card.note


def _none_of(total: int) -> str:
    return "the only frame" if total == 1 else f"any of the {total} frames"


def _some_of(marked: int, total: int) -> str:
    if total == 1:
        return "the only frame"
    return f"all {total} frames" if marked == total else f"{marked} of {total} frames"


def _on_average(marked: int, mean: float) -> str:
    share = f"{share_words(mean)} of the picture"
    return share if marked == 1 else f"{share} there on average"
