"""Step 1, what audio-visual segmentation is: the three tasks on bundled clips, and what stays unmarked."""

from html import escape

import numpy as np

from app.components.text import share_words
from app.learn.elements import Live, Question, Verdict, frames_row, listed, marked, small, sound_row
from app.learn.measurements import BENCH, Runs
from app.learn.state import Place
from app.services.clips import jpeg_uri
from app.services.mask_statistics import LEAST_SHARE
from avseg.data.labels import CLASS_INDEX, CLASSES, clip_colours
from avseg.media.draw import BINARY

SILENT = "guitar"  # stands in every frame of the step's clip
TASKS = (
    ("S4", "street-siren", "one source"),
    ("MS3", "stage-duo", "several sources, one mask"),
    ("AVSS", "stage-duo", "several sources, a class per pixel"),
)


def task_live(runs: Runs, place: Place) -> Live:
    """The ground truth of the three tasks; the step's clip, with its masks once the question is answered."""
    panels = "".join(_panel(*task) for task in TASKS)
    clip = runs.clip
    rows = [sound_row("what is heard", clip.waveform)]
    if place.answer is None:
        rows.insert(0, frames_row("frames", [small(frame) for frame in clip.frames]))
        said = f"{runs.about.title}: five seconds, five frames. The masks appear when you have answered."
    else:
        prediction, truth = runs.shown.prediction, runs.truth
        real = [share_words((labels > 0).mean()) for labels in truth]
        found = [share_words(share) for share in prediction.foreground]
        binary = [(labels > 0).astype(np.uint8) for labels in truth]
        model = f"{prediction.model}, {prediction.weights} weights"
        drawn = [marked(frame, mask) for frame, mask in zip(clip.frames, binary)]
        rows.insert(0, frames_row("ground truth", drawn, real))
        drawn = [marked(frame, prediction.mask(i)) for i, frame in enumerate(clip.frames)]
        rows.insert(1, frames_row(model, drawn, found))
        said = f"{runs.about.shows} The model marks {_where(runs)}."
    body = f'<h3>{escape(runs.about.title)}</h3><div class="ln-rows">{"".join(rows)}</div>'
    return Live(said, f'<div class="ln-tasks">{panels}</div>{body}')


def _panel(task: str, name: str, what: str) -> str:
    """Return a frame with the ground truth as a task has it: the frame in which most classes sound."""
    runs = BENCH.of(name)
    counts = [len(np.unique(labels)) for labels in runs.truth]
    index = int(np.argmax(counts))
    labels = runs.truth[index]
    names = [CLASSES[k] for k in np.unique(labels) if k > 0]
    colours = clip_colours(names)
    several = task == "AVSS"
    shown = {CLASS_INDEX[n]: colour for n, colour in colours.items()} if several else BINARY
    picture = marked(runs.clip.frames[index], labels if several else (labels > 0).astype(np.uint8), shown)
    chips = "".join(
        f'<i><i class="swatch" style="background:rgb{tuple(colours[n])}"></i>{escape(n)}</i>' for n in names
    )
    key = chips if several else f"<i>{escape(listed(names))} {'sounds' if len(names) == 1 else 'sound'}</i>"
    return (
        f'<figure><figcaption><b>{task}</b> <span>{what}</span></figcaption><img src="{jpeg_uri(picture)}" '
        f'alt="Ground truth of {task}: {escape(listed(names))}"><p>{key}</p></figure>'
    )


def _where(runs: Runs) -> str:
    found = [str(i + 1) for i, share in enumerate(runs.shown.prediction.foreground) if share >= LEAST_SHARE]
    return f"something in frame{'s' * (len(found) > 1)} {listed(found)}" if found else "nothing in any frame"


def _check_task(runs: Runs, _place: Place) -> Verdict:
    """Count the frames in which the ground truth holds the silent thing."""
    holds = sum(bool((labels == CLASS_INDEX[SILENT]).any()) for labels in runs.truth)
    total = len(runs.truth)
    right = 0 if holds == total else 2 if holds == 0 else 1
    sounding = sum(bool((labels > 0).any()) for labels in runs.truth)
    because = f"The ground truth marks the {SILENT} in {holds} of {total} frames, and anything in {sounding}."
    return Verdict(right, f"{because} The model marks {_where(runs)}.")


TASK_QUESTION = Question(
    "A dog and a guitar stand in all five frames. Listen: in how many of them does the ground truth mark "
    "the guitar?",
    ("In all five: it can be seen", "In those in which the dog is silent", "In none"),
    _check_task,
)
