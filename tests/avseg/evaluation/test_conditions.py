"""The other sounds that clips are heard with, and the numbers that come of them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from avseg.evaluation.conditions import SWITCHES, ConditionedClips, swap_partner
from avseg.evaluation.evaluate import evaluate
from avseg.evaluation.report import Robustness
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.remix import off_screen
from tests.support.oracles import HERE, SIZE, Oracle

SCENES = SynthAVS("ms3", "test", 5, 3, (SIZE, SIZE))


@pytest.fixture(scope="module")
def conditioned() -> list:
    return [ConditionedClips(SCENES, SIZE, range(3), HERE.seed)[index] for index in range(3)]


def test_the_target_switch_wants_the_mask_of_the_class_that_is_heard(conditioned: list):
    answers = {}
    for clip in conditioned:
        for which in SWITCHES:
            for patch, target in zip(clip.audio[which], clip.targets[which]):
                answers[patch.double().sum().item()] = target

    def knowing(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        nothing = torch.zeros(SIZE, SIZE, dtype=torch.bool)
        marked = [answers.get(patch.double().sum().item(), nothing) for patch in log_mel]
        return torch.where(torch.stack(marked)[:, None], 8.0, -8.0)

    def deaf(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        everything = torch.cat([clip.targets["first"] | clip.targets["second"] for clip in conditioned])
        return torch.where(everything[:, None], 8.0, -8.0)

    def heard(answer: Callable) -> Robustness:
        return evaluate(Oracle(answer), SCENES, options=HERE).report.robustness

    assert heard(knowing).target_switch_iou == pytest.approx(1)
    assert 0 < heard(deaf).target_switch_iou <= 0.5 + 1e-6 and heard(deaf).swap_sensitivity == pytest.approx(
        0
    )


def test_targets_of_the_switch_are_two_classes_in_view(conditioned: list):
    for clip in conditioned:
        first, second = (clip.targets[which] for which in SWITCHES)
        assert first.shape == (5, SIZE, SIZE) and first.any() and second.any() and not (first & second).any()


def test_what_is_off_screen_is_not_in_view():
    for index in range(3):
        scene = SCENES.scene(index)
        heard = off_screen(scene, np.random.default_rng(index)).sounds
        assert len(heard) == 1 and heard[0].name not in scene.visible and all(heard[0].on)


def test_a_sound_is_lent_by_a_clip_in_which_other_classes_sound():
    scenes = SynthAVS("ms3", "test", 5, 30, (SIZE, SIZE))
    lent = [swap_partner(scenes, range(30), index, seed=0) for index in range(30)]
    assert lent == [swap_partner(scenes, range(30), index, seed=0) for index in range(30)]
    for index, other in enumerate(lent):
        assert other != index and scenes.sounding_classes(other)
        assert not scenes.sounding_classes(index) & scenes.sounding_classes(other)
    assert swap_partner(scenes, [4], 4, seed=0) is None
