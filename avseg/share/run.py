"""A training run as one file: its curves, how its config differs from the preset, pictures of its clips."""

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.config import Config
from avseg.errors import RunError
from avseg.files import read_bytes, visible
from avseg.interpret.mask_statistics import percent
from avseg.presets import PRESETS
from avseg.share.document import MAX_BYTES, Document, write_document
from avseg.training.history import LOSSES, Histories, History, chart_line
from avseg.training.run_folder import RunFolder, Status
from avseg.web.charts import Line, line_chart, linear_axis, series
from avseg.web.pictures import jpeg_uri
from avseg.web.templates import render

SHEETS, SHEET_WIDTH = 4, 1000  # pictures of validations, px
SMOOTHING = 0.02  # of the run
LOSS_COLOURS = dict(zip(LOSSES, ("var(--ink)", series(4), series(1), series(2)), strict=True))
LOSS_NAMES = {"loss": "total", "mask": "mask", "auxiliary": "auxiliary", "bce": "cross-entropy"}


def write_run_page(folder: Path, path: Path, command: str = "", most: int = MAX_BYTES) -> Path:
    """Write the file of the run in a folder; command: in place of the one that its status has.

    Raises RunError without a run, ConfigError for a damaged one and for more than `most` bytes.
    """
    run = RunFolder(folder)
    config, status, history = run.config(), run.read_status(), Histories().of(run)
    if not len(history):
        raise RunError(f"{folder} has no step yet: share the run once it has started.")
    preset = _named_preset(status) or preset_of(config)
    body = render(
        "share/templates/run.html",
        charts=_charts(history, status),
        sheets=_sheets(run, history),
        preset=preset,
        differs=[
            (f"--{name}", f"{value} (preset: {own})") for name, value, own in differences(config, preset)
        ],
        config=config_facts(config),
        facts=_facts(history, status),
    )
    document = Document(
        kind="Training run",
        title=_finding(folder.name, history, config, status),
        caption=f"{config.model.backbone}, task {config.model.task}, {config.model.image_size} px, "
        f"{config.train.epochs} epochs, trained on {_data(status)}.",
        body=body,
        record={
            "config": json.loads(config.to_json()),
            "steps": _columns(history.steps),
            "validations": _columns(history.validations),
        },
        record_name="run.json",
        command=command or (status.command if status else ""),
    )
    return write_document(document, path, most)


def preset_of(config: Config) -> str:
    """Return the preset with the fewest other values."""
    return min(PRESETS, key=lambda name: len(differences(config, name)))


def differences(config: Config, preset: str) -> list[tuple[str, object, object]]:
    """Return the fields that differ from a preset, as flags name them: name, value, the preset's value."""
    return [
        (f"{part}.{field.name}".replace("_", "-"), getattr(getattr(config, part), field.name), own)
        for part in ("model", "train")
        for field in fields(getattr(config, part))
        if (own := getattr(getattr(PRESETS[preset], part), field.name))
        != getattr(getattr(config, part), field.name)
    ]


def config_facts(config: Config) -> list[tuple[str, str]]:
    """Return every field with its value."""
    return [
        (f"{part}.{name}", str(value))
        for part in ("model", "train")
        for name, value in asdict(getattr(config, part)).items()
    ]


def _named_preset(status: Status | None) -> str:
    """Return the preset of the run's command, "" where it names none."""
    try:
        words = shlex.split(status.command) if status else []
    except ValueError:  # a quote that is never closed
        return ""
    named = words[words.index("train") + 1 :][:1] if "train" in words else []
    return named[0] if named and named[0] in PRESETS else ""


def _data(status: Status | None) -> str:
    return "SynthAVS" if status is None or status.data == "synth" else Path(status.data).name


def _finding(name: str, history: History, config: Config, status: Status | None) -> str:
    mious, step = history.validation_values("miou"), int(history.steps["step"][-1])
    if not len(mious):
        return f"{name}: {step:,} steps, no validation yet."
    best = int(mious.argmax())
    epoch, silence = (history.validation_values(key)[best] for key in ("epoch", "silence"))
    text = (
        f"{name} reaches a validation mIoU of {mious[best]:.3f} after epoch {epoch + 1:.0f} of "
        f"{config.train.epochs}; false positives cover {percent(silence)} of silent frames."
    )
    return text if status is None or status.state == "finished" else f"{text} The run is {status.state}."


def _facts(history: History, status: Status | None) -> list[tuple[str, str]]:
    each, mious = history.seconds_per_step(), history.validation_values("miou")
    return [
        ("State", status.state if status else ""),
        (
            "Started",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(status.started))
            if status and status.started
            else "",
        ),
        ("Steps", f"{int(history.steps['step'][-1]):,}"),
        ("Last loss", f"{history.step_values('loss')[-1]:.4f}"),
        ("Last mIoU", f"{mious[-1]:.4f}" if len(mious) else ""),
        ("Time per step", f"{each:.2f} s" if each else ""),
    ]


def _charts(history: History, status: Status | None) -> list[tuple[str, str, str]]:
    """Return title, note and chart of the curves."""
    steps = history.step_values("step")
    end = max(float(steps[-1]), float(status.steps if status else 0), 1.0)
    x = linear_axis(0, end, widen=False, unit="steps")
    losses = []
    for key in LOSSES:
        values = history.step_values(key)
        if np.any(values):
            at, smooth = chart_line(steps, values, SMOOTHING)
            losses.append(Line(LOSS_NAMES[key], at, smooth, LOSS_COLOURS[key], key == "loss"))
    at, rates = chart_line(steps, history.step_values("learning_rate"))
    checks = history.validation_values("step")
    mious, silence = (history.validation_values(key) for key in ("miou", "silence"))
    scores = [Line("mIoU", checks, mious, series(0), True, dots=True)] if len(checks) else []
    alarms = [Line("share", checks, silence, series(1), dots=True)] if len(checks) else []
    empty = "No validation yet."
    return [
        (
            "Loss",
            f"mean over {percent(SMOOTHING, 0)} of the run",
            _chart(losses, x, "Loss", "No finite loss."),
        ),
        (
            "Validation mIoU",
            "over frames with a sounding object",
            _chart(scores, x, "Validation mIoU", empty),
        ),
        ("False positives", "share of silent frames", _chart(alarms, x, "False positives", empty)),
        ("Learning rate", "of AdamW", _chart([Line("rate", at, rates, series(4))], x, "Learning rate", "")),
    ]


def _chart(lines: Sequence[Line], x: object, title: str, empty: str) -> str:
    most = max((float(np.max(line.y)) for line in lines if len(line.y)), default=1.0)
    return line_chart(lines, x, linear_axis(0, most or 1.0, count=3), title, empty)  # type: ignore[arg-type]


def _sheets(run: RunFolder, history: History) -> list[tuple[str, str]]:
    """Return some of the pictures of the fixed validation clips, the first and the last among them."""
    paths = [path for path in visible(run.samples.glob("*.jpg")) if path.stem.isdecimal()]
    if not paths:
        return []
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(SHEETS, len(paths))).round().astype(int))
    scores = dict(
        zip(history.validation_values("step").astype(int).tolist(), history.validation_values("miou"))
    )
    sheets = []
    for path in (paths[index] for index in chosen):
        try:
            with Image.open(BytesIO(read_bytes(path))) as image:
                image.thumbnail((SHEET_WIDTH, 4000))
                picture = np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            continue
        step = int(path.stem)
        score = f", validation mIoU {scores[step]:.3f}" if step in scores else ""
        sheets.append((f"After step {step:,}{score}", jpeg_uri(picture, 80)))
    return sheets


def _columns(table: dict) -> dict[str, list[float | None]]:
    """Return the columns as JSON can hold them: null for what is not finite."""
    return {
        name: [float(value) if np.isfinite(value) else None for value in column]
        for name, column in table.items()
    }
