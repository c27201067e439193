"""The sentences of the Segment tab."""

from app.services.clips import MAX_SECONDS
from app.services.wording import percent, plural
from avseg.checkpoints import Card
from avseg.interpret.mask_statistics import MaskStatistics
from avseg.media.clip import Clip, frame_count
from avseg.predict import Prediction

TITLE = "Which pixels make the sound?"
CAPTION = "Pick a clip and run the model: it highlights whatever it believes is making the sound."
LIMITS = f"Up to {MAX_SECONDS:g} s. Deleted when you close the page."
OWN_VIDEO = "Your own video"
DEMO_MODEL = "Demo model, trained on cartoon scenes only."
RANDOM_MODEL = "Random weights, not trained."
DEMO_ON_REAL_VIDEO = (
    "This demo model was trained only on cartoon scenes, so it will not work on real video. "
    "The README explains how to use published weights."
)
OTHER_CLIP = "The player shows {title}. Select that clip in the sidebar to segment a range of it."
PREPARING = "Preparing downloads…"
CHANGE_SOUND = "Change the sound"
CLASSES_NAMED = 3  # in the finding; the player's table lists them all


def button_text(start: float | None, end: float | None, fps: float) -> str:
    """Return the text of the run button for the range from `start` to `end` (s)."""
    if end is None or end <= (start or 0):
        return "Segment the clip"
    return f"Segment {plural(frame_count(min(end - (start or 0), MAX_SECONDS), fps), 'frame')}"


def inside_button(frame: int) -> str:
    """Return the text of the button that opens the selected frame (from 0) in Inside."""
    return f"Look inside frame {frame + 1}"


def finding(statistics: MaskStatistics) -> str:
    """Return the sentence of a result: what was found, in how many frames, and how large it is."""
    total, count = len(statistics.shares), statistics.nonempty
    frames = "this frame" if total == 1 else f"these {total} frames"
    if not count:
        return f"No sounding object found in {frames}."
    where = _frames_of(count, total)
    if not statistics.classes:
        average = "of it" if total == 1 else f"of the frame{' on average' if count > 1 else ''}"
        return f"Sounding pixels found in {where} ({percent(statistics.mean)} {average})."
    first, *others = statistics.classes[:CLASSES_NAMED]
    size = f"{percent(first.share)} of {'it' if total == 1 else 'the frame'}"
    parts = [f"{first.name.capitalize()} found in {_frames_of(first.frames, total)} ({size})"]
    parts += [f"{c.name} in {c.frames if c.frames < total else 'all'} ({percent(c.share)})" for c in others]
    if (more := len(statistics.classes) - CLASSES_NAMED) > 0:
        parts.append(f"and {more} more")
    return ", ".join(parts) + "."


def caption(prediction: Prediction, title: str) -> str:
    """Return the line below the finding: clip, range, model and frame rate."""
    clip = prediction.clip
    whole = clip.start == 0 and not clip.truncated
    part = "" if whole else f", from {clip.start:g} to {clip.start + clip.duration:g} s"
    rate = f"{clip.fps:g} {'frame' if clip.fps == 1 else 'frames'} per second"
    return f"{title}{part} ({clip_summary(clip)}). Model {prediction.model} on {prediction.device}, {rate}."


def clip_summary(clip: Clip) -> str:
    """Return size, length and sound of a clip."""
    height, width = clip.size
    sound = "with sound" if clip.has_sound else "without sound"
    return f"{width} × {height} px, {clip.duration:.1f} s, {sound}"


def card_text(card: Card) -> str:
    """Return what the weights of a model are."""
    return {"demo": DEMO_MODEL, "random": RANDOM_MODEL}.get(card.weights) or card.note


def _frames_of(count: int, total: int) -> str:
    if total == 1:
        return "this frame"
    if count == total:
        return "both frames" if total == 2 else f"all {total} frames"
    return f"{count} of {total} frames"
