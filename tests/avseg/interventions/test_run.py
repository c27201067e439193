"""Every intervention does what its row says and nothing else, and nothing stays behind."""

import json
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from avseg.__main__ import main
from avseg.checkpoints import Card, bundled_models
from avseg.errors import ClipError, ConfigError
from avseg.interpret.sites import record
from avseg.interventions.compare import compare, curve, lines
from avseg.interventions.model import numbers
from avseg.interventions.run import (
    INTERVENTION,
    INTERVENTIONS,
    Change,
    checked,
    intervene,
    read_change,
    sweep,
    what_if,
)
from avseg.media.audio import SAMPLE_RATE
from avseg.media.clip import frame_times, read_clip, read_sound
from avseg.models.avsegformer import AVSegFormer
from avseg.predict import Predictor, audio_for
from avseg.presets import PRESETS
from tests.support.media import counting
from tests.support.small_model import SMALL
from tests.support.stand_in_model import BrightAndLoud

MODEL_ROWS = tuple(row.name for row in INTERVENTIONS if row.kind == "model" and not row.lacks(SMALL))


def build(**changes: object) -> AVSegFormer:
    torch.manual_seed(0)
    model = AVSegFormer(replace(SMALL, **changes)).eval()
    # Fresh weights leave the mixer's output small and the offsets of the encoder alone: make both speak.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and ("mixer" in name or "sampling_offsets" in name):
                parameter.normal_(0, 0.3)
    model.card = Card("small", "random")
    return model


def twin(model: AVSegFormer, **changes: object) -> AVSegFormer:
    """Return a model with another config and the same weights wherever both have them."""
    other = AVSegFormer(replace(model.config, **changes)).eval()
    other.load_state_dict({k: v for k, v in model.state_dict().items() if k in other.state_dict()})
    return other


@pytest.fixture(scope="module")
def model() -> AVSegFormer:
    return build()


@pytest.fixture(scope="module")
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 64, 64, generator=generator), torch.randn(2, 1, 96, 64, generator=generator)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return read_clip(counting(tmp_path_factory.mktemp("clips") / "steps.mp4", seconds=3, rate=20))


@torch.inference_mode()
def run(model, inputs, *changes: Change) -> torch.Tensor:
    with intervene(model, changes):
        return model(*inputs).logits


def hooks(model: torch.nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize(
    ("change", "config"),
    [
        (Change("mixer-off"), {"mixer": "none"}),
        (Change("learnable-off"), {"learnable_queries": False}),
        (Change("decoder-cut", (1,)), {"decoder_layers": 1}),
        (Change("decoder-cut", (2,)), {"decoder_layers": 2}),
        (Change("encoder-off"), {"encoder_layers": 0}),
    ],
)
@pytest.mark.parametrize("base", [{}, {"mixer": "gated", "query_generator_layers": 2}, {"mixer": "cross"}])
def test_a_part_left_out_equals_a_model_built_without_it(inputs, base, change, config):
    model = build(**base)
    plain = run(model, inputs)
    without = run(model, inputs, change)
    assert torch.equal(without, run(twin(model, **config), inputs))
    assert not torch.equal(without, plain)
    assert torch.equal(run(model, inputs), plain) and hooks(model) == 0


def test_the_whole_decoder_is_no_cut(model, inputs):
    assert torch.equal(run(model, inputs, Change("decoder-cut", (3,))), run(model, inputs))


@torch.inference_mode()
def test_without_audio_queries_the_sound_acts_through_the_mixer_alone(inputs):
    frames, log_mel = inputs
    deaf = build(mixer="none")
    without = run(deaf, inputs, Change("audio-off"))
    assert torch.equal(without, run(deaf, (frames, log_mel + 3), Change("audio-off")))
    hearing = build()
    with intervene(hearing, [Change("audio-off")]), record(hearing, ["queries"]) as seen:
        hearing(frames, log_mel)
    table = hearing.audio_queries.learnable.weight
    assert torch.equal(seen["queries"][0], table.expand(2, -1, -1))
    assert not torch.equal(
        run(hearing, inputs, Change("audio-off")), run(hearing, (frames, log_mel + 3), Change("audio-off"))
    )


@pytest.mark.parametrize("mixer", ["channel", "gated"])
@torch.inference_mode()
def test_the_strongest_channels_are_zero_and_only_those(inputs, mixer):
    model = build(mixer=mixer)
    with record(model, ["mixer.weights", "mask_feature.mixed"]) as plain:
        model(*inputs)
    with intervene(model, [Change("top-channels", (5,))]):
        output = model(*inputs)
    weights = plain["mixer.weights"][0]
    moved = (weights - (0.5 if mixer == "gated" else 0.0)).abs()
    for frame in range(2):
        chosen = moved[frame].argsort(descending=True)[:5]
        rest = [c for c in range(SMALL.embed_dim) if c not in chosen]
        assert not output.mixed_feature[frame, chosen].any()
        assert torch.equal(output.mixed_feature[frame, rest], plain["mask_feature.mixed"][0][frame, rest])


@torch.inference_mode()
def test_chosen_channels_are_zero_and_only_those(model, inputs):
    plain = model(*inputs).mixed_feature
    with intervene(model, [Change("channels", ("3, 8-10",))]):
        changed = model(*inputs).mixed_feature
    chosen = [2, 7, 8, 9]
    rest = [c for c in range(SMALL.embed_dim) if c not in chosen]
    assert not changed[:, chosen].any() and torch.equal(changed[:, rest], plain[:, rest])


def test_lists_of_channels():
    assert numbers("3,17 40-42", 64, "channel") == [2, 16, 39, 40, 41]
    for words in ("", "0", "65", "a", "3-", "-3", "5-2", "1-99999999999"):
        with pytest.raises(ConfigError):
            numbers(words, 64, "channel")


@torch.inference_mode()
def test_dropped_queries_add_nothing_to_the_mask_and_the_others_stay(model, inputs):
    with record(model, ["mask.product"]) as plain:
        model(*inputs)
    with intervene(model, [Change("drop-queries", ("2",))]), record(model, ["mask.product"]) as dropped:
        model(*inputs)
    before, after = plain["mask.product"][0], dropped["mask.product"][0]
    assert not after[:, 1].any() and torch.equal(after[:, [0, 2, 3]], before[:, [0, 2, 3]])


@torch.inference_mode()
def test_queries_that_are_not_kept_say_nothing(model, inputs):
    with record(model, ["mask.product"]) as seen:
        model(*inputs)
    product = seen["mask.product"][0]
    strength = product.abs().mean((2, 3)) * model.mask_generation.mlp[0].weight.flatten(2).norm(dim=(0, 2))
    for which, best in (("first", torch.tensor([[0, 1]] * 2)), ("strongest", strength.topk(2).indices)):
        with intervene(model, [Change("keep-queries", (2, which))]), record(model, ["mask.product"]) as kept:
            model(*inputs)
        for frame in range(2):
            for query in range(SMALL.queries):
                expected = product[frame, query] * (query in best[frame])
                assert torch.equal(kept["mask.product"][0][frame, query], expected)
    everything = Change("keep-queries", (SMALL.queries,))
    assert torch.equal(run(model, inputs, everything), run(model, inputs))


@torch.inference_mode()
def test_a_decoder_head_is_zero_in_its_layer_and_only_there(model, inputs):
    for layer in range(4):
        change = Change("decoder-head", (2, layer))
        with intervene(model, [change]), record(model, ["decoder.attention"]) as seen:
            model(*inputs)
        silent = [[not head.any() for head in a.unbind(1)] for a in seen["decoder.attention"]]
        assert silent == [[False, layer in (0, number)] for number in (1, 2, 3)]


@pytest.mark.parametrize("mixer", ["channel", "gated", "cross"])
@torch.inference_mode()
def test_a_mixer_head_is_zero_and_only_that(inputs, mixer):
    model = build(mixer=mixer)
    with intervene(model, [Change("mixer-head", (1,))]), record(model, ["mixer.attention"]) as seen:
        changed = model(*inputs).logits
    assert not seen["mixer.attention"][0][:, 0].any() and seen["mixer.attention"][0][:, 1].any()
    assert not torch.equal(changed, run(model, inputs))


@pytest.mark.parametrize("name", MODEL_ROWS)
def test_hooks_go_after_an_exception(model, inputs, name):
    plain = run(model, inputs)
    with pytest.raises(RuntimeError, match="stop"), intervene(model, [Change(name)]):
        assert hooks(model) > 0
        raise RuntimeError("stop")
    assert hooks(model) == 0 and torch.equal(run(model, inputs), plain)


def test_two_threads_do_not_mix(model, inputs):
    jobs = [(Change("mixer-off"),), (Change("decoder-cut", (1,)),), ()]
    alone, found = [run(model, inputs, *changes) for changes in jobs], {}
    gate = threading.Barrier(len(jobs))

    @torch.inference_mode()
    def work(index: int) -> None:
        with intervene(model, jobs[index]):
            gate.wait()
            found[index] = model(*inputs).logits
            gate.wait()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[index], alone[index]) for index in range(len(jobs)))
    assert hooks(model) == 0


def test_changes_combine(model, inputs):
    changes = [Change("decoder-cut", (1,)), Change("mixer-off"), Change("learnable-off")]
    smaller = twin(model, decoder_layers=1, mixer="none", learnable_queries=False)
    assert torch.equal(run(model, inputs, *changes), run(smaller, inputs))
    channels, bare = Change("channels", ("1-4",)), twin(model, mixer="none")
    both = run(model, inputs, channels, Change("mixer-off"))
    assert torch.equal(both, run(bare, inputs, channels))


@pytest.mark.parametrize(
    ("config", "change", "words"),
    [
        ({"mixer": "none"}, Change("mixer-off"), "has no mixer"),
        ({"mixer": "none"}, Change("mixer-head"), "no mixer"),
        ({"mixer": "cross"}, Change("top-channels"), "weights no channels"),
        ({"learnable_queries": False}, Change("learnable-off"), "no learnable queries"),
        ({"learnable_queries": False}, Change("audio-off"), "no queries to decode"),
        ({"encoder_layers": 0}, Change("encoder-off"), "no encoder layer"),
        ({}, Change("decoder-cut", (4,)), "from 1 to 3"),
        ({}, Change("decoder-cut", (1.5,)), "whole number"),
        ({}, Change("decoder-head", (3,)), "from 1 to 2"),
        ({}, Change("keep-queries", (1, "best")), "strongest or first"),
        ({}, Change("channels", ("99",)), "from 1 to 32"),
        ({}, Change("drop-queries", ("0",)), "from 1 to 4"),
        ({}, Change("mute", (1,)), "takes no values"),
        ({}, Change("mixer"), "Unknown change 'mixer'"),
        ({}, Change("shift", ("soon",)), "not a number"),
        ({}, Change("shift", ("nan",)), "out of range"),
    ],
)
def test_what_is_not_possible_is_said(config, change, words):
    with pytest.raises(ConfigError, match=words), intervene(build(**config), [change]):
        pass


def test_impossible_combinations_are_said(model):
    with pytest.raises(ConfigError, match="no query would be left"):
        checked([Change("learnable-off"), Change("audio-off")], model.config)
    with pytest.raises(ConfigError, match="only once"):
        checked([Change("mute"), Change("mute")], model.config)
    stranger = BrightAndLoud()
    with pytest.raises(ConfigError, match="change the sound"), intervene(stranger, [Change("mixer-off")]):
        pass


def test_words_are_read_and_said():
    assert read_change("mute") == Change("mute")
    assert read_change("shift=-2").words == "with the sound shifted by -2 s"
    assert read_change("decoder-head=3,1").words == "without decoder head 3 in layer 1"
    assert read_change("decoder-head=3").words == "without decoder head 3 in any layer"
    assert read_change("channels=3,17").values == ("3,17",)
    assert read_change("channels=3,17").words == "without channels 3,17"
    assert read_change("drop-queries=5").words == "without query 5"
    for text in ("mute", "shift=-2", "decoder-head=3,1", "channels=3,17", "keep-queries=2,first"):
        assert read_change(text).text == text
    assert Change("swap", ("/a/dog.mp4", 1.0)).text == "swap=dog,1"
    assert read_change("swap=/a/b/dog.mp4,1").words == "with the sound of dog"
    assert read_change("swap=/a,b.mp4,3").values == ("/a,b.mp4", "3")
    assert read_change("swap=/a,b,c.mp4").values == ("/a,b,c.mp4",)
    assert read_change("swap=/a,1,2").values == ("/a,1", "2")
    assert read_change("checkpoint=a,1.safetensors").values == ("a,1.safetensors",)
    with pytest.raises(ConfigError, match="Unknown change 'loud'"):
        read_change("loud=3")


@pytest.mark.parametrize("row", INTERVENTIONS, ids=lambda row: row.name)
def test_every_row_can_be_said_and_checked(row, model):
    given = {"swap": ("a.mp4",), "checkpoint": ("tiny-ms3",)}.get(row.name, ())
    config = PRESETS["tiny-tpavi"].model if row.lacks(model.config) else model.config
    change = checked([Change(row.name, given)], config)[0]
    assert change.words and "{" not in change.words and row.sentence.endswith(".")
    assert bool(row.sound) + bool(row.hooks) == (row.kind != "weights")
    for parameter in filter(lambda parameter: parameter.numeric, row.parameters):
        values = parameter.values_in(config)
        assert values == tuple(parameter.read(value, config) for value in values)
        assert len(values) <= 12 and {values[0], values[-1]} == set(parameter.range_in(config))


def test_mute_equals_silence_and_noise_alone_equals_noise(clip):
    predictor = Predictor(build(), "cpu")
    for changes, choice in (([Change("mute")], "mute"), ([Change("noise"), Change("mute")], "noise")):
        changed = what_if(predictor, clip, changes)
        plain = predictor.predict(clip, audio_for(choice, clip))
        assert np.array_equal(changed.clip.waveform, plain.clip.waveform)
        assert np.array_equal(changed.probability, plain.probability)
    assert changed.audio == "without sound, with noise at -20 dB"


def test_no_gain_and_no_shift_change_no_bit(clip):
    predictor = Predictor(build(), "cpu")
    plain = predictor.predict(clip)
    same = what_if(predictor, clip, [Change("gain", (0,)), Change("shift", (0,))])
    assert np.array_equal(same.clip.waveform, clip.waveform)
    assert np.array_equal(same.probability, plain.probability)
    assert np.array_equal(what_if(predictor, clip, []).probability, plain.probability)


def test_sound_is_shifted_made_louder_and_swapped(tmp_path):
    ramp = np.linspace(-0.5, 0.5, 3 * SAMPLE_RATE, dtype=np.float32)
    change = INTERVENTION["shift"].sound
    assert not change(ramp, 1)[:SAMPLE_RATE].any()
    assert np.array_equal(change(ramp, 1)[SAMPLE_RATE:], ramp[:-SAMPLE_RATE])
    assert np.array_equal(change(ramp, -1)[:-SAMPLE_RATE], ramp[SAMPLE_RATE:])
    assert not change(ramp, -1)[-SAMPLE_RATE:].any()
    assert not change(ramp, 4).any() and not change(ramp, -4).any()
    assert INTERVENTION["gain"].sound(ramp, -20) == pytest.approx(ramp / 10)
    assert np.abs(INTERVENTION["gain"].sound(ramp, 40)).max() == 1
    other = counting(tmp_path / "other.mp4", seconds=2)
    heard = INTERVENTION["swap"].sound(ramp, str(other), 0)
    assert len(heard) == len(ramp) and np.array_equal(heard[:SAMPLE_RATE], read_sound(other)[:SAMPLE_RATE])
    silent = counting(tmp_path / "silent.mp4", sound=None)
    with pytest.raises(ClipError, match="no readable audio track"):
        INTERVENTION["swap"].sound(ramp, str(silent), 0)


def test_another_checkpoint_speaks_of_the_same_clip(clip):
    predictor, other = Predictor(build(), "cpu"), Predictor(BrightAndLoud(), "cpu")
    after = what_if(predictor, clip, [Change("checkpoint", ("x",))], load=lambda name: other)
    assert after.model == "stand-in"
    assert np.array_equal(after.probability, other.predict(clip).probability)
    both = [Change("checkpoint", ("x",)), Change("mute")]
    assert not what_if(predictor, clip, both, load=lambda name: other).labels.any()
    with pytest.raises(ConfigError, match="name a model"):
        what_if(predictor, clip, [Change("checkpoint")])


def test_a_sweep_goes_through_the_whole_range(clip):
    predictor, told = Predictor(build(), "cpu"), []
    plain = predictor.predict(clip)
    found = sweep(predictor, clip, "decoder-cut", on_frame=lambda done, total: told.append((done, total)))
    assert found.values == (1, 2, 3) and found.parameter.name == "layers"
    for value, prediction in zip(found.values, found.predictions, strict=True):
        alone = what_if(predictor, clip, [Change("decoder-cut", (value,))])
        assert np.array_equal(prediction.probability, alone.probability)
    assert told == [(3, 9), (6, 9), (9, 9)]
    agreed = curve(plain, found.predictions)
    assert agreed.shape == (3, 3) and (agreed[-1] == 1).all()
    head = sweep(predictor, clip, Change("decoder-head", (1, 2)), rest=[Change("mute")])
    alone = what_if(predictor, clip, [Change("mute"), Change("decoder-head", (2, 2))])
    assert np.array_equal(head.predictions[1].probability, alone.probability)
    assert sweep(predictor, clip, "shift", (0.5,)).values == (0.5,)
    with pytest.raises(ConfigError, match="no range"):
        sweep(predictor, clip, "mute")


def test_a_sweep_of_another_checkpoint_loads_it_once_and_takes_its_range(clip, tmp_path, monkeypatch):
    other, loaded = build(decoder_layers=2), []

    def load(name: str, device: torch.device) -> torch.nn.Module:
        loaded.append(name)
        return other

    monkeypatch.setattr("avseg.checkpoints.load_model", load)
    found = sweep(Predictor(build(), "cpu"), clip, "decoder-cut", rest=[Change("checkpoint", ("other",))])
    assert found.values == (1, 2) and loaded == ["other"]
    alone = Predictor(other, "cpu").predict(clip)
    assert np.array_equal(found.predictions[-1].probability, alone.probability)


def prediction(clip: SimpleNamespace, labels: np.ndarray, task: str = "ms3") -> SimpleNamespace:
    return SimpleNamespace(clip=clip, labels=labels, task=task, mask=lambda index, size: labels[index])


def test_compare_by_hand():
    clip = SimpleNamespace(frames=np.zeros((3, 2, 4, 3), np.uint8), times=frame_times(3, 1))
    one = np.array([[[1, 1, 0, 0]] * 2, [[0] * 4] * 2, [[1, 0, 0, 0]] * 2], np.uint8)
    other = np.array([[[0, 1, 1, 0]] * 2, [[0] * 4] * 2, [[0, 0, 0, 0]] * 2], np.uint8)
    truth = np.array([[[5, 5, 0, 0]] * 2, [[5, 0, 0, 0]] * 2, [[0] * 4] * 2], np.uint8)
    found = compare(prediction(clip, one), prediction(clip, other), truth)
    assert found.iou == pytest.approx([1 / 3, 1, 0])
    assert found.before == pytest.approx([0.5, 0, 0.25]) and found.after == pytest.approx([0.5, 0, 0])
    assert found.changed == pytest.approx([0.5, 0, 0.25]) and found.truth == pytest.approx([0.5, 0.25, 0])
    assert found.truth_before == pytest.approx([1, 0, 0]) and found.truth_after == pytest.approx(
        [1 / 3, 0, 1]
    )
    assert len(list(lines(found))) == 5
    # Classes count when both have them: the same pixels with another name are another mask.
    classes = [prediction(clip, labels, "avss") for labels in (one * 5, one * 6)]
    assert compare(*classes).iou == pytest.approx([0, 1, 0])
    assert compare(classes[0], prediction(clip, one)).iou == pytest.approx([1, 1, 1])
    assert compare(*classes, truth).truth_before == pytest.approx([1, 0, 0])
    with pytest.raises(ConfigError, match="ground truth has 2 frames"):
        compare(*classes, truth[:2])


def test_the_bundled_model_marks_nothing_when_it_hears_nothing(root):
    predictor = Predictor("tiny-ms3", "cpu")
    clip = read_clip(root / "assets/clips/dog-and-guitar.mp4")
    before = predictor.predict(clip)
    muted = compare(before, what_if(predictor, clip, [Change("mute")]))
    assert muted.before.max() > 0.02 and muted.after.max() < 0.002


def test_the_command_writes_what_it_says(tmp_path, capsys):
    clip = counting(tmp_path / "one clip.mp4")
    model = next(iter(bundled_models().values()))
    arguments = ["what-if", str(clip), "--model", str(model), "--out", str(tmp_path), "--device", "cpu"]
    assert main([*arguments, "--change", "mute", "--change", "decoder-cut=1"]) == 0
    said = capsys.readouterr().out
    record = json.loads((tmp_path / "one clip" / "comparison.json").read_text())
    assert record["changes"][1] == {"name": "decoder-cut", "values": ["1"]}
    assert len(record["iou"]) == len(said.splitlines()) - 3 and "truth" not in record
    assert Image.open(tmp_path / "one clip" / "strip.png").height == 2 * 72 + 4
    assert main([*arguments, "--change", "louder"]) == 1
    assert capsys.readouterr().err.startswith("avseg: Unknown change 'louder'. Changes: swap, shift")
    assert main(["what-if", "--change", "mute"]) == 1 and "Name the clip" in capsys.readouterr().err
    assert main(["what-if"]) == 0
    listed = capsys.readouterr().out
    assert all(row.name in listed and row.sentence in listed for row in INTERVENTIONS)
