"""Our model against numbers measured from the released code bases, from a checkpoint's names to the logits.

What the numbers are: `tests/support/reference/README.md`. Every parameter has its released name, shape and
value, and comes in as released weights do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from avseg.checkpoints import import_released, import_weights, load_model
from avseg.config import ModelConfig
from avseg.data.transforms import normalise
from avseg.media.audio import released_patches
from avseg.models.avsegformer import AVSegFormer
from avseg.runtime.accelerate import accelerated
from tests.support.reference_fill import MODELS, REFERENCE, fill, released_shapes

THROUGH_A_FILE = "aug2023_r50_s4"  # the others skip the disk: it adds nothing but gigabytes
LOGITS_APART = 1e-3
TWIN_FRAMES = 2  # of the accelerated model; no frame depends on another
INSIDE_APART = 1e-3  # of the standard deviation of what is compared


@dataclass(frozen=True)
class Measured:
    """What the reference has and what our model gives, thinned out alike."""

    config: ModelConfig
    theirs: dict[str, np.ndarray]
    ours: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def filled() -> Iterator[Callable[[str, tuple[int, ...]], torch.Tensor]]:
    """`fill`, which makes each parameter once: the models share most of them."""
    remembering = cache(fill)
    yield remembering
    remembering.cache_clear()


@pytest.fixture(scope="module", params=MODELS)
def measured(request: pytest.FixtureRequest, filled: Callable, tmp_path_factory) -> Measured:
    """One released model's numbers beside ours; the model itself is gone when this returns."""
    name = request.param
    state = {key: filled(key, shape) for key, shape in released_shapes(name).items()}
    if name == THROUGH_A_FILE:
        model = through_a_file(state, tmp_path_factory.mktemp("released"))
    else:
        imported = import_released(state)
        with torch.device("meta"):
            model = AVSegFormer(imported.config).eval()
        model.load_state_dict(imported.weights, strict=True, assign=True)
    theirs = dict(np.load(REFERENCE / f"{name}.npz"))
    return Measured(model.config, theirs, run(model, name, theirs))


def through_a_file(state: dict[str, torch.Tensor], folder: Path) -> AVSegFormer:
    """Take the road of `import-weights`: a .pth file, our file, a loaded model."""
    released, ours = folder / "released.pth", folder / "ours.safetensors"
    torch.save(state, released)
    import_weights(released, ours, "s4")
    released.unlink()
    model = load_model(ours)
    ours.unlink()
    return model


@torch.inference_mode()
def run(model: AVSegFormer, name: str, theirs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the reference file holds, from our model."""
    inputs = np.load(REFERENCE / ("inputs_t10.npz" if name.endswith("avss") else "inputs_t5.npz"))
    frames = normalise(torch.from_numpy(inputs["frames"]), 224)
    flags = torch.from_numpy(inputs["temporal_flag"])
    seen: dict[str, torch.Tensor] = {}
    watch(model.audio_backbone, "audio_embedding", seen)
    for stage, tap in enumerate(model.visual_backbone.taps, 1):
        watch(tap, f"backbone_stage{stage}", seen)
    output = model(frames, torch.from_numpy(inputs["log_mel"]), flags, intermediate="apr2023" in name)
    step = int(theirs["logits_step"])
    ours = {
        "logits": output.logits[..., ::step, ::step],
        "logits_mean": output.logits.double().mean(),
        "logits_std": output.logits.double().std(),
        "foreground": (output.logits > 0).double().mean(),
        # The released AVSS model puts the flags on the mask feature too.
        "mask_feature": (output.mixed_feature * flags.view(-1, 1, 1, 1))[:, ::16, ::8, ::8],
        "audio_embedding": seen["audio_embedding"],
    }
    for stage in range(1, 5):
        maps = seen[f"backbone_stage{stage}"][:2, ::16]
        ours[f"backbone_stage{stage}"] = maps[..., ::4, ::4] if maps.shape[-1] > 14 else maps
    log_mel = torch.from_numpy(inputs["log_mel"])
    twin = accelerated(model)(frames[:TWIN_FRAMES], log_mel[:TWIN_FRAMES], flags[:TWIN_FRAMES])
    ours["logits_of_twin"] = twin.logits[..., ::step, ::step]
    if output.intermediate:
        ours["intermediate_masks"] = torch.stack(output.intermediate)[..., ::8, ::8]
    return {key: value.numpy().copy() for key, value in ours.items()}


def watch(module: torch.nn.Module, name: str, seen: dict[str, torch.Tensor]) -> None:
    """Keep what the module returns."""
    module.register_forward_hook(lambda _module, _inputs, output: seen.update({name: output}))


@pytest.mark.slow
def test_logits_agree(measured: Measured):
    assert measured.ours["logits"].shape == measured.theirs["logits"].shape
    assert np.abs(measured.ours["logits"] - measured.theirs["logits"]).max() < LOGITS_APART


@pytest.mark.slow
def test_logits_of_the_twin_agree(measured: Measured):
    for theirs in (measured.theirs["logits"], measured.ours["logits"]):
        assert np.abs(measured.ours["logits_of_twin"] - theirs[:TWIN_FRAMES]).max() < LOGITS_APART


@pytest.mark.slow
def test_logits_agree_over_the_full_size(measured: Measured):
    for name, apart in (("logits_mean", 1e-4), ("logits_std", 1e-4), ("foreground", 1e-4)):
        assert measured.ours[name] == pytest.approx(measured.theirs[name].item(), abs=apart), name


@pytest.mark.slow
def test_what_lies_between_frames_and_logits_agrees(measured: Measured):
    names = ["audio_embedding", *(f"backbone_stage{stage}" for stage in range(1, 5))]
    names.append("intermediate_masks" if measured.config.edition == "apr2023" else "mask_feature")
    for name in names:
        ours, theirs = measured.ours[name], measured.theirs[name]
        assert ours.shape == theirs.shape, name
        assert np.abs(ours - theirs).max() < INSIDE_APART * theirs.std(), name


@pytest.mark.slow
def test_every_intermediate_mask_agrees_by_itself(measured: Measured):
    if measured.config.edition != "apr2023":
        assert "intermediate_masks" not in measured.ours  # the second code base has none
        return
    for ours, theirs in zip(
        measured.ours["intermediate_masks"], measured.theirs["intermediate_masks"], strict=True
    ):
        assert np.abs(ours - theirs).max() < INSIDE_APART * theirs.std()


@pytest.mark.slow
def test_padded_frames_are_empty(measured: Measured):
    if measured.config.task != "avss":
        return
    kept = np.load(REFERENCE / "inputs_t10.npz")["temporal_flag"] == 1
    assert 0 < kept.sum() < len(kept)
    assert not measured.ours["logits"][~kept].any() and measured.ours["logits"][kept].all()
    assert not measured.theirs["mask_feature"][~kept].any() and measured.theirs["mask_feature"][kept].any()


@pytest.mark.parametrize("inputs", ["inputs_t5", "inputs_t10"])
def test_log_mel_agrees(inputs: str):
    stored = np.load(REFERENCE / f"{inputs}.npz")
    ours = released_patches(stored["wav"] / np.float32(32768), len(stored["frames"]))
    assert ours.shape == stored["log_mel"].shape
    assert np.abs(ours.numpy() - stored["log_mel"]).max() < 1e-3
