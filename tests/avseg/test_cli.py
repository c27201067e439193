"""The command line, called as a person would: arguments in, files, words and an exit status out."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avseg.__main__ import main
from avseg.checkpoints import Card, load_model, save_model
from avseg.interpret.sites import SITE, SITES, record
from avseg.media.clip import read_clip
from avseg.models.avsegformer import AVSegFormer
from avseg.predict import Predictor
from avseg.presets import PRESETS
from tests.support.media import counting
from tests.support.small_model import SMALL, small_config


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    return save_model(path, AVSegFormer(SMALL), Card("small", "random", "No training."))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counting(tmp_path_factory.mktemp("clips") / "one clip.mp4")


def test_predict_writes_every_promised_file(small: Path, clip: Path, tmp_path: Path, capsys):
    assert main(["predict", str(clip), "--model", str(small), "--out", str(tmp_path), "--audio", "mute"]) == 0
    folder = tmp_path / "one clip"
    result = json.loads((folder / "prediction.json").read_text())
    assert result["model"] == "small" and result["weights"] == "random" and result["audio"] == "mute"
    assert len(result["frames"]) == len(list((folder / "masks").glob("*.png")))
    for frame in result["frames"]:
        mask = np.asarray(Image.open(folder / frame["mask"]))
        assert mask.dtype == np.uint8 and mask.shape == tuple(result["size"])
        assert set(np.unique(mask)) <= {0, 255}
        assert frame["foreground"] == pytest.approx((mask > 0).mean(), abs=1e-6)
    assert (folder / "overlay.mp4").stat().st_size > 1000
    assert "foreground" in capsys.readouterr().out


def test_one_bad_clip_does_not_stop_the_others(small: Path, clip: Path, tmp_path: Path, capsys):
    text = tmp_path / "text.mp4"
    text.write_text("This is not a video.")
    arguments = ["predict", str(text), str(clip), str(tmp_path / "gone.mp4")]
    assert main([*arguments, "--model", str(small), "--out", str(tmp_path / "out")]) == 1
    assert (tmp_path / "out" / "one clip" / "prediction.json").is_file()
    assert not (tmp_path / "out" / "text").exists()
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("avseg: ")]
    assert len(said) == 2 and "text.mp4" in said[0] and "gone.mp4" in said[1]


def test_clips_of_one_name_get_a_folder_each(small: Path, clip: Path, tmp_path: Path):
    twin = tmp_path / "twin" / clip.name
    twin.parent.mkdir()
    twin.write_bytes(clip.read_bytes())
    assert main(["predict", str(clip), str(twin), "--model", str(small), "--out", str(tmp_path / "out")]) == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"one clip", "one clip-2"}


def test_names_of_any_bytes_and_of_full_length(small: Path, clip: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = [b"-h\xff\xfe.mp4", b"n" * 250 + b".mp4"]
    for name in names:
        Path(os.fsdecode(name)).write_bytes(clip.read_bytes())
    clips = [os.fsdecode(name) for name in names]
    assert main(["predict", "--model", str(small), "--out", "out", "--", *clips]) == 0
    assert "foreground" in capsys.readouterr().out
    records = [json.loads(path.read_text()) for path in Path("out").glob("*/prediction.json")]
    assert {record["clip"] for record in records} == {"-h??.mp4", clips[1]}
    with pytest.raises(SystemExit):
        main(["predict", *clips, "--model", str(small), "--out", "again"])
    assert "is a file: put -- before such names" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--threshold", "2"], "threshold is 2"),
        (["--threshold", "nan"], "threshold is nan"),
        (["--fps", "100"], "The rate is 100 frames per second; choose 0.2 to 30"),
        (["--audio", "gone.wav"], "--audio is gone.wav"),
        (["--device", "gpu"], "'gpu' is not a device"),
        (["--out", "one clip.mp4/out"], "Not a directory"),
    ],
)
def test_predict_says_what_is_wrong_before_the_work(wrong, words, clip, small, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(clip.parent)
    monkeypatch.setattr("avseg.media.clip.read_clip", lambda *_: pytest.fail("work began"))
    monkeypatch.setattr("avseg.checkpoints.load_model", lambda *_: pytest.fail("work began"))
    assert main(["predict", str(clip), "--model", str(small), "--out", str(tmp_path / "o"), *wrong]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--fps", "100"], "The rate is 100"),
        (["--threshold", "inf"], "The threshold is inf"),
        (["--change", "decoder-cut=9"], "out of range; choose a whole number from 1 to 3"),
        (["--change", "channels=99"], "from 1 to 32"),
        (["--change", "mute"], "only once"),
        (["--change", "checkpoint=gone"], "'gone' is neither a model's name nor a file"),
    ],
)
def test_what_if_says_what_is_wrong_before_the_work(wrong, words, clip, small, tmp_path, capsys, monkeypatch):
    for work in ("avseg.media.clip.read_clip", "avseg.checkpoints.load_model"):
        monkeypatch.setattr(work, lambda *_: pytest.fail("work began"))
    arguments = ["what-if", str(clip), "--model", str(small), "--out", str(tmp_path), "--change", "mute"]
    assert main([*arguments, *wrong]) == 1
    assert words in capsys.readouterr().err


def test_errors_are_one_sentence_on_stderr(clip: Path, tmp_path: Path, capsys):
    assert main(["predict", str(clip), "--model", "no-such-model", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert (
        said.startswith("avseg: 'no-such-model' is neither a model's name nor a file")
        and said.count("\n") == 1
    )
    assert main(["train", "no-such-preset", "--out", str(tmp_path / "run")]) == 1
    assert "Presets: s4-r50-paper" in capsys.readouterr().err


def test_info_lists_presets_and_models(capsys):
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in PRESETS)


def test_train_then_resume_then_evaluate(tmp_path: Path, capsys):
    config = tmp_path / "small.json"
    config.write_text(small_config(epochs=1, audio_pretrain_steps=1, visual_pretrain_steps=1).to_json())
    run = tmp_path / "run"
    arguments = ["train", str(config), "--out", str(run), "--device", "cpu", "--workers", "0"]
    flags = ["--train.synth-clips", "4", "--train.jitter", "0.1", "--model.points", "2"]
    assert main([*arguments, *flags]) == 0
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [e["kind"] for e in events] == [
        "pretraining",
        "audio_pretrain_steps",
        "pretraining",
        "visual_pretrain_steps",
        "step",
        "step",
        "validation",
    ]
    written = json.loads((run / "config.json").read_text())
    assert written["train"]["jitter"] == 0.1 and written["model"]["points"] == 2
    # A second run into the same folder would mix two histories.
    assert main([*arguments, *flags]) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, *flags, "--resume", "--train.epochs", "2"]) == 0
    assert json.loads((run / "status.json").read_text())["step"] == 4
    model = ["--model", str(run / "last.safetensors"), "--clips", "3", "--device", "cpu"]
    assert main(["evaluate", *model, "--out", str(tmp_path / "report")]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["clips"] == 3 and 0 <= report["miou_with_ground_truth"] <= 1


def test_wrong_flags_of_train_are_one_sentence(tmp_path: Path, capsys):
    arguments = ["train", "tiny", "--out", str(tmp_path / "run")]
    assert main([*arguments, "--train.epochs", "0"]) == 1
    assert "epochs is 0" in capsys.readouterr().err
    assert main([*arguments, "--device", "tpu"]) == 1
    assert "tpu" in capsys.readouterr().err
    assert main([*arguments, "--model.backbone", "no_such_net"]) == 1
    assert "no_such_net" in capsys.readouterr().err
    assert main(["train", str(tmp_path / "gone.json"), "--out", str(tmp_path / "run")]) == 1
    assert "gone.json" in capsys.readouterr().err


def test_flags_of_train_start_at_the_preset_that_is_named(tmp_path: Path, capsys):
    # The folder has the name of another preset.
    assert main(["train", "--out", "tiny", "s4-r50-paper"]) == 1
    assert "Put the preset first: python -m avseg train s4-r50-paper" in capsys.readouterr().err
    assert not Path("tiny").exists()


def test_a_place_that_cannot_be_written_to_is_said_before_the_work(small: Path, tmp_path: Path, capsys):
    (tmp_path / "file").write_text("")
    out = ["--out", str(tmp_path / "file" / "report")]
    assert main(["evaluate", "--model", str(small), *out, "--clips", "1000000"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"avseg: {tmp_path}/file") and "Traceback" not in said


@pytest.mark.parametrize("flag", [("--clips", "0"), ("--clips", "-1"), ("--seed", "-1")])
def test_clips_that_cannot_be_drawn_are_refused(flag: tuple[str, str], tmp_path: Path, capsys):
    assert main(["synth", str(tmp_path / "data"), *flag]) == 1
    assert flag[0][2:] in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_synth_writes_what_check_finds_whole(tmp_path: Path, capsys, monkeypatch):
    arguments = [str(tmp_path / "data"), "--task", "ms3", "--clips", "1", "--no-videos", "--workers", "1"]
    assert main(["synth", *arguments, "--split", "test", "--seed", "4"]) == 0
    assert main(["check", str(tmp_path / "data"), "--out", str(tmp_path / "report")]) == 0
    assert json.loads((tmp_path / "report" / "report.json").read_text())["task"] == "ms3"
    next((tmp_path / "data").rglob("gt_masks/**/*_3.png")).unlink()
    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    assert main(["check", str(tmp_path / "data"), "--task", "ms3"]) == 1
    assert (tmp_path / "outputs/check/report.json").is_file()  # written without being asked where
    assert "missing mask" in capsys.readouterr().out


def test_info_lists_the_sites(capsys):
    assert main(["info", "--sites"]) == 0
    lines = capsys.readouterr().out
    assert all(site.name in lines and site.shape in lines and site.what in lines for site in SITES)


def test_activations_are_recorded_by_name(clip: Path, small: Path, tmp_path: Path, capsys):
    out = tmp_path / "activations.npz"
    arguments = [
        "record",
        str(clip),
        "--model",
        str(small),
        "--frame",
        "2",
        "--device",
        "cpu",
        "--out",
        str(out),
    ]
    assert main([*arguments, "--site", "queries", "--site", "decoder.attention"]) == 0
    assert "decoder.attention.0" in capsys.readouterr().out
    with np.load(out) as arrays:
        layers = [f"decoder.attention.{index}" for index in range(SMALL.decoder_layers)]
        assert set(arrays) == {"queries", *layers}
        assert arrays["queries"].shape == (1, SMALL.queries, SMALL.embed_dim)
        model = load_model(small)
        with record(model, ["queries"]) as recording:
            Predictor(model, "cpu").predict(read_clip(clip))
        np.testing.assert_allclose(arrays["queries"][0], recording["queries"][0][1], atol=1e-5)
    assert main(arguments) == 0
    with np.load(out) as arrays:
        names = {name.rstrip("0123456789").rstrip(".") for name in arrays}
    assert names == {site for site in SITE if not site.startswith("tpavi.")}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--site", "querys"], "Unknown site querys. Sites: backbone.stage"),
        (["--frame", "99"], "Frame 99 does not exist: the clip has"),
        (["--frame", "0"], "Frame 0 does not exist"),
        (["--out", "a.npy"], "its extension must be .npz"),
    ],
)
def test_what_cannot_be_recorded_is_refused(wrong, message, clip, small, tmp_path, capsys):
    arguments = ["record", str(clip), "--model", str(small), "--out", str(tmp_path / "a.npz"), *wrong]
    assert main(arguments) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "a.npz").exists()


def test_a_site_that_the_model_lacks_is_named(clip: Path, tmp_path: Path, capsys):
    model = AVSegFormer(replace(SMALL, mixer="none"))
    path = save_model(tmp_path / "plain.safetensors", model, Card("plain", "random"))
    arguments = ["record", str(clip), "--model", str(path), "--out", str(tmp_path / "a.npz")]
    assert main([*arguments, "--site", "mixer.weights"]) == 1
    assert "plain has no site mixer.weights" in capsys.readouterr().err
