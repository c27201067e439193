"""The backbones of the bundled models are pretrained on SynthAVS."""

import pytest
import torch

from avseg.data.labels import CLASS_INDEX
from avseg.models.avsegformer import AVSegFormer
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import audible
from avseg.training import pretraining
from avseg.training.pretraining import PretrainingStep, SynthAudio, SynthImages, pretrain_backbones
from tests.support.small_model import small_config

CLIPS = SynthAVS("ms3", "train", 3, 2, (64, 64))


def test_audio_comes_with_the_audible_classes_of_every_second():
    patches, classes = SynthAudio(CLIPS)[0]
    assert patches.shape == (5, 1, 96, 64) and classes.shape == (5, 71) and classes.any()
    for second in range(5):
        expected = [CLASS_INDEX[name] for name in audible(CLIPS.scene(0), second)]
        assert classes[second].nonzero().flatten().tolist() == sorted(expected)


def test_images_come_with_the_class_of_every_object_sounding_or_not():
    frame, classes = SynthImages(CLIPS, jitter=0.1)[1]
    assert frame.shape == (3, 64, 64) and frame.dtype == torch.float32
    visible = {CLASS_INDEX[name] for name in CLIPS.scene(1).visible}
    assert set(classes.unique().tolist()) - {0} <= visible and (classes > 0).any()


@pytest.mark.parametrize("field", ["audio_pretrain_steps", "visual_pretrain_steps"])
def test_a_backbone_is_trained_for_its_steps_and_the_rest_stays(field: str, monkeypatch):
    monkeypatch.setattr(pretraining, "AUDIO_BATCH", 2)
    monkeypatch.setattr(pretraining, "IMAGE_BATCH", 2)
    config = small_config(**{field: 2})
    torch.manual_seed(0)
    model = AVSegFormer(config.model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    steps: list[PretrainingStep] = []
    ((name, result),) = pretrain_backbones(model, config, CLIPS, 0, verbose=False, on_step=steps.append)
    assert [(step.backbone, step.done, step.total) for step in steps] == [
        (field.split("_")[0], 1, 2),
        (field.split("_")[0], 2, 2),
    ]
    assert steps[-1].accuracy == result.accuracy
    assert name == field and result.steps == 2 and 0 <= result.accuracy <= 1
    changed = {key for key, value in model.state_dict().items() if not torch.equal(before[key], value)}
    backbone = "audio_backbone." if field.startswith("audio") else "visual_backbone."
    assert changed and all(key.startswith(backbone) for key in changed)
