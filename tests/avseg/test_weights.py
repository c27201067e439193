"""Released weights by name: fetched from stand-ins for Drive and the Hub, checked, converted and recorded."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from app.services.additions import offers
from app.services.models import available_models
from avseg import Predictor, downloads, drive, hub, storage, weights
from avseg.__main__ import main
from avseg.checkpoints import CLIPS, find_model, import_weights, load_model, read_card, tasks_in_name
from avseg.errors import CheckpointError, WriteError
from avseg.evaluation.published import SINCE, TABLE_1
from avseg.files import sha256_of
from avseg.media.clip import read_clip
from avseg.models import zoo
from avseg.models.avsegformer import AVSegFormer
from avseg.models.zoo import BACKBONES, LICENCE, RELEASED
from avseg.presets import PRESETS
from tests.support import drive_server
from tests.support.drive_server import Drive
from tests.support.reference_fill import MODELS, released_shapes
from tests.support.small_released import NAME, SMALL_PRESET, SMALL_RELEASED, small_released_file

ROW = RELEASED[NAME]


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> tuple[Path, AVSegFormer]:
    """A small model's released file, and the model."""
    path = tmp_path_factory.mktemp("released") / "AVSegFormer_r50_s4.pth"
    return path, small_released_file(path)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, released) -> Path:
    """An empty folder of imported models; the preset of NAME is that of the small model."""
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    monkeypatch.setitem(PRESETS, NAME, SMALL_PRESET)
    ms3 = replace(SMALL_PRESET, model=replace(SMALL_PRESET.model, task="ms3"))
    monkeypatch.setitem(PRESETS, NAME.replace("s4", "ms3"), ms3)
    monkeypatch.setitem(zoo.MEGABYTES, "r50-aug2023", round(released[0].stat().st_size / 1e6))
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    return tmp_path / "models"


@pytest.fixture
def server(monkeypatch, released) -> Iterator[Drive]:
    """A drive that holds the released file."""
    with drive_server.drive_server() as found:
        monkeypatch.setattr(drive, "DOWNLOAD", found.url)
        found.files[ROW.drive_id] = released[0].read_bytes()
        yield found


def refused(**options: object) -> str:
    with pytest.raises(CheckpointError) as error:
        weights.get(NAME, **options)
    return str(error.value)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_table_has_every_released_file_once():
    assert len(RELEASED) == 12 and len({row.drive_id for row in RELEASED.values()}) == 12
    published = {row.method + row.backbone[:3]: row for row in (*TABLE_1.rows, *SINCE.rows)}
    for name, row in RELEASED.items():
        assert name in PRESETS and name == row.name and row.task == PRESETS[name].model.task
        method = "AVSegFormer" if row.edition == "apr2023" else "AVSegFormer, second release"
        theirs = published[method + {"pvt": "PVT", "r50": "Res"}[row.backbone]]
        assert getattr(theirs, row.task) == row.published


def test_sizes_are_those_of_the_tensors(monkeypatch):
    monkeypatch.undo()
    for model in MODELS:
        edition, backbone, _ = model.split("_")
        values = sum(torch.Size(shape).numel() for shape in released_shapes(model).values())
        assert round(values * 4 / 1e6) == zoo.MEGABYTES[f"{backbone}-{edition}"]


def test_backbones_are_those_of_the_presets():
    named = {PRESETS[name].train.backbone_weights for name in RELEASED} | {"vggish"}
    assert named == set(BACKBONES)


def test_one_command_fetches_converts_and_records(server, folder, released, capsys):
    server.confirms, server.cuts = True, [0.4]
    assert main(["weights", "get", NAME]) == 0
    said = capsys.readouterr().out
    digest = sha256_of(released[0])
    assert digest in said and LICENCE in said and f"--model {NAME}" in said
    assert files(folder) == [f"{NAME}.json", f"{NAME}.safetensors"]
    config, card = read_card(folder / f"{NAME}.safetensors")
    assert (config, card.name, card.weights) == (SMALL_PRESET.model, NAME, "released")
    for part in (ROW.page, digest, LICENCE, zoo.REPOSITORY):
        assert part in card.note
    loaded, ours = load_model(NAME).state_dict(), released[1].state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in ours.items())
    origin = json.loads((folder / f"{NAME}.json").read_text())
    assert (origin["sha256"], origin["source"]) == (digest, ROW.page)


def test_the_model_is_found_by_its_name_everywhere(folder, released):
    with pytest.raises(CheckpointError, match=rf"2 MB\) with `python -m avseg weights get {NAME}`"):
        Predictor(NAME)
    weights.get(NAME, released[0])
    assert find_model(NAME) == folder / f"{NAME}.safetensors"
    assert Predictor(NAME, "cpu").model.card.weights == "released"
    assert hub.from_pretrained(NAME).card.weights == "released"
    assert available_models()[f"{NAME} · imported"] == find_model(NAME)
    with pytest.raises(CheckpointError, match=rf"Imported: {NAME}"):
        find_model("nobody")


def test_states_are_listed(server, folder, released, capsys):
    server.cuts = [0.4] + [0.0] * downloads.ATTEMPTS
    assert "same command again" in refused()
    assert main(["weights"]) == 0
    said = capsys.readouterr().out
    assert f"{NAME}    2 MB, 64 px, published mIoU 76.38, F 86.7: partly downloaded, 1 of 2 MB" in said
    assert "s4-pvt-aug2023    744 MB" in said and ": not here" in said and LICENCE in said
    assert f"{NAME} · imported" not in available_models()
    weights.get(NAME)
    assert server.asked[-1].startswith("bytes=")
    main(["weights"])
    assert f"here, {folder / NAME}.safetensors" in capsys.readouterr().out
    assert "is here already" in refused()


def test_a_local_file_is_converted_and_kept(folder, released):
    origin = weights.get(NAME, released[0])
    assert released[0].is_file() and origin.source == released[0].name
    assert files(folder) == [f"{NAME}.json", f"{NAME}.safetensors"]


def test_bfloat16_halves_the_file(folder, released):
    weights.get(NAME, released[0], storage="bfloat16")
    with safe_open(folder / f"{NAME}.safetensors", framework="pt") as file:
        assert file.get_tensor("audio_projection.weight").dtype == torch.bfloat16
    loaded = load_model(NAME).state_dict()["audio_projection.weight"]
    torch.testing.assert_close(
        loaded, released[1].state_dict()["audio_projection.weight"], atol=2e-2, rtol=1e-2
    )
    assert (folder / f"{NAME}.safetensors").stat().st_size < 0.6 * released[0].stat().st_size


def test_sixteen_bits_come_with_what_they_change(folder, released, capsys):
    assert main(["weights", "get", NAME, "--file", str(released[0]), "--storage", "bfloat16"]) == 0
    card, clip = read_card(folder / f"{NAME}.safetensors")[1], read_clip(CLIPS / storage.CLIP, seconds=2)
    exact, stored = (
        Predictor(model, "cpu", precision="exact").predict(clip).labels for model in (released[1], NAME)
    )
    common, either = np.count_nonzero(exact & stored), np.count_nonzero(exact | stored)
    agree = f"their IoU is {common / either:.2%}" if either else "neither has a mask"
    assert f"{agree}, and {np.mean(exact != stored):.2%} of the pixels differ" in card.storage
    assert f"Stored as {card.storage}" in capsys.readouterr().out
    assert f"Stored as {card.storage}" in next(row for row in offers() if row.name == NAME).facts


def test_weights_that_sixteen_bits_hold_exactly_change_nothing():
    model = AVSegFormer(SMALL_RELEASED).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(value.bfloat16())
    difference = storage.measure_storage(SMALL_RELEASED, model.state_dict(), torch.bfloat16)
    assert difference.differing == 0 and difference.iou in (None, 1.0)


def test_the_downloaded_file_is_kept_on_request(server, folder, released):
    weights.get(NAME, keep=True)
    assert (folder / "downloads" / f"{NAME}.pth").read_bytes() == released[0].read_bytes()


def test_a_page_in_place_of_the_file_names_the_ways_out(server, folder):
    server.page = drive_server.QUOTA
    said = refused()
    assert ROW.page in said and f"weights get {NAME} --file FILE.pth" in said and "--cookies" in said
    assert files(folder) == []


def test_a_saved_page_is_no_file(tmp_path, folder):
    page = tmp_path / "AVSegFormer_r50_s4.pth"
    page.write_text(drive_server.CONFIRM)
    assert "web page" in refused(file=page)


def test_another_file_than_before_is_refused(server, folder, released, tmp_path):
    first = weights.get(NAME)
    (folder / f"{NAME}.safetensors").unlink()
    small_released_file(tmp_path / "other.pth", seed=1)
    server.files[ROW.drive_id] = (tmp_path / "other.pth").read_bytes()
    said = refused()
    assert first.sha256 in said and "fetched on" in said and str(folder / f"{NAME}.json") in said
    assert files(folder) == [f"downloads/{NAME}/{NAME}.refused", f"{NAME}.json"]
    assert first.sha256 in refused(file=tmp_path / "other.pth")
    server.files[ROW.drive_id] = released[0].read_bytes()
    assert weights.get(NAME).sha256 == first.sha256


def test_a_published_hash_is_compared(released, monkeypatch):
    monkeypatch.setitem(RELEASED, NAME, replace(ROW, sha256="0" * 64))
    assert "differs from the published file" in refused(file=released[0])


def test_another_model_than_named_is_refused(server, folder, released, tmp_path):
    torch.save({"backbone.conv1.weight": torch.zeros(600_000)}, tmp_path / "wrong.pth")
    server.files[ROW.drive_id] = (tmp_path / "wrong.pth").read_bytes()
    assert "set aside" in refused() and files(folder) == [f"downloads/{NAME}/{NAME}.refused"]
    with pytest.raises(CheckpointError, match=r"says s4 in its name, but ms3-pvt-aug2023 is a model for ms3"):
        weights.get("ms3-pvt-aug2023", released[0])
    shutil.copy(released[0], tmp_path / "mine.pth")
    with pytest.raises(CheckpointError, match=r"not s4-pvt|does not match"):
        weights.get("s4-pvt-aug2023", tmp_path / "mine.pth")


def test_what_a_killed_conversion_left_is_removed(server, folder, released):
    at = weights.places(NAME)
    at.folder.mkdir(parents=True)
    (at.folder / ".0123abcd.part").write_bytes(b"half a model")
    shutil.copy(released[0], at.complete)  # complete, not converted yet
    weights.get(NAME)
    assert files(folder) == [f"{NAME}.json", f"{NAME}.safetensors"] and not server.asked


def test_a_full_disk_is_noticed_before_and_after(server, folder, released, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("safetensors.torch.save_file", full)
        with pytest.raises(WriteError, match="the disk is full"):
            weights.get(NAME)
    usage = shutil.disk_usage(folder.parent)
    with monkeypatch.context() as patched:
        patched.setattr(weights.shutil, "disk_usage", lambda _: usage._replace(free=10**6))
        assert "needs 2 MB in" in refused() and "needs 2 MB in" in refused(file=released[0])
    server.files.clear()  # what was downloaded is still there
    weights.get(NAME)


def test_one_process_at_a_time_fetches_a_model(folder, released):
    with weights._claim(weights.places(NAME), NAME):
        assert "Another process is fetching" in refused(file=released[0])
    weights.get(NAME, released[0])


def test_wrong_arguments_are_sentences(capsys, released):
    for arguments, said in (
        (["get"], "Name what to fetch"),
        (["get", "s4-pvt"], "Choose one of s4-pvt-aug2023"),
        (["list", NAME], "weights get"),
        (["get", NAME, "--from", "me/it"], "hub:owner/name"),
        (["get", NAME, "--from", "hub:me/it", "--file", str(released[0])], "Choose one of --file"),
        (["get", "vggish", "--from", "hub:me/it"], "is a backbone"),
        (["get", "pvt_v2_b5.in1k", "--file", "a.pth"], "--train.backbone-weights a.pth"),
    ):
        assert main(["weights", *arguments]) == 1
        assert said in capsys.readouterr().err


def test_a_mirror_on_the_hub_gives_the_same_model(folder, released, monkeypatch, tmp_path):
    first = weights.get(NAME, released[0])
    config, card = read_card(folder / f"{NAME}.safetensors")
    pushed = hub.save_pretrained(load_model(NAME), tmp_path / "pushed")
    (folder / f"{NAME}.safetensors").unlink()
    answers = []

    def fetch(repo: str, revision: str | None, to: Path) -> Path:
        answers.append((repo, revision))
        return Path(shutil.copytree(pushed, to))

    monkeypatch.setattr(hub, "fetch", fetch)
    origin = weights.get(NAME, mirror="hub:me/mirror")
    assert answers == [("me/mirror", None)] and origin.sha256 == first.sha256
    assert read_card(folder / f"{NAME}.safetensors") == (config, card)
    assert files(folder) == [f"{NAME}.json", f"{NAME}.safetensors"]
    (folder / f"{NAME}.safetensors").unlink()
    record = json.loads((folder / f"{NAME}.json").read_text()) | {"sha256": "0" * 64}
    (folder / f"{NAME}.json").write_text(json.dumps(record))
    assert "differs from the one fetched" in refused(mirror="hub:me/mirror")
    with pytest.raises(CheckpointError, match="not ms3-r50-aug2023"):
        weights.get("ms3-r50-aug2023", mirror="hub:me/mirror")


def test_vggish_goes_where_training_looks_for_it(server, released, monkeypatch, tmp_path, capsys):
    content = released[0].read_bytes()
    file = f"vggish-{sha256_of(released[0])[:8]}.pth"
    row = replace(BACKBONES["vggish"], megabytes=2, file=file, url=f"{server.url}?id=vggish")
    monkeypatch.setitem(BACKBONES, "vggish", row)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    expected = Path(torch.hub.get_dir()) / "checkpoints" / file
    server.files["vggish"] = content[:-1] + b"?"
    assert main(["weights", "get", "vggish"]) == 1 and "is damaged or another file" in capsys.readouterr().err
    assert not list(expected.parent.iterdir())
    server.files["vggish"], server.cuts = content, [0.4]
    assert main(["weights", "get", "vggish"]) == 0 and expected.read_bytes() == content
    expected.unlink()
    assert main(["weights", "get", "vggish", "--file", str(released[0])]) == 0
    assert expected.read_bytes() == content and f"vggish: {expected}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("AVSegFormer_pvt2_s4.pth", {"s4"}),
        ("MS3-r50.PTH", {"ms3"}),
        ("pvt_avss", {"avss"}),
        ("s4_and_ms3.pth", {"s4", "ms3"}),
        ("is4.pth", set()),
        ("model.pth", set()),
    ],
)
def test_tasks_are_read_from_file_names(name: str, found: set[str]):
    assert tasks_in_name(Path("s4") / name) == found


def test_the_task_is_asked_for_where_nothing_says_it(released, tmp_path):
    source = tmp_path / "model.pth"
    shutil.copy(released[0], source)
    with pytest.raises(CheckpointError, match="add --task s4 or --task ms3"):
        import_weights(source, tmp_path / "out.safetensors")
    assert import_weights(source, tmp_path / "out.safetensors", "ms3").config.task == "ms3"
    assert import_weights(source, tmp_path / "ms3-mine.safetensors").config.task == "ms3"
    assert import_weights(released[0], tmp_path / "out.safetensors").config.task == "s4"
    assert read_card(tmp_path / "out.safetensors")[0].task == "s4"
    named = tmp_path / "avsegformer-ms3.pth"
    shutil.copy(released[0], named)
    assert import_weights(named, tmp_path / "out.safetensors").config.task == "ms3"
