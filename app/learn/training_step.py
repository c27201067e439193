"""Step 8, train your own: what a loss teaches where nothing sounds, a real curve, and the command."""

from dataclasses import replace
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.inside.elements import table
from app.learn.elements import Live, Question, Verdict
from app.learn.measurements import Runs
from app.learn.state import Place
from app.services.process import ROOT
from app.services.training_commands import command_of, shown
from avseg.config import Config
from avseg.evaluation.thresholds import Pull
from avseg.presets import PRESETS
from avseg.training.run_folder import RunFolder

PRESET, CLIPS, EPOCHS = "tiny", 60, 2
OUT = Path("runs/first")
WIDE, HIGH = 400, 100  # of the curve, units of its view box


def train_live(runs: Runs, place: Place) -> Live:
    """What the losses ask of a frame (of a silent one once it is answered), a real curve, the command."""
    silent, sounding = None if place.answer is None else _silent(runs), runs.shown.frame
    rows = []
    for words, frame in (("in which something sounds", sounding), ("in which nothing sounds", silent)):
        if frame is not None:
            each = runs.pulls(frame).items()
            rows += [(f"{frame + 1}, {words}", name, *_pull_words(pull)) for name, pull in each]
    losses = table(("Frame", "loss", "value", "gradient, sum of sizes", "asks for"), rows)
    command = shown(command_of(*_run(runs.model)))
    said = f"The losses of {runs.about.title} under {runs.model}, and the command that goes on training it."
    body = (
        f"<h3>What the losses ask of the logits</h3>{losses}{_curve(runs.model)}"
        f"<h3>{CLIPS} drawn clips, {EPOCHS} epochs, from the bundled weights</h3>"
        f'<pre class="ln-command" tabindex="0">{escape(command)}</pre>'
    )
    return Live(said, body)


def _run(model: str) -> tuple:
    """Return the arguments of `command_of` for a run of minutes."""
    preset = PRESETS[PRESET]
    config = Config(preset.model, replace(preset.train, epochs=EPOCHS, synth_clips=CLIPS))
    return config, PRESET, "synth", OUT, False, "auto", 1, model


def _pull_words(pull: Pull) -> tuple[str, str, str]:
    asks = "nothing" if pull.strength == 0 else "less" if pull.direction > 0 else "more"
    return f"{pull.loss:.3f}", f"{pull.strength:.2g}", asks


def _silent(runs: Runs) -> int | None:
    """Return the first frame without ground truth."""
    empty = np.flatnonzero(~runs.wanted.any((1, 2)))
    return int(empty[0]) if len(empty) else None


def _curve(model: str) -> str:
    """Return the evaluations that the bundled model's training wrote down; "" where there are none."""
    folder = ROOT / "assets" / "results" / model
    events = list(RunFolder(folder).events()) if (folder / "events.jsonl").is_file() else []
    found = [event for event in events if event.get("kind") == "validation"]
    if len(found) < 2:
        return ""
    steps = np.array([event["step"] for event in found], float)
    scores = np.array([event["miou"] for event in found])
    minutes = (events[-1]["time"] - events[0]["time"]) / 60
    x, y = WIDE * steps / steps[-1], HIGH * (1 - scores)
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>' for a, b in zip(x, y))
    line = "".join(
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>'
        for a, b in pairwise(zip(x, y))
    )
    words = (
        f"Validation mIoU of {model} while it was trained: {scores[0]:.2f} after {steps[0]:.0f} steps, "
        f"{scores[-1]:.2f} after {steps[-1]:.0f}, {minutes:.0f} minutes after its first lesson."
    )
    return (
        f'<h3>How long the bundled weights took</h3><svg class="ln-curve" viewBox="0 -4 {WIDE} {HIGH + 8}" '
        f'role="img" aria-label="{escape(words)}"><line class="grid" x1="0" x2="{WIDE}" y1="0" y2="0"/>'
        f'<line class="grid" x1="0" x2="{WIDE}" y1="{HIGH}" y2="{HIGH}"/>{line}{dots}</svg>'
        f'<p class="small">{escape(words)} From assets/results/{escape(model)}/events.jsonl; the lines above '
        "and below are mIoU 1 and 0.</p>"
    )


def _check_train(runs: Runs, _place: Place) -> Verdict:
    """Take the gradient of both losses in the silent frame."""
    frame = _silent(runs)
    if frame is None:
        return Verdict(1, "No frame of this clip is without ground truth.")
    found = runs.pulls(frame)
    dice, other = found["Dice"], found["cross-entropy"]
    right = 1 if dice.strength == 0 else 0 if dice.direction > 0 else 2
    so = (
        f" Eq. (4) cannot teach silence by itself, so the preset {PRESET} has --train.bce-weight "
        f"{PRESETS[PRESET].train.bce_weight:g}."
    )
    return Verdict(
        right,
        f"In frame {frame + 1} the Dice loss is {dice.loss:.3f} and its gradient sums to {dice.strength:g} "
        f"in size; that of cross-entropy sums to {other.strength:.2g}.{so if right == 1 else ''}",
    )


TRAIN_QUESTION = Question(
    "Where nothing sounds, the ground truth is empty. What does the Dice loss of Eq. (4) teach there?",
    ("To mark less", "Nothing: its gradient is 0", "To mark more"),
    _check_train,
)
