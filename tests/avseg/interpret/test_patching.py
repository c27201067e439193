"""Patching between two clips: models in which one site is known to carry all of the difference."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from avseg.__main__ import main
from avseg.errors import ConfigError
from avseg.interpret.inspection import window_inputs
from avseg.interpret.patching import Patching, findings, patch, patched, places_of
from avseg.media.clip import Clip, read_clip
from avseg.models.masks import foreground_probability
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.small_model import small_predictor
from tests.support.small_tpavi import small_tpavi


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> tuple[Clip, Clip]:
    """Two clips of two frames, with different pictures and different noises."""
    clip = read_clip(counting(tmp_path_factory.mktemp("clip") / "a.mp4", seconds=2), fps=1)
    noise = np.random.default_rng(0).standard_normal((2, len(clip.waveform))).astype(np.float32)
    louder = replace(clip, waveform=noise[0] / 3, frames=255 - clip.frames, name="loud.mp4")
    return louder, replace(clip, waveform=noise[1] / 300, name="quiet.mp4")


class Loudness(nn.Module):
    """An audio network that hears nothing but how loud it is."""

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        return torch.sin(log_mel.mean((1, 2, 3))[:, None] * torch.arange(1, 129))


def attentive(model: nn.Module) -> Predictor:
    """Return a predictor of a model in which the sound matters: fresh weights barely let it through."""
    model.audio_backbone = Loudness()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and ("audio" in name or "mixer" in name or "mask_generation" in name):
                weight.normal_(0, 0.3)
    return Predictor(model, "cpu")


@pytest.fixture
def predictor() -> Predictor:
    """A small model in which the sound matters."""
    return attentive(small_predictor().model)


def shares(patching: Patching, pair: str) -> dict[str, float]:
    values = patching.recovered[patching.pairs.index(pair)]
    return {place.name: share for place, share in zip(patching.places, values)}


def test_sound_that_enters_only_by_the_queries_is_recovered_there_alone(clips):
    predictor = attentive(small_predictor(mixer="none").model)
    found = patch(predictor, *clips, 1, pairs=["sound"])
    recovered = shares(found, "sound")
    assert found.change[0] > 1e-4
    for name in ("audio", "queries", "mask.product", "mask.mlp", "decoder.queries 3"):
        assert recovered[name] == pytest.approx(1, abs=1e-3), name
    for name in ("backbone.stage 1", "encoder.output", "mask_feature", "mask_feature.mixed"):
        assert recovered[name] == 0, name


def test_sound_that_enters_only_by_the_mixer_is_recovered_there_alone(clips, predictor):
    queries = predictor.model.audio_queries
    queries.forward = lambda audio: queries.tap(queries.learnable.weight.expand(len(audio), -1, -1))
    recovered = shares(patch(predictor, *clips, 0, pairs=["sound"]), "sound")
    for name in ("audio", "mixer.weights", "mask_feature.mixed"):
        assert recovered[name] == pytest.approx(1, abs=1e-3), name
    for name in ("queries", "decoder.queries 1", "decoder.attention 2", "mask_feature"):
        assert recovered[name] == 0, name


def test_the_effect_is_the_share_of_the_change_recovered(clips, predictor):
    source, target = clips
    site = "mask_feature.mixed"
    calls = []
    found = patch(predictor, source, target, 0, [site], on_frame=lambda *call: calls.append(call))
    assert calls == [(1, 2), (2, 2)] and found.pairs == ("sound", "clip")
    model, masks = predictor.model, {}
    (pictures, sound, _), (others, other, _) = (window_inputs(predictor, c, 0) for c in (target, source))
    with torch.inference_mode():
        for name, inputs in (("B", (pictures, sound)), ("A", (others, other))):
            masks[name] = foreground_probability(model(*inputs).logits)[0]
        mixed = model(others, other).mixed_feature
        with patched(model, site, 1, mixed):
            masks["patched"] = foreground_probability(model(pictures, sound).logits)[0]
    distance = (masks["B"] - masks["A"]).abs().sum()
    expected = 1 - (masks["patched"] - masks["A"]).abs().sum() / distance
    assert found.recovered[1, 0] == pytest.approx(expected.item(), abs=1e-4)
    assert found.change[1] == pytest.approx(distance.item() / 64**2, abs=1e-5)
    np.testing.assert_allclose(found.target_mask, masks["B"].numpy(), atol=1e-5)
    np.testing.assert_allclose(found.source_masks[1], masks["A"].numpy(), atol=1e-5)
    assert all(not module._forward_hooks for module in model.modules())


def test_equal_masks_leave_nothing_to_recover(clips, predictor):
    found = patch(predictor, clips[0], clips[0], 0, ["queries", "audio"])
    assert np.isnan(found.recovered).all() and (found.change < 1e-5).all()
    assert [place.name for place in found.places] == ["audio", "queries"]  # in the order of the table
    assert all("nothing to recover" in sentence for sentence in findings(found))


def test_tpavi_is_patched_stage_by_stage(clips):
    found = patch(attentive(small_tpavi()), *clips, 1)
    assert [place.name for place in found.places if place.site == "tpavi.stage"] == [
        f"tpavi.stage {stage}" for stage in (1, 2, 3, 4)
    ]
    assert np.isfinite(found.recovered).all()
    assert shares(found, "sound")["tpavi.context 1"] == 0 != shares(found, "sound")["tpavi.attention 1"]


def test_what_cannot_be_patched_is_said(clips, predictor):
    with pytest.raises(ConfigError, match="Unknown site mixer"):
        patch(predictor, *clips, 0, ["mixer"])
    with pytest.raises(ConfigError, match=r"The model has no site tpavi\.stage"):
        patch(predictor, *clips, 0, ["tpavi.stage"])
    with pytest.raises(ConfigError, match="Frame 6 does not exist"):
        patch(predictor, *clips, 5)
    names = {place.site for place in places_of(predictor.model)}
    assert "intermediate" not in names and {"backbone.stage", "decoder.attention"} <= names
    shorter = replace(clips[1], frames=clips[1].frames[:1], times=clips[1].times[:1])
    with pytest.raises(ConfigError, match=r"hears 1 frames of quiet\.mp4 together and 2 of loud\.mp4"):
        patch(Predictor(small_tpavi(), "cpu"), clips[0], shorter, 0)


def test_the_command_writes_the_grid(root, tmp_path, capsys):
    clips = [str(root / f"assets/clips/{name}.mp4") for name in ("street-siren", "dog-and-guitar")]
    flags = ["--model", "tiny-avss", "--site", "queries", "--site", "decoder.queries", "--device", "cpu"]
    assert main(["patch", *clips, *flags, "--out", str(tmp_path)]) == 0
    assert "decoder.queries 3" in capsys.readouterr().out
    folder = tmp_path / "street-siren-into-dog-and-guitar"
    with (folder / "patching.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 4 and {row["pair"] for row in rows} == {"sound", "clip"}
    assert (folder / "patching.png").stat().st_size > 1000
    assert main(["patch", *clips, "--site", "nothing"]) == 1
    assert "Unknown site nothing" in capsys.readouterr().err
