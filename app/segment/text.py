"""The texts of the Segment tab that depend on a clip, a range or a model."""

import re

import numpy as np

from app.services.clips import MAX_SECONDS, bundled
from app.services.evaluations import public_command
from app.services.models import available_models, model_argument, model_exists
from app.services.process import ROOT
from app.services.session import MODELS, ClipResult
from app.services.wording import duration, plural
from avseg.checkpoints import DRAWN, FILMED, Card
from avseg.devices import PRECISIONS as PRECISION_NAMES
from avseg.interpret.mask_statistics import percent
from avseg.media.clip import CHANNELS as CHANNEL_NAMES
from avseg.media.clip import Channel, Clip, frame_count
from avseg.predict import Prediction
from avseg.training.command import command_line, display_path

OWN_VIDEO = "Your own video"
MEAN = "Both"
CHANNELS = [MEAN, *(name.capitalize() for name in CHANNEL_NAMES)]
PRECISIONS = [(name.capitalize(), name) for name in PRECISION_NAMES]
CANCELLED = "The two channels cancel each other, so that their mean is silent. The model can get one of them."
LETTERBOX = "Keep the aspect ratio"
LETTERBOX_ABOUT = "Pads each frame to a square. The released code stretches it."
LEAST_MUTE_CHANGE = 0.5  # share of the masked pixels; below it, masks "barely react to the sound"
FEW_STEPS = 100  # of training, after which an empty mask needs no other explanation
AUDIBLE = 0.01  # peak, of full scale


def channel_of(choice: object) -> Channel | None:
    """Return the channel of a choice in CHANNELS; None for the mean of both."""
    return next((name for name in CHANNEL_NAMES if name.capitalize() == choice), None)


def button_text(start: float | None, end: float | None, fps: float, model: str | None = None) -> str:
    """Return the text of the run button for the range from `start` to `end` (s).

    With a model that has run here before, it says how long the run will take.
    """
    if end is None or end <= (start or 0):
        return "Segment the clip"
    frames = frame_count(min(end - (start or 0), MAX_SECONDS), fps)
    each = MODELS.seconds_per_frame(model) if model in available_models() else None
    return f"Segment {plural(frames, 'frame')}" + (
        f", about {duration(max(1, each * frames))}" if each else ""
    )


def caption(prediction: Prediction, title: str) -> str:
    """Return the line below the finding: clip, range, model and frame rate."""
    clip = prediction.clip
    whole = clip.start == 0 and not clip.truncated
    part = "" if whole else f", from {clip.start:g} to {clip.start + clip.duration:g} s"
    rate = f"{clip.fps:g} {'frame' if clip.fps == 1 else 'frames'} per second"
    geometry = ", aspect ratio kept" if clip.letterbox else ""
    where = f"{prediction.device}, {prediction.precision}"
    model = f"Model {prediction.model} on {where}, {rate}{geometry}."
    return f"{title}{part} ({clip_summary(clip)}). {model}"


def command(result: ClipResult) -> str:
    """Return the command that gives the same masks; of a visitor's file it names only the file."""
    clip, source = result.prediction.clip, bundled().get(result.clip)
    video = str(display_path(source.path, ROOT)) if source else result.title
    model = model_argument(result.model) if model_exists(result.model) else result.prediction.model
    arguments = ["-m", "avseg", "predict", video, "--model", model, "--fps", f"{clip.fps:g}"]
    if clip.start or clip.truncated:
        arguments += ["--start", f"{clip.start:g}", "--end", f"{clip.start + clip.duration:g}"]
    arguments += ["--precision", result.prediction.precision]
    if clip.letterbox:
        arguments += ["--letterbox"]
    return public_command(command_line(arguments))


def clip_summary(clip: Clip) -> str:
    """Return size, length and sound of a clip."""
    height, width = clip.size
    sound = "with sound" if clip.has_sound else "without sound"
    return f"{width} × {height} px, {clip.duration:.1f} s, {sound}"


def card_text(card: Card, automatic: bool = False) -> str:
    """Return what the weights of a model are, and that the page selected it where `automatic`."""
    texts = {
        "demo": "Demo model, trained on cartoon scenes only.",
        "composed": f"For filmed video: trained on photographs and sounds of {len(card.classes)} classes.",
        "random": "Random weights, not trained.",
        "released": "Trained by the authors of AVSegFormer on AVSBench.",
    }
    note = card.note.partition(" python -m ")[0]  # of a model trained here, which ends with its command
    return texts.get(card.weights, note) + (" Selected for this clip." if automatic else "")


def model_notices(prediction: Prediction, card: Card, drawn: bool | None) -> list[str]:
    """Return what to know about these masks: a model of another kind of clip, or masks without the sound.

    drawn: whether the clip is a drawn scene; None if that is not known.
    """
    if drawn is False and card.weights == "demo":
        return [
            "This demo model was trained only on cartoon scenes, so it does not work on filmed video. Select "
            f"{FILMED} for it."
        ]
    if drawn and card.weights == "composed":
        return [f"{card.name} was trained on photographs. {DRAWN} is the model for drawn scenes."]
    steps = re.match(r"Trained for (\d+) of", card.note)
    if steps and int(steps[1]) < FEW_STEPS and not prediction.labels.any():
        return [f"{card.name} was trained for {plural(int(steps[1]), 'step')}: too few to mark anything."]
    change, known = prediction.mute_change, ", ".join(card.classes)
    if change is not None and change < LEAST_MUTE_CHANGE:
        beyond = " The sound or the object may be none of the classes it knows" if known else ""
        return [
            f"Muting the sound changes only {percent(change)} of the masked pixels: these masks barely react "
            f"to the sound.{beyond}{f': {known}.' if beyond else ''}"
        ]
    audible = prediction.clip.has_sound and np.abs(prediction.clip.waveform).max(initial=0) > AUDIBLE
    if change is None and known and audible and not prediction.labels.any():
        return [
            f"The clip has sound, but {card.name} found none of the classes it knows both in view and in the "
            f"sound: {known}."
        ]
    return []
