"""Attributions with a known answer: linear scores, a model that hears one band, planted spans."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from avseg.__main__ import main
from avseg.checkpoints import bundled_models
from avseg.errors import ConfigError
from avseg.figures.attribution import band_ticks, pooled, time_ticks
from avseg.interpret.attribution import METHODS, Attribution, InputAttribution, attribute, blurred
from avseg.interpret.evidence import findings, main_bands, main_moments, share_on_region
from avseg.interpret.inspection import inspect, window_inputs
from avseg.interpret.methods import (
    gradient_times_input,
    grid,
    integrated_gradients,
    occlusion,
    rank_correlation,
    shuffled,
)
from avseg.interpret.regions import Region
from avseg.media.audio import SILENT_LOG_MEL, mel_bank, mel_edges
from avseg.media.clip import Clip, read_clip
from avseg.models.masks import foreground_logit
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.small_model import small_predictor
from tests.support.small_tpavi import small_tpavi

BAND = 40


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Clip:
    """Three frames of 96 x 64 with a loud sound."""
    clip = read_clip(counting(tmp_path_factory.mktemp("clip") / "a.mp4", seconds=3), fps=1)
    noise = np.random.default_rng(0).standard_normal(len(clip.waveform)).astype(np.float32)
    return replace(clip, waveform=noise / 5)


class OneBand(nn.Module):
    """An audio network that hears the mean of one mel band."""

    def __init__(self):
        super().__init__()
        self.rates = nn.Parameter(torch.linspace(-1, 1, 128))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        return torch.tanh(log_mel[:, 0, :, BAND].mean(1, keepdim=True) * self.rates)


@pytest.fixture(scope="module")
def one_band() -> Predictor:
    predictor = small_predictor()
    predictor.model.audio_backbone = OneBand()
    return predictor


def ticks() -> tuple[list[int], object]:
    done: list[int] = []
    return done, done.append


def test_all_methods_are_exact_for_a_linear_score():
    torch.manual_seed(0)
    weight, value, baseline = torch.randn(3, 6, 8).double()
    expected = weight * (value - baseline)
    done, tick = ticks()

    def score(variants: torch.Tensor) -> torch.Tensor:
        return (variants * weight).sum((1, 2))

    torch.testing.assert_close(gradient_times_input(score, value, baseline), expected)
    torch.testing.assert_close(integrated_gradients(score, value, baseline, 3, 2, tick), expected)
    assert done == [2, 1]
    cells = grid(6, 8, 2, 4)
    drops = occlusion(score, value, baseline, cells, 3, tick)
    for cell in range(8):
        assert drops[cells == cell].sum() == pytest.approx(expected[cells == cell].sum().item())
    assert done[2:] == [3, 3, 2]


def test_integrated_gradients_are_complete_where_the_gradient_alone_is_not():
    value, baseline = torch.tensor([2.0, -1.0]).double(), torch.tensor([0.5, 0.0]).double()

    def score(variants: torch.Tensor) -> torch.Tensor:
        return variants[:, 0] ** 3 * variants[:, 1]

    difference = (score(value[None]) - score(baseline[None])).item()
    attributed = integrated_gradients(score, value, baseline, 2, 8, lambda _: None)
    assert attributed.sum().item() == pytest.approx(difference)  # two points are exact up to degree three
    assert gradient_times_input(score, value, baseline).sum().item() != pytest.approx(difference, rel=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_the_band_that_a_model_hears_is_found(method, one_band, clip):
    found = attribute(one_band, clip, 1, method, steps=8, cells=8)
    sound = np.abs(found.sound.values)
    assert sound.shape == (96, 64) and sound.sum() > 0
    width = 8 if method == "occlusion" else 1  # bands of a cell
    start = BAND // width * width
    inside = sound[:, start : start + width].sum()
    assert inside == pytest.approx(sound.sum(), rel=1e-3)
    centre = mel_edges()[BAND + 1]
    if (bands := main_bands(found)) is not None:
        assert bands.low < centre < bands.high and bands.share == pytest.approx(1, abs=1e-3)
    if method == "ig":
        assert found.sound.completeness_error < 0.02
    assert found.picture.values.shape == (64, 64) and np.isfinite(found.picture.sanity)


def test_outputs_are_the_models_own(one_band, clip):
    found = attribute(one_band, clip, 1, "gradient")
    pictures, patches, _ = window_inputs(one_band, clip, 1)
    for sound, picture, expected in (
        (patches, pictures, found.sound.output),
        (torch.full_like(patches, SILENT_LOG_MEL), pictures, found.sound.baseline),
        (patches, blurred(pictures[0])[None], found.picture.baseline),
    ):
        with torch.no_grad():
            logit = foreground_logit(one_band.model(picture, sound).logits)[0].numpy()
        assert logit[found.where].mean() == pytest.approx(expected, abs=1e-4)
    mask = inspect(one_band, clip, 1).final.labels > 0
    np.testing.assert_array_equal(found.where, mask if mask.any() else np.ones_like(mask))
    assert found.masked == mask.any() and found.picture.output == pytest.approx(found.sound.output, abs=1e-4)


def test_the_model_stays_as_it_is_and_progress_reaches_its_end(one_band, clip):
    before = {name: weight.clone() for name, weight in one_band.model.state_dict().items()}
    calls = []
    attribute(one_band, clip, 0, "ig", steps=3, on_frame=lambda *call: calls.append(call))
    assert calls[-1] == (20, 20) and [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert all(torch.equal(before[name], weight) for name, weight in one_band.model.state_dict().items())
    assert all(weight.grad is None for weight in one_band.model.parameters())


def test_shuffling_keeps_backbones_and_values():
    model = small_predictor().model
    other = shuffled(model)
    assert other.visual_backbone is model.visual_backbone and other.audio_backbone is model.audio_backbone
    one, two = model.audio_projection.weight, other.audio_projection.weight
    assert not torch.equal(one, two)
    torch.testing.assert_close(one.flatten().sort().values, two.flatten().sort().values)
    assert torch.equal(shuffled(model).audio_projection.weight, two)


def test_tpavi_hears_the_sounds_of_its_window(clip):
    predictor = Predictor(small_tpavi(), "cpu")
    found = attribute(predictor, clip, 1, "ig", steps=4, sanity=False)
    assert found.sound.values.shape == (3 * 96, 64) and found.log_mel.shape == (3 * 96, 64)
    assert found.starts == pytest.approx((0, 0.96, 1.92))
    pictures, patches, row = window_inputs(predictor, clip, 1)
    vague = pictures.clone()
    vague[row] = blurred(pictures[row])
    for picture, expected in ((pictures, found.picture.output), (vague, found.picture.baseline)):
        with torch.no_grad():
            logit = predictor.model(picture, patches).logits[row, 0].numpy()
        assert logit[found.where].mean() == pytest.approx(expected, abs=1e-4)
    others = np.abs(found.sound.values).reshape(3, -1).sum(1)
    assert (others > 0).all() and np.isnan(found.sound.sanity)
    assert "between" in " ".join(findings(found))


def test_the_blurred_picture_keeps_its_mean_and_loses_its_detail():
    torch.testing.assert_close(blurred(torch.full((3, 20, 20), 0.7)), torch.full((3, 20, 20), 0.7))
    point = torch.zeros(3, 40, 40)
    point[:, 20, 20] = 1
    spread = blurred(point)
    assert spread.sum().item() == pytest.approx(3) and spread.argmax() == point.argmax()
    assert spread[0, 20, 24] / spread[0, 20, 20] == pytest.approx(np.exp(-0.5), abs=0.01)  # sigma is 4 px
    torch.testing.assert_close(spread[0, 16], spread[0, 24])


def test_rank_correlation_is_spearmans():
    one = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert rank_correlation(one, np.exp(one)) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, np.array([[1.0, 2.0, 2.0, 0.0]])) == pytest.approx(-0.3162, abs=1e-4)
    assert np.isnan(rank_correlation(one, one * 0))


def planted(sound: np.ndarray, picture: np.ndarray, where: np.ndarray) -> Attribution:
    """Return an attribution with given values and everything else of a small clip."""
    ends = (float(sound.sum()), 0.0, 0.25)
    model = small_predictor().model
    return Attribution(
        *(model.config, "small", "random", "ig", 32, 0, 0.5),
        **{"region": Region(), "where": where, "masked": True, "starts": (0.96,), "seconds": 0.0},
        frame=np.zeros((8, 8, 3), np.uint8),
        log_mel=np.zeros((96, 64), np.float32),
        sound=InputAttribution(sound, *ends),
        picture=InputAttribution(picture, float(picture.sum()), 0.0, -0.5),
    )


def test_sentences_say_where_the_evidence_is():
    sound, picture = np.zeros((96, 64)), np.full((8, 8), 0.25)
    centres = mel_edges()[1:-1]
    sound[32:48, (centres > 1000) & (centres < 2000)] = 1
    sound[:16, :4] = -5
    where = np.zeros((8, 8), bool)
    where[:4, :4] = True
    picture[where] = 0.75
    found = planted(sound, picture, where)
    bands, moments = main_bands(found), main_moments(found)
    assert (bands.low, bands.high, bands.share) == (1000, 2000, 1)
    assert (moments.low, moments.high) == pytest.approx((0.96 + 0.32, 0.96 + 0.48))
    assert share_on_region(found) == 0.5
    first, second, third = (text.replace("\N{NO-BREAK SPACE}", " ") for text in findings(found))
    assert "100 % of the evidence from the sound lies between 1 kHz and 2 kHz" in first
    assert "between 1.28 and 1.44 s" in first
    assert "raises the mean logit over the mask by 24.0" in second
    assert "50 % of its evidence lies on the mask, 25 % of the frame" in second
    assert "miss these differences by 0.0 % for the sound" in third and "0.25" in third and "−0.50" in third
    silent = replace(found, log_mel=np.full((96, 64), SILENT_LOG_MEL))
    assert "nothing to attribute" in next(findings(silent))


def test_heat_is_pooled_and_axes_are_those_of_the_front_end():
    values = np.arange(16.0).reshape(4, 4) - 8
    np.testing.assert_array_equal(pooled(values, (2, 2)), [[0, 0], [10, 18]])
    assert pooled(values, (48, 48)).shape == (4, 4)
    for place, text in band_ticks()[:-1]:  # the last band ends at 7.5 kHz
        number, unit = text.split()
        hertz = float(number) * (1000 if unit == "kHz" else 1)
        loudest = mel_bank()[round(hertz / 16000 * 512)].argmax().item()
        assert loudest == pytest.approx(min(max(place * 65 - 1, 0), 63), abs=1.1)
    found = planted(np.zeros((96, 64)), np.zeros((8, 8)), np.ones((8, 8), bool))
    assert time_ticks(found)[0] == (0, "0.96") and time_ticks(found)[-1] == (1, "1.92")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"method": "shap"}, "Method 'shap' is unknown: choose ig, gradient, occlusion"),
        ({"steps": 0}, "0 steps: choose 1 to 1000"),
        ({"cells": 99}, "99 cells: choose 2 to 32"),
        ({"frame": 7}, "Frame 8 does not exist: the clip has 3"),
        ({"threshold": 2}, "must be a number between 0 and 1"),
    ],
)
def test_what_cannot_be_attributed_is_said(changes, match, one_band, clip):
    with pytest.raises(ConfigError, match=match):
        attribute(one_band, clip, **{"frame": 0, **changes})


def test_the_command_writes_arrays_and_a_picture(root, tmp_path, capsys):
    clip, model = root / "assets/clips/dog-and-guitar.mp4", "tiny-avss"
    assert model in bundled_models()
    flags = ["--model", model, "--frame", "2", "--method", "gradient", "--no-sanity", "--device", "cpu"]
    assert main(["attribute", str(clip), *flags, "--region", "object", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "completeness error" in said and "the largest object" in said
    arrays = np.load(tmp_path / "dog-and-guitar/attribution.npz")
    assert arrays["sound"].shape == arrays["log_mel"].shape == (96, 64)
    assert arrays["picture"].shape == arrays["where"].shape == (160, 160) and arrays["where"].any()
    assert Image.open(tmp_path / "dog-and-guitar/attribution.png").size[0] > 1000
    assert main(["attribute", str(clip), "--frame", "0"]) == 1
    assert "frames count from 1" in capsys.readouterr().err
