"""TPAVI against numbers measured from AVSBench's code, its windows of frames, and its released names."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from avseg.checkpoints import import_released, import_weights, load_model
from avseg.config import Config
from avseg.data.transforms import normalise
from avseg.errors import CheckpointError, ConfigError
from avseg.evaluation.clip import evaluate_clip
from avseg.evaluation.evaluate import EvaluationOptions, evaluate
from avseg.media.clip import read_clip
from avseg.models.build import build_model
from avseg.models.released import rename
from avseg.models.tpavi import TPAVI, TPAVIOutput, attention_windows
from avseg.models.vggish import AUDIO_BACKBONES, SmallVGGish
from avseg.predict import Predictor
from avseg.presets import PRESETS
from avseg.synthavs.dataset import SynthAVS
from avseg.training.losses import matching_loss, training_loss
from avseg.training.trainer import train
from tests.support.media import counting
from tests.support.reference_fill import REFERENCE, TPAVI_MODELS, empty_state, fill, released_shapes
from tests.support.small_model import QUICK
from tests.support.small_tpavi import SMALL, small_tpavi


@pytest.fixture
def small() -> TPAVI:
    return small_tpavi()


def inputs(frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = (frames, 3, 64, 64), (frames, 1, 96, 64)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


@pytest.mark.slow
def test_logits_and_stages_agree_with_the_released_code():
    theirs = np.load(REFERENCE / "tpavi_pvt_s4.npz")
    released = released_shapes("tpavi_pvt_s4")
    imported = import_released({name: fill(f"tpavi.{name}", shape) for name, shape in released.items()})
    model = build_model(replace(imported.config, audio_backbone="vggish-small")).eval()
    model.load_state_dict(imported.weights, strict=False)
    embedding = torch.from_numpy(np.load(REFERENCE / "aug2023_pvt_s4.npz")["audio_embedding"])
    model.audio_backbone = torch.nn.Identity()  # the reference starts from the embedding
    frames = torch.from_numpy(np.load(REFERENCE / "inputs_t5.npz")["frames"])
    with torch.inference_mode():
        output = model(normalise(frames, 224), embedding)
    step = 224 // theirs["logits"].shape[-1]
    apart = np.abs(output.logits[..., ::step, ::step].numpy() - theirs["logits"]).max()
    assert apart < 1e-3
    assert output.logits.double().mean() == pytest.approx(theirs["logits_mean"].item(), abs=1e-4)
    assert output.logits.double().std() == pytest.approx(theirs["logits_std"].item(), abs=1e-4)
    for number, stage in enumerate(output.stages, 1):
        expected = theirs[f"tpavi_stage{number}"]
        assert np.abs(stage[:, ::32, ::4, ::4].numpy() - expected).max() < 1e-3 * expected.std()


@pytest.mark.parametrize("name", TPAVI_MODELS)
def test_a_released_file_is_recognised_and_every_tensor_is_used(name: str):
    _, backbone, _ = name.split("_")
    state = empty_state(name)
    imported = import_released(state)
    assert imported.config == PRESETS[f"s4-{backbone}-avsbench"].model
    unused = ("path4.resConfUnit1.", "resnet.layer3_2.", "resnet.layer4_2.")
    assert imported.dropped == tuple(key for key in state if key.startswith(unused))
    wide = state | {f"output_conv.4.{part}": torch.empty(*shape, device="meta") for part, shape in LAST_71}
    assert import_released(wide).config == PRESETS[f"avss-{backbone}-avsbench"].model
    assert import_released(state, "ms3").config.task == "ms3"


LAST_71 = (("weight", (71, 32, 1, 1)), ("bias", (71,)))


def test_a_damaged_released_file_is_refused():
    state = empty_state("tpavi_r50_s4")
    del state["tpavi_b2.W_z.1.running_var"]
    with pytest.raises(CheckpointError, match=r"1 missing: tpavi\.1\.output\.1\.running_var"):
        import_released(state)


def test_import_adds_vggish_from_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("avseg.models.vggish.AUDIO_BACKBONES", AUDIO_BACKBONES | {"vggish": SmallVGGish})
    monkeypatch.setattr("avseg.models.tpavi.AUDIO_BACKBONES", AUDIO_BACKBONES | {"vggish": SmallVGGish})
    monkeypatch.setitem(PRESETS, "avss-r50-avsbench", replace(PRESETS["avss-r50-avsbench"], model=SMALL_R50))
    torch.manual_seed(3)
    source = TPAVI(SMALL_R50).eval()
    ours = source.state_dict()
    names = {key: (rename(key) or ("",))[0] for key in released_shapes("tpavi_r50_s4")}
    state = {released: ours[name] for released, name in names.items() if name in ours}
    assert len(state) == sum(not name.startswith("audio_backbone.") for name in ours)
    torch.save(state, tmp_path / "avss_r50.pth")
    torch.save(source.audio_backbone.state_dict(), tmp_path / "vggish.pth")
    import_weights(tmp_path / "avss_r50.pth", tmp_path / "a.safetensors", audio=str(tmp_path / "vggish.pth"))
    model = load_model(tmp_path / "a.safetensors")
    assert model.card.weights == "released" and "TPAVI" in model.card.note
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in ours.items())


SMALL_R50 = replace(
    PRESETS["avss-r50-avsbench"].model, backbone_channels=(16, 16, 16, 16), image_size=64, embed_dim=32
)


def test_frames_of_a_window_attend_to_each_other_and_to_no_others(small: TPAVI):
    frames, log_mel = inputs(7)
    other = log_mel.clone()
    other[1] += 2  # the second second sounds otherwise
    with torch.inference_mode():
        before, after = (small(frames, sound).stages[-1] for sound in (log_mel, other))
    assert (before != after).flatten(1).any(1).tolist() == [True] * 5 + [False] * 2


def test_clips_of_a_batch_are_independent(small: TPAVI):
    frames, log_mel = inputs(6)
    with torch.inference_mode():
        together = small(frames, log_mel, clip_frames=3).logits
        apart = [small(frames[rows], log_mel[rows]).logits for rows in (slice(3), slice(3, 6))]
    torch.testing.assert_close(together, torch.cat(apart), atol=1e-5, rtol=1e-4)


def test_windows_count_from_the_start_of_every_clip():
    windows = attention_windows(torch.zeros(8), clip_frames=4, longest=3)
    members = [
        {row for row, share in zip(rows, shares, strict=True) if share}
        for rows, shares in zip(windows.rows.tolist(), windows.share.tolist(), strict=True)
    ]
    assert members == [{0, 1, 2}] * 3 + [{3}] + [{4, 5, 6}] * 3 + [{7}]
    assert torch.allclose(windows.share.sum(1), torch.ones(8))


def test_the_block_is_attention_over_all_pixels_of_a_window(small: TPAVI):
    """AVSBench, Eq. 2, with the map of all pairs of pixels that the block avoids."""
    block, stage, audio = small.tpavi[1], torch.randn(4, 32, 3, 5), torch.randn(4, 128)
    windows = attention_windows(audio, clip_frames=4, longest=5)
    with torch.inference_mode():
        ours, _ = block(stage, audio, windows)
        sound = block.align(audio)[..., None, None].expand_as(stage)
        theta, phi, g = (
            layer(x).transpose(0, 1).flatten(1)
            for layer, x in ((block.theta, stage), (block.phi, sound), (block.g, stage))
        )
        pairs = theta.T @ phi / phi.shape[1]  # [T*h*w, T*h*w]
        heard = (pairs @ g.T).T.reshape(-1, 4, 3, 5).transpose(0, 1)
        theirs = block.norm((stage + block.output(heard)).movedim(1, -1)).movedim(-1, 1).relu()
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_padded_frames_are_empty_and_leave_whole_windows_alone(small: TPAVI):
    frames, log_mel = inputs(10)
    flags = torch.tensor([1.0] * 5 + [0.0] * 5)
    with torch.inference_mode():
        padded, alone = small(frames, log_mel, flags).logits, small(frames[:5], log_mel[:5]).logits
    assert not padded[5:].any()
    torch.testing.assert_close(padded[:5], alone, atol=1e-5, rtol=1e-4)


def test_predictions_do_not_depend_on_the_batch(small: TPAVI, tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=7), fps=1)
    predictions = [Predictor(small, "cpu", batch).predict(clip) for batch in (1, 8, 16)]
    for prediction in predictions[1:]:
        np.testing.assert_allclose(prediction.probability, predictions[0].probability, atol=1e-5)


def test_evaluation_keeps_the_frames_of_a_clip_together(small: TPAVI):
    clips = SynthAVS("ms3", "test", 5, 3, (64, 64))
    options = EvaluationOptions(robustness=False, workers=0)
    together = {clip.name: clip.iou for clip in evaluate(small, clips, options=options).clips}
    shown = {clips.name(index): evaluate_clip(small, clips, index).mean_iou for index in range(3)}
    assert any(shown.values()) and shown == pytest.approx(together)


def test_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    model = TPAVI(SMALL).train()
    for block in model.tpavi:
        torch.nn.init.ones_(block.output[1].weight)  # zero, as it starts, gives the layers before it none
    frames, log_mel = inputs(6)
    config = PRESETS["tiny-tpavi"].train
    truth = torch.zeros(6, 64, 64, dtype=torch.uint8)
    truth[:, :20] = 1
    output = model(frames, log_mel, clip_frames=3)
    training_loss(output, truth, torch.ones(6, dtype=torch.bool), config).total.backward()
    head = [(n, p) for n, p in model.named_parameters() if not n.startswith("visual_backbone.")]
    without = [name for name, p in head if p.grad is None or not p.grad.abs().sum()]
    assert without == [name for name in without if name.endswith("output.0.bias")]  # batch norm removes it


def test_matching_is_smaller_where_the_masked_feature_is_the_sound():
    sound = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    logits = torch.full((4, 1, 8, 8), 50.0)
    stages = tuple(sound[:, :, None, None].expand(-1, -1, size, size) for size in (4, 2))
    rows = torch.ones(4, dtype=torch.bool)
    agreeing = matching_loss(TPAVIOutput(logits, stages, (sound, sound)), rows)
    differing = matching_loss(TPAVIOutput(logits, stages, (sound.flip(0), sound.flip(0))), rows)
    assert agreeing.item() == pytest.approx(0, abs=1e-6) and differing.item() > 0.1


def test_a_config_names_what_tpavi_lacks():
    with pytest.raises(ConfigError, match="mixer to none"):
        replace(SMALL, mixer="channel")
    preset = PRESETS["tiny-tpavi"]
    with pytest.raises(ConfigError, match="matching or none"):
        replace(preset, train=replace(preset.train, auxiliary="mixing"))
    with pytest.raises(ConfigError, match="sounds_per_frame"):
        replace(preset, train=replace(preset.train, sounds_per_frame=2))


@pytest.mark.parametrize("task", ["s4", "ms3", "avss"])
@pytest.mark.parametrize("backbone", ["r50", "pvt"])
def test_presets_have_avsbenchs_losses(task: str, backbone: str):
    config = PRESETS[f"{task}-{backbone}-avsbench"]
    c, t = config.model, config.train
    assert (c.architecture, c.edition, c.window, c.task) == ("tpavi", "avsbench", 5, task)
    assert (t.loss, t.auxiliary) == ("cross_entropy", "none" if task == "s4" else "matching")
    assert (t.learning_rate, t.weight_decay, t.batch_size) == (1e-4, 0, 4)


def test_a_run_trains_and_its_model_predicts(tmp_path):
    quick = replace(QUICK, loss="cross_entropy", auxiliary="matching", bce_weight=0.0, synth_clips=4)
    run = train(Config(SMALL, quick), tmp_path / "run", workers=0, device="cpu")
    model = load_model(run)
    assert isinstance(model, TPAVI) and model.config == SMALL
    prediction = Predictor(model, "cpu").predict(read_clip(counting(tmp_path / "a.mp4", seconds=2)))
    assert prediction.labels.shape == (2, 64, 64)
