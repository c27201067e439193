"""What the bundled model does with a bundled clip: figures and numbers for every step."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from app.learn.steps import STEPS, Exercise
from app.services.cache import LRUCache
from app.services.clips import bundled, truth_of
from app.services.models import model_version
from app.services.session import MODELS, ClipResult
from avseg.checkpoints import bundled_models, read_card
from avseg.data.avsbench.thumbnail import mask_colours
from avseg.data.labels import CLASS_INDEX, CLASSES, Colour
from avseg.errors import CheckpointError
from avseg.evaluation.thresholds import ground_truth_masks, metrics_by_threshold
from avseg.interpret.inspection import Inspection, inspect
from avseg.interpret.maps import attention_of, attention_on_mask, density, equation_2_error, mixing, overlap
from avseg.interpret.mask_statistics import LEAST_SHARE, mean_where, percent
from avseg.interventions.compare import Comparison, compare
from avseg.interventions.run import Change, read_change, what_if
from avseg.media.audio import LOG_OFFSET, SAMPLE_RATE, log_mel, patches_for
from avseg.media.clip import Clip, read_clip
from avseg.media.draw import BINARY, heat_map, heat_over, overlay, shrink, spectrogram, truth_outline
from avseg.predict import Prediction
from avseg.presets import PRESETS, START_FROM
from avseg.training.command import command_line, train_arguments
from avseg.training.losses import loss_gradients

RUN = Path("runs/first")  # of the command in the last step
TASKS = (("S4", "street-siren"), ("MS3", "stage-duo"), ("AVSS", "stage-duo"))
SAME, OTHER = 0.9, 0.5  # IoU from which masks count as the same, and below which as another object
EVEN = 0.2  # relative deviation from the mask's area within which attention counts as even
WIDTH = 320  # pixels of a drawn frame
MINUS = "\N{MINUS SIGN}"

Picture = tuple[np.ndarray, str]  # uint8 [h, w, 3] and its caption


@dataclass(frozen=True)
class Figure:
    """Pictures under a title, in rows of `columns`."""

    title: str
    pictures: Sequence[Picture]
    columns: int
    ink: bool = False  # dark on white: inverted on a dark page


@dataclass(frozen=True)
class Measurement:
    """What a step shows, and what answers its question."""

    figures: Sequence[Figure]
    numbers: Mapping[str, object]  # for the sentences of the step
    correct: int | None  # index of the option that the numbers support; None if measured after the answer
    table: Sequence[Sequence[str]] = ()  # the header first
    command: str = ""


class MeasuredClip:
    """A bundled clip under one model; everything is computed when it is first read, and cached."""

    def __init__(self, name: str, model: str):
        self.about, self.model = bundled()[name], model
        self._changed: dict[str, Prediction] = {}

    @cached_property
    def clip(self) -> Clip:
        """The clip at one frame per second."""
        return read_clip(self.about.path, fps=1)

    @cached_property
    def result(self) -> ClipResult:
        """The prediction as the other tabs take it; its selected frame is the one with the largest mask."""
        prediction = MODELS.predict(self.model, self.clip)
        peak = int(prediction.foreground.argmax())
        return ClipResult(prediction, self.about.title, self.model, self.about.name, peak)

    @cached_property
    def ground_truth(self) -> tuple[np.ndarray, ...]:
        """Classes uint8 [h, w] of every frame."""
        return truth_of(self.about.name, tuple(float(time) for time in self.clip.times))

    @cached_property
    def inspection(self) -> Inspection:
        """The activations of the frame with the largest mask."""
        threshold = self.result.prediction.threshold
        return MODELS.run(self.model, inspect, self.clip, self.result.frame, threshold)

    def under(self, name: str) -> Prediction:
        """Return the prediction under a change; the sound of a swap is that of a bundled clip."""
        if name not in self._changed:
            change, threshold = read_change(name), self.result.prediction.threshold
            if change.name == "swap":
                change = Change("swap", (str(bundled()[str(change.values[0])].path),))
            self._changed[name] = MODELS.run(self.model, what_if, self.clip, [change], threshold)
        return self._changed[name]

    def effect(self, name: str) -> Comparison:
        """Return the masks before and after a change, side by side."""
        return compare(self.result.prediction, self.under(name))


MEASURED: LRUCache[tuple[str, str, int], MeasuredClip] = LRUCache(12)  # shared by all visitors


def measured_clip(name: str) -> MeasuredClip:
    """Return a bundled clip under the first bundled model of a binary task.

    Raises CheckpointError without such a model.
    """
    model = next((key for key, path in bundled_models().items() if read_card(path)[0].task != "avss"), None)
    if model is None:
        raise CheckpointError("No bundled model for a binary task: put one into assets/models.")
    written = model_version(model)[1]
    return MEASURED.get_or_make((name, model, written), lambda: MeasuredClip(name, model))


def measure_task(measured: MeasuredClip, _: Exercise, answered: bool) -> Measurement:
    """Show the three tasks, and the clip's masks once answered; count the frames with the guitar."""
    panels = []
    for name, clip in TASKS:
        example = measured_clip(clip)
        index = int(np.argmax([len(np.unique(labels)) for labels in example.ground_truth]))
        labels = example.ground_truth[index]
        classes = " and ".join(CLASSES[k] for k in np.unique(labels) if k > 0).replace("-", " ")
        labels, colours = (labels, mask_colours(labels)) if name == "AVSS" else (labels > 0, BINARY)
        panels.append((_masked(example.clip.frames[index], labels, colours), f"{name}: {classes}"))
    figures = [Figure("Ground truth in the three tasks", panels, len(panels))]
    prediction, truth = measured.result.prediction, np.stack(measured.ground_truth)
    if answered:
        pictures = _frames(measured.clip, truth, "True ") + _frames(measured.clip, prediction.masks, "Pred. ")
        figures.append(Figure("Ground truth, and predicted masks below", pictures, len(truth)))
    guitar = int((truth == CLASS_INDEX["guitar"]).any((1, 2)).sum())
    numbers = {"title": measured.about.title, "predicted": _frames_text(prediction.foreground)}
    numbers |= {"guitar": guitar, "frames": len(truth), "sounding": int(truth.any((1, 2)).sum())}
    return Measurement(figures, numbers, 0 if guitar == len(truth) else 2 if guitar == 0 else 1)


def measure_audio(measured: MeasuredClip, _: Exercise, _answered: bool) -> Measurement:
    """Show the log-mel spectrogram and the patch of every frame; pass silence through the front end."""
    clip, rows = measured.clip, log_mel(measured.clip.waveform).numpy()
    patches = patches_for(clip.waveform, clip.times, clip.fps)[:, 0].numpy()  # [T, 96, 64]
    pictures = [(spectrogram(patch, (128, 192)), f"Frame {i}") for i, patch in enumerate(patches, start=1)]
    silence = log_mel(np.zeros(SAMPLE_RATE, np.float32))
    value = float(silence.max())
    numbers = {"samples": len(clip.waveform), "rows": rows.shape[0], "bands": rows.shape[1]}
    numbers |= {"frames": len(patches), "dimensions": len(measured.inspection.audio), "offset": LOG_OFFSET}
    numbers |= {"value": f"{value:.3f}".replace("-", MINUS), "cells": silence.numel(), "zero": 1 - LOG_OFFSET}
    whole = [(spectrogram(rows, (128, 1000)), "")]
    title = "Log-mel spectrogram: time to the right, low bands below"
    figures = [Figure(title, whole, 1, True)]
    figures.append(Figure("One patch of 0.96 s per frame", pictures, len(patches), True))
    return Measurement(figures, numbers, 0 if value == 0 else 1 if math.isfinite(value) else 2)


def measure_attention(measured: MeasuredClip, _: Exercise, answered: bool) -> Measurement:
    """Show the attention of every decoder layer; compare its share on the mask with the mask's area."""
    inspection = measured.inspection
    foreground, shares = inspection.terms.both.labels > 0, attention_on_mask(inspection)
    area = float(foreground.mean())
    ratio = shares[-1] / area if area else 1.0  # an empty mask holds no attention
    pictures = [(_masked(inspection.frame, foreground), f"Mask {percent(area)}")]
    for i, share in enumerate(shares, start=1):
        attention = attention_of(inspection, i - 1)
        heat = heat_over(shrink(inspection.frame, WIDTH), density(attention, inspection.size)).picture
        pictures.append((heat, f"Layer {i}" + (f", {percent(share)} on mask" if answered else "")))
    by_layer = ", ".join(f"layer {i}: {percent(share)}" for i, share in enumerate(shares, start=1))
    numbers = {
        "config": inspection.config,
        "tokens": attention_of(inspection, 0).size,
        "frame": inspection.index + 1,
    }
    numbers |= {"area": percent(area), "share": percent(shares[-1]), "by_layer": by_layer}
    figure = Figure("Predicted mask, and attention (mean of heads and queries)", pictures, 2)
    return Measurement((figure,), numbers, 0 if ratio > 1 + EVEN else 2 if ratio < 1 - EVEN else 1)


def measure_mixer(measured: MeasuredClip, _: Exercise, answered: bool) -> Measurement:
    """Show the channels that change most; switch off the mixer, and the queries too if little changes."""
    inspection = measured.inspection
    mixer, before, after = mixing(inspection), inspection.mask_feature, inspection.mixed
    channels = [int(channel) for channel in (*mixer.order[:2], *mixer.order[-2:])]
    pictures = []
    for feature, name in ((before, "F_mask"), (after, "F̂")):
        for c in channels:
            both = np.stack([before[c], after[c]])
            cells = heat_map(feature[c], both.min(), both.max(), (WIDTH // 2, WIDTH // 2)).picture
            weight = f", ω {mixer.weights[c]:+.2f}".replace("-", MINUS) if feature is after else ""
            pictures.append((cells, f"{name}, c{c + 1}{weight}"))
    numbers: dict[str, object] = {"frame": inspection.index + 1, "amplified": int((mixer.weights > 0).sum())}
    numbers |= {"channels": len(before), "error": equation_2_error(inspection), "audio_path": ""}
    correct = None
    if answered:
        correct, numbers["iou"] = outcome("mixer-off", measured.effect("mixer-off"))
        if correct == 1:
            _, deaf = outcome("audio-off", measured.effect("audio-off"))
            path = "through the queries" if deaf < SAME else "through neither path alone"
            numbers["audio_path"] = (
                f" Without the audio queries it is {deaf:.2f}: in this checkpoint the audio acts {path}."
            )
    figure = Figure("The two most amplified and the two most suppressed channels", pictures, len(channels))
    return Measurement((figure,), numbers, correct)


def measure_mask(measured: MeasuredClip, _: Exercise, answered: bool) -> Measurement:
    """Show the mask of either term of Eq. (3), and of both; compare them by IoU."""
    inspection, terms = measured.inspection, measured.inspection.terms
    feature, queries = overlap(terms.feature, terms.both), overlap(terms.queries, terms.both)
    pictures = []
    for name, term, iou in (("F̂", terms.feature, feature), ("Queries", terms.queries, queries)):
        caption = f"{name} alone" + (f", IoU {iou:.2f}" if answered else "")
        pictures.append((_masked(inspection.frame, term.labels), caption))
    pictures.append((_masked(inspection.frame, terms.both.labels), "Both"))
    correct = 2 if max(feature, queries) < OTHER else int(queries > feature)
    numbers = {"frame": inspection.index + 1, "feature": feature, "queries": queries}
    return Measurement((Figure("Masks of the two terms of Eq. (3)", pictures, 3),), numbers, correct)


def measure_metrics(measured: MeasuredClip, _: Exercise, _answered: bool) -> Measurement:
    """Show masks against ground truth and metrics by threshold; score empty masks as the benchmark does."""
    prediction = measured.result.prediction
    curves = metrics_by_threshold(prediction, ground_truth_masks(prediction, measured.ground_truth))
    pictures = []
    for i, frame in enumerate(measured.clip.frames):
        picture = _masked(frame, prediction.mask(i))
        picture = truth_outline(picture, (measured.ground_truth[i] > 0).astype(np.uint8))
        caption = f"{'Background' if curves.empty[i] else 'IoU'} {curves.iou[curves.at_half, i]:.2f}"
        pictures.append((picture, caption))
    table = [("Threshold", "mIoU, all frames", "mIoU, with ground truth", "F")]
    columns = (curves.thresholds, curves.miou, curves.miou_with_truth, curves.mean_f)
    for i in (np.abs(curves.thresholds - t).argmin() for t in (0.1, 0.3, 0.5, 0.7, 0.9)):
        table.append(tuple(f"{column[i]:.2f}" for column in columns))
    nothing, empty, half = curves.miou_of_empty_masks, int(curves.empty.sum()), curves.at_half
    numbers = {"curves": curves, "f": curves.mean_f[half], "best_f": curves.mean_f[curves.best]}
    numbers |= {"best_threshold": curves.thresholds[curves.best], "empty": empty, "frames": len(pictures)}
    numbers |= {"miou": curves.miou[half], "miou_with_truth": curves.miou_with_truth[half]}
    correct = 0 if nothing == 0 else 1 if abs(nothing - empty / len(pictures)) < 1e-6 else 2
    figure = Figure("Predicted masks; ground truth outlined in white", pictures, len(pictures))
    return Measurement((figure,), numbers, correct, table)


def measure_robustness(measured: MeasuredClip, exercise: Exercise, answered: bool) -> Measurement:
    """Show the clip with its own sound, and once answered with the changed one; compare the masks."""
    clip, before, correct = measured.clip, measured.result.prediction, None
    numbers: dict[str, object] = {"title": measured.about.title, "before": _frames_text(before.foreground)}
    pictures, sounds = _frames(clip, before.masks), [("Original sound", clip.waveform)]
    if answered:
        after, c = measured.under(exercise.change), measured.effect(exercise.change)
        correct, iou = outcome(exercise.name, c)
        pictures += _frames(clip, after.masks)
        sounds.append((exercise.title, after.clip.waveform))
        shares = f"{100 * c.before.mean():.1f} → {percent(c.after.mean())}"
        numbers |= {"after": _frames_text(c.after), "iou": iou, "shares": shares}
    mels = [(spectrogram(log_mel(waveform).numpy(), (96, 500)), name) for name, waveform in sounds]
    title = f"Masks with the original sound{', and with the changed one below' if answered else ''}"
    figures = [Figure(title, pictures, len(clip.frames))]
    return Measurement([*figures, Figure("Log-mel spectrogram", mels, len(mels), True)], numbers, correct)


def outcome(change: str, comparison: Comparison) -> tuple[int, float]:
    """Return the option that the masks before and after a change support, and their mean IoU."""
    before, after = comparison.before >= LEAST_SHARE, comparison.after >= LEAST_SHARE
    iou = mean_where(comparison.iou, comparison.before, comparison.after)
    if change in ("swap", "shift"):
        same = iou >= OTHER if change == "swap" else np.array_equal(before, after)
        return (2 if not after.any() else 0 if same else 1), iou
    return (0 if not after.any() else 1 if iou >= SAME else 2), iou


def measure_training(measured: MeasuredClip, _: Exercise, answered: bool) -> Measurement:
    """Show the command of a short run; take the gradient of both losses in a frame without ground truth."""
    prediction, preset = measured.result.prediction, STEPS["training"].preset
    truth = ground_truth_masks(prediction, measured.ground_truth)
    frames = {"sounding": measured.result.frame}
    empty = np.flatnonzero(~truth.any((1, 2)))
    if answered and len(empty):
        frames["silent"] = int(empty[0])
    weight = PRESETS[preset].train.bce_weight
    numbers: dict[str, object] = {"model": measured.model, "preset": preset, "weight": weight}
    table, correct = [("Frame", "Loss", "Value", "Gradient", "Asks for")], None
    for kind, i in frames.items():
        gradients = loss_gradients(prediction.probability[i], truth[i])
        for name, g in gradients.items():
            wants = "nothing" if g.magnitude == 0 else f"{'less' if g.direction > 0 else 'more'} foreground"
            table.append((f"{i + 1}, {kind}", name, f"{g.loss:.3f}", f"{g.magnitude:.2g}", wants))
        dice = gradients["Dice"]
        correct = 1 if dice.magnitude == 0 else 0 if dice.direction > 0 else 2
        numbers |= {"frame": i + 1, "dice": dice, "cross_entropy": gradients["cross-entropy"]}
    start = START_FROM.get(preset, "")
    command = command_line(train_arguments(PRESETS[preset], preset, "synth", RUN, start_from=start))
    return Measurement((), numbers, correct, table, command)


def _frames_text(shares: np.ndarray) -> str:
    """Return "frames 1, 2 and 4", "no frame" or "all 5 frames": those whose share [T] is foreground."""
    numbers = [str(i + 1) for i, share in enumerate(shares) if share >= LEAST_SHARE]
    if len(numbers) == len(shares):
        return f"all {len(shares)} frames"
    if len(numbers) < 2:
        return f"frame {numbers[0]}" if numbers else "no frame"
    return f"frames {', '.join(numbers[:-1])} and {numbers[-1]}"


def _masked(frame: np.ndarray, labels: np.ndarray, colours: Mapping[int, Colour] = BINARY) -> np.ndarray:
    return overlay(shrink(frame, WIDTH), labels.astype(np.uint8), colours)


def _frames(clip: Clip, masks: Sequence[np.ndarray], prefix: str = "") -> list[Picture]:
    """Return every frame with its mask [h, w], captioned by the share of foreground."""
    pairs = zip(clip.frames, masks, strict=True)
    return [(_masked(frame, mask > 0), f"{prefix}{percent((mask > 0).mean())}") for frame, mask in pairs]


MEASUREMENTS: dict[str, Callable[[MeasuredClip, Exercise, bool], Measurement]] = {
    "task": measure_task,
    "audio": measure_audio,
    "attention": measure_attention,
    "mixer": measure_mixer,
    "mask": measure_mask,
    "metrics": measure_metrics,
    "robustness": measure_robustness,
    "training": measure_training,
}
