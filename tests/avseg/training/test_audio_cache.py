"""Embeddings of a frozen audio backbone are computed once, and training with them equals training without."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from avseg.loaders import training_clips
from avseg.models.avsegformer import AVSegFormer
from avseg.models.vggish import SmallVGGish
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from avseg.training.audio_cache import AudioCache, repeats_itself
from avseg.training.trainer import labelled_rows, train
from tests.avseg.training.test_labelled_rows import FIRST, learned, made
from tests.support.small_model import SMALL, small_config


class Counting(nn.Module):
    """A frozen backbone that counts the patches that it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.heard = SmallVGGish().eval(), 0

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        self.heard += len(log_mel)
        return self.network(log_mel)


def test_every_patch_is_heard_once():
    network, log_mel = Counting(), torch.randn(4, 1, 96, 64)
    cache = AudioCache(network)
    cache.of(log_mel[:2])
    again = cache.of(log_mel[[3, 1, 0, 2, 1]])
    assert network.heard == 4
    torch.testing.assert_close(again, network.network(log_mel)[[3, 1, 0, 2, 1]])
    few = AudioCache(network, most=1)
    few.of(log_mel), few.of(log_mel[3:]), few.of(log_mel[:1])
    assert network.heard == 4 + 4 + 1


@pytest.mark.parametrize("some", [True, False])
def test_loss_and_gradients_are_those_of_the_plain_step(some: bool):
    torch.manual_seed(0)
    model = AVSegFormer(SMALL).train()
    model.audio_backbone.requires_grad_(False).eval()
    batch = made(FIRST if some else torch.ones(len(FIRST), dtype=torch.bool))
    rows = labelled_rows(batch)
    cache = AudioCache(model.audio_backbone)
    loss, gradients = learned(model, batch, rows, False)
    for _ in range(2):
        embedding = cache.of(batch.log_mel if rows is None else batch.log_mel[rows])
        ours, found = learned(model, batch, rows, False, embedding=embedding)
        assert ours == pytest.approx(loss, rel=1e-5)
        assert set(found) == set(gradients)
        scale = max(gradient.abs().max() for gradient in gradients.values())
        for name, gradient in gradients.items():
            torch.testing.assert_close(found[name], gradient, atol=1e-5 * float(scale), rtol=1e-3, msg=name)


def test_only_frozen_backbones_on_clips_that_come_again_are_cached(tmp_path: Path):
    write(SynthAVS("ms3", "train", 1, 2), tmp_path / "data", videos=False)
    frozen = small_config({"task": "ms3"}, train_audio=False)
    clips, drawn = training_clips(str(tmp_path / "data"), frozen), training_clips("synth", frozen)
    network = AVSegFormer(frozen.model).audio_backbone

    def cached(clips, **train: object) -> bool:
        return repeats_itself(network, replace(frozen, train=replace(frozen.train, **train)), clips)

    assert cached(clips) and cached(clips, mute=True)
    assert not cached(drawn) and not cached(clips, train_audio=True)
    assert not cached(clips, freeze_batchnorm=False)  # its embedding depends on the batch
    assert repeats_itself(
        nn.Linear(1, 1), replace(frozen, train=replace(frozen.train, freeze_batchnorm=False)), clips
    )


def test_a_run_hears_every_clip_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for split, seed in (("train", 1), ("val", 2)):
        write(SynthAVS("s4", split, seed, 2), tmp_path / "data", videos=False)
    config = small_config({"task": "s4"}, train_audio=False, synth_clips=2, epochs=3, frames_per_clip=0)
    heard, forward = [], SmallVGGish.forward

    def count(network: SmallVGGish, log_mel: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() is False and not torch.is_inference_mode_enabled():  # not a validation
            heard.append(len(log_mel))
        return forward(network, log_mel)

    monkeypatch.setattr(SmallVGGish, "forward", count)
    train(config, tmp_path / "run", data=str(tmp_path / "data"), device="cpu", workers=0)
    assert heard == [1, 1]  # of 3 epochs with 2 clips, each with one labelled frame
