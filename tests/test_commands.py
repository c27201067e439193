"""The command line, called as a person would: arguments in, files, words and an exit status out."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avseg.__main__ import main
from avseg.checkpoints import Card, load_model, read_card, save_model
from avseg.config import PRESETS, Config
from avseg.models.avsegformer import AVSegFormer
from tests.media import counting

TINY = replace(PRESETS["tiny"], train=replace(PRESETS["tiny"].train, sound_lessons=0, picture_lessons=0))
LESSONS = {"sound_lessons": 1, "picture_lessons": 1}
SMALL = replace(
    TINY.model,
    backbone_channels=(32, 32, 32, 32),
    image_size=64,
    embed_dim=32,
    queries=4,
    mlp_dim=16,
    heads=2,
)


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
    record = json.loads((folder / "prediction.json").read_text())
    assert record["model"] == "small" and record["weights"] == "random" and record["audio"] == "mute"
    assert len(record["frames"]) == len(list((folder / "masks").glob("*.png")))
    for frame in record["frames"]:
        mask = np.asarray(Image.open(folder / frame["mask"]))
        assert mask.dtype == np.uint8 and mask.shape == tuple(record["size"])
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


def test_errors_are_one_sentence_on_stderr(clip: Path, tmp_path: Path, capsys):
    assert main(["predict", str(clip), "--model", "no-such-model", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("avseg: No model is called 'no-such-model'") and said.count("\n") == 1
    assert main(["train", "no-such-preset", "--out", str(tmp_path / "run")]) == 1
    assert "Presets: s4-r50-paper" in capsys.readouterr().err


def test_info_lists_presets_and_models(capsys):
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in PRESETS)


def test_train_then_evaluate(tmp_path: Path, capsys):
    training = replace(TINY.train, epochs=2, synth_clips=4, batch_size=2, **LESSONS)
    config = tmp_path / "small.json"
    config.write_text(Config(SMALL, training).to_json())
    run = tmp_path / "run"
    assert main(["train", str(config), "--out", str(run), "--device", "cpu", "--workers", "0"]) == 0
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [e["kind"] for e in events] == [*LESSONS, *["step", "step", "validation"] * 2]
    assert all(np.isfinite(e["loss"]) for e in events if e["kind"] == "step")
    assert json.loads((run / "config.json").read_text())["train"] == asdict(training)
    weights, card = read_card(run / "last.safetensors")
    assert weights == SMALL and card.weights == "trained"
    # A second run into the same folder would mix two histories.
    assert main(["train", str(config), "--out", str(run)]) == 1
    capsys.readouterr()
    arguments = ["--model", str(run / "last.safetensors"), "--clips", "3", "--device", "cpu"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "report")]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["clips"] == 3 and report["frames"] == 15 and report["f_batch_size"] == 5
    assert 0 <= report["miou_with_ground_truth"] <= 1 and 0 <= report["robustness"]["silence"] <= 1


def test_training_changes_every_part_that_is_not_frozen(tmp_path: Path):
    from avseg.train import train

    frozen = replace(
        TINY.train, epochs=1, synth_clips=2, batch_size=2, freeze_backbone_epochs=1, train_audio=False
    )
    config = Config(SMALL, frozen)
    torch.manual_seed(frozen.seed)
    before = AVSegFormer(SMALL).state_dict()
    after = load_model(train(config, tmp_path / "run", workers=0)).state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any(name.startswith(("visual_backbone.", "audio_backbone.")) for name in moved)
    assert any(name.startswith("decoder.") for name in moved) and any(
        name.startswith("mixer.") for name in moved
    )


def test_training_can_begin_with_a_models_weights(small: Path, tmp_path: Path, capsys):
    still = replace(TINY.train, epochs=1, synth_clips=2, batch_size=2, learning_rate=0.0, weight_decay=0.0)
    config = tmp_path / "still.json"
    config.write_text(Config(SMALL, still).to_json())
    arguments = ["train", str(config), "--start-from", str(small), "--workers", "0", "--device", "cpu"]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 0
    before, after = (
        load_model(small).state_dict(),
        load_model(tmp_path / "run" / "last.safetensors").state_dict(),
    )
    assert all(
        torch.equal(before[k], after[k]) for k, v in before.items() if "running_" not in k and "num_" not in k
    )
    assert "sound_lessons" not in (tmp_path / "run" / "events.jsonl").read_text()
    assert main(["train", "tiny", "--start-from", str(small), "--out", str(tmp_path / "other")]) == 1
    assert "another model" in capsys.readouterr().err and not (tmp_path / "other").exists()
