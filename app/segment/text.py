"""The texts of the Segment tab that depend on a clip, a range or a model."""

from app.services.clips import MAX_SECONDS
from app.services.wording import plural
from avseg.checkpoints import Card
from avseg.media.clip import Clip, frame_count
from avseg.predict import Prediction

OWN_VIDEO = "Your own video"


def button_text(start: float | None, end: float | None, fps: float) -> str:
    """Return the text of the run button for the range from `start` to `end` (s)."""
    if end is None or end <= (start or 0):
        return "Segment the clip"
    return f"Segment {plural(frame_count(min(end - (start or 0), MAX_SECONDS), fps), 'frame')}"


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
    if card.weights == "demo":
        return "Demo model, trained on cartoon scenes only."
    return "Random weights, not trained." if card.weights == "random" else card.note
