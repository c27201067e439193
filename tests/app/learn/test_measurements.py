"""The answers of the Learn tab follow the numbers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from app.learn import measurements
from app.learn.measurements import MeasuredClip, outcome
from app.learn.steps import STEPS
from avseg import checkpoints
from avseg.checkpoints import Card, save_model
from avseg.interpret.inspection import MaskMap
from avseg.interpret.maps import equation_2_error
from avseg.models.avsegformer import AVSegFormer
from avseg.training.command import device_and_workers
from tests.support.small_model import SMALL


def bundle(folder, **changes):
    """Put a random model into a folder of bundled models."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    model = AVSegFormer(replace(SMALL, **changes))
    save_model(folder / "small.safetensors", model, Card("small", "random", ""))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bundle(tmp_path_factory.mktemp("bundled"))


@pytest.fixture(autouse=True)
def small_model(folder, monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "BUNDLED", folder)


@pytest.fixture(scope="module")
def cache() -> dict[str, MeasuredClip]:
    return {}


@pytest.fixture
def measured(cache, small_model):
    """Clips under the small model, measured once for all tests."""
    return lambda name: cache.setdefault(name, MeasuredClip(name, "small"))


def exercise(step: str, index: int = 0):
    return STEPS[step].exercises[index]


def explanation(step: str, measurement) -> str:
    return STEPS[step].explanation.format(**measurement.numbers)


def test_the_frames_with_the_silent_object_are_counted(measured):
    clip = measured("dog-and-guitar")
    assert measurements.measure_task(clip, exercise("task"), False).correct == 2
    guitar = measurements.CLASS_INDEX["guitar"]
    for frames, correct in ((5, 0), (2, 1)):
        truth = tuple(np.full((4, 4), guitar if i < frames else 0, np.uint8) for i in range(5))
        fake = SimpleNamespace(ground_truth=truth, result=clip.result, about=clip.about, clip=clip.clip)
        assert measurements.measure_task(fake, exercise("task"), False).correct == correct


def test_silence_is_the_logarithm_of_the_offset(measured):
    measurement = measurements.measure_audio(measured("dog-and-guitar"), exercise("audio"), False)
    assert measurement.correct == 1 and "4.605" in explanation("audio", measurement)


@pytest.mark.parametrize(("share", "correct"), [(0.9, 0), (0.25, 1), (0.05, 2)])
def test_attention_on_the_mask_is_compared_with_its_area(share, correct, measured):
    labels = np.zeros((64, 64), np.uint8)
    labels[:32, :32] = 1  # a quarter of the frame
    cells = [np.full((side, side), (1 - share) / (0.75 * side * side)) for side in (8, 4, 2)]
    for part in cells:
        half = len(part) // 2
        part[:half, :half] = share / half**2
    inspection = measured("dog-and-guitar").inspection
    inspection = replace(
        inspection,
        terms=replace(inspection.terms, both=MaskMap(labels / 1.0, labels)),
        config=replace(SMALL, image_size=64, decoder_layers=1),
        attention_mean=np.tile(np.concatenate([part.ravel() / 3 for part in cells]), (1, 2, 1)),
    )
    measurement = measurements.measure_attention(
        SimpleNamespace(inspection=inspection), exercise("attention"), True
    )
    assert measurement.correct == correct
    assert f"layer 1: {100 * share:.0f}" in explanation("attention", measurement)


def test_an_empty_mask_holds_its_share_of_the_attention(measured):
    inspection = measured("dog-and-guitar").inspection
    empty = np.zeros_like(inspection.terms.both.labels)
    inspection = replace(inspection, terms=replace(inspection.terms, both=MaskMap(empty / 1.0, empty)))
    assert (
        measurements.measure_attention(
            SimpleNamespace(inspection=inspection), exercise("attention"), True
        ).correct
        == 1
    )


def effect_of(iou, before, after) -> SimpleNamespace:
    arrays = (np.array(values, float) for values in (iou, before, after))
    return SimpleNamespace(**dict(zip(("iou", "before", "after"), arrays)))


EFFECTS = {
    "same": effect_of([0.95, 0.97, 1], [0.1, 0.1, 0], [0.1, 0.1, 0]),
    "other": effect_of([0.3, 0, 1], [0.1, 0.1, 0], [0.1, 0.2, 0]),
    "later": effect_of([0, 0.95, 0], [0.1, 0.1, 0], [0, 0.1, 0.1]),
    "none": effect_of([0, 0, 1], [0.1, 0.1, 0], [0, 0, 0]),
}


def test_the_outcome_of_a_change_follows_from_the_masks():
    outcomes = {
        name: tuple(outcome(change, effect)[0] for change in ("mute", "swap", "shift"))
        for name, effect in EFFECTS.items()
    }
    assert outcomes == {"same": (1, 0, 0), "other": (2, 1, 0), "later": (2, 1, 1), "none": (0, 2, 2)}


@pytest.mark.parametrize(
    ("mixer", "queries"), [("same", "other"), ("same", "same"), ("other", None), ("none", None)]
)
def test_the_audio_queries_are_dropped_only_if_the_mixer_explains_nothing(mixer, queries, measured):
    changes = []

    def effect(change):
        changes.append(change)
        return EFFECTS[mixer if change == "mixer-off" else queries]

    fake = SimpleNamespace(effect=effect, inspection=measured("dog-and-guitar").inspection)
    measurement = measurements.measure_mixer(fake, exercise("mixer"), True)
    assert changes == (["mixer-off", "audio-off"] if queries else ["mixer-off"])
    assert measurement.correct == {"same": 1, "other": 2, "none": 0}[mixer]
    text = explanation("mixer", measurement)
    assert ("through the queries" in text) == (queries == "other")
    assert ("through neither path alone" in text) == (queries == "same")


def test_nothing_is_changed_before_an_answer(measured):
    fake = SimpleNamespace(effect=None, inspection=measured("dog-and-guitar").inspection)
    assert measurements.measure_mixer(fake, exercise("mixer"), False).correct is None
    clip = measured("dog-and-guitar")
    fake = SimpleNamespace(under=None, result=clip.result, about=clip.about, clip=clip.clip)
    assert len(measurements.measure_robustness(fake, exercise("robustness"), False).figures[1].pictures) == 1


def test_the_closer_term_is_the_one_with_the_higher_iou(measured):
    def term(columns: int) -> MaskMap:
        labels = np.zeros((10, 10), np.uint8)
        labels[:, :columns] = 1
        return MaskMap(labels / 1.0, labels)

    inspection = measured("dog-and-guitar").inspection
    for feature, queries, correct in ((9, 5, 0), (6, 10, 1), (1, 2, 2)):
        terms = replace(inspection.terms, feature=term(feature), queries=term(queries), both=term(10))
        fake = SimpleNamespace(inspection=replace(inspection, terms=terms))
        assert measurements.measure_mask(fake, exercise("mask"), True).correct == correct


@pytest.mark.parametrize("mixer", ["channel", "gated", "none"])
def test_equation_2_holds_for_the_recorded_activations(mixer, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "BUNDLED", bundle(tmp_path / mixer, mixer=mixer))
    inspection = MeasuredClip("dog-and-guitar", "small").inspection
    assert equation_2_error(inspection) < 1e-5
    if mixer != "none":
        assert equation_2_error(replace(inspection, mixed=inspection.mixed + 1)) > 0.9


def test_empty_masks_score_nothing_on_a_clip_that_always_sounds(measured):
    loud, silent = measured("street-siren"), measured("siren-off-screen")
    assert measurements.measure_metrics(loud, exercise("metrics"), False).correct == 0
    measurement = measurements.measure_metrics(silent, exercise("metrics"), False)
    share = measurement.numbers["empty"] / measurement.numbers["frames"]
    assert measurement.correct == 1 and 0 < share < 1
    assert f"score mIoU {share:.2f}" in explanation("metrics", measurement)


def test_the_losses_of_a_silent_frame_appear_with_the_answer(measured):
    clip = measured("siren-off-screen")
    before, after = (
        measurements.measure_training(clip, exercise("training"), answered) for answered in (False, True)
    )
    assert len(before.table) == 3 and len(after.table) == 5
    assert after.correct == 1 and after.table[3][-1] == "nothing"
    assert "gradient sums to 0," in explanation("training", after)


def test_the_command_of_the_last_step_is_one_that_the_trainer_takes(measured):
    command = measurements.measure_training(measured("siren-off-screen"), exercise("training"), False).command
    assert (
        command.startswith("python -m avseg train classroom --data synth")
        and "--start-from tiny-ms3" in command
    )
    assert device_and_workers(command)[0] == "auto"


def test_a_swap_takes_the_sound_of_the_bundled_clip(measured):
    clip = measured("engine-not-siren")
    other = clip.under("swap=street-siren").clip.waveform
    assert other.shape == clip.clip.waveform.shape and not np.array_equal(other, clip.clip.waveform)
