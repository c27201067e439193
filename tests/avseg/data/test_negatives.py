"""Training clips whose sound belongs to nothing in view: their ground truth is empty."""

import numpy as np
import torch

from avseg.data.transforms import ClipTensors, negative_sound
from avseg.media.audio import SILENT_LOG_MEL
from avseg.synthavs.dataset import SynthAVS


def clips() -> SynthAVS:
    return SynthAVS("ms3", "train", 3, 6, (32, 32))


def test_a_share_of_the_clips_is_negative_and_the_rest_unchanged():
    plain, all_negative = ClipTensors(clips(), 32), ClipTensors(clips(), 32, negative=1.0)
    some = ClipTensors(clips(), 32, negative=0.5)
    filled = [index for index in range(6) if plain[index].classes.any()]
    kinds = set()
    for index in range(6):
        own, negative, either = plain[index], all_negative[index], some[index]
        assert not negative.classes.any()
        assert torch.equal(own.frames, negative.frames) and torch.equal(own.labelled, negative.labelled)
        assert not torch.equal(own.log_mel, negative.log_mel)
        unchanged = torch.equal(either.log_mel, own.log_mel) and torch.equal(either.classes, own.classes)
        assert unchanged or torch.equal(either.log_mel, negative.log_mel)
        kinds.add(unchanged)
    assert filled and kinds == {True, False}


def test_negative_sounds_are_silence_noise_or_other_classes():
    data, silent = clips(), 0
    for seed in range(12):
        sound = negative_sound(data, 0, np.random.default_rng(seed))
        assert sound.shape == (5 * 16_000,) and sound.dtype == np.float32
        silent += not sound.any()
        for other in range(1, 6):
            if np.array_equal(sound, data.waveform(other)):
                assert data.sounding_classes(other).isdisjoint(data.sounding_classes(0))
        assert not np.array_equal(sound, data.waveform(0))
    assert 0 < silent < 12


def test_the_same_position_is_negative_in_every_pass():
    first, again = (ClipTensors(clips(), 32, negative=0.5)[2] for _ in range(2))
    assert torch.equal(first.log_mel, again.log_mel) and torch.equal(first.classes, again.classes)
    assert first.log_mel.min() >= SILENT_LOG_MEL - 1e-4
