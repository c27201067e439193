"""Runs under changes: the model they use, and their ground truth."""

from dataclasses import replace

import numpy as np

from app.whatif import html, text
from app.whatif.effect import run_changes, segment_bundled, sweep_change
from avseg.interventions.effect import finding
from avseg.interventions.run import Change


def test_another_checkpoint_is_one_more_change(models):
    result = segment_bundled("stage-duo", "model")
    effect = run_changes(result, [Change("checkpoint", ("other",))])
    assert effect.before.model == "model" and effect.after.model == "other"
    assert not effect.after.labels.any()
    assert finding(effect).startswith("With other, ")
    assert "only the checkpoint differs" in text.caption(effect)


def test_other_changes_apply_at_every_value_of_a_sweep(models):
    swept = sweep_change(segment_bundled("dog-and-guitar", "model"), Change("gain"), [Change("mute")])
    assert "without sound" in text.sweep_title(swept)
    assert not swept.sweep.predictions[0].labels.any()


def test_a_visitors_own_clip_has_no_ground_truth(models):
    result = replace(segment_bundled("dog-and-guitar", "model"), clip=None)
    effect = run_changes(result, [Change("gain", (0,))])
    assert effect.truth is None and text.stats(effect)[2][:2] == ("none", "IoU with ground truth")
    assert "stays the same (IoU 1.00)" in finding(effect)
    assert "ground truth" not in html.effect_page(effect)


def test_labels_of_a_data_set_are_its_ground_truth(models):
    result = replace(segment_bundled("dog-and-guitar", "model"), clip=None)
    labels = tuple(np.full((9, 16), k % 2, np.uint8) for k in range(5))
    effect = run_changes(replace(result, truth=labels), [Change("gain", (0,))])
    assert effect.truth.in_view is None and effect.comparison.truth.tolist() == [0, 1, 0, 1, 0]
    assert len(text.stats(effect)) == 3 and text.stats(effect)[2][1] == "IoU with ground truth"
    unlabelled = replace(result, truth=(*labels[:4], None))
    assert run_changes(unlabelled, [Change("gain", (0,))]).truth is None
