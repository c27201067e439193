"""The check of a data folder: every kind of damage is found and named, and nothing else is an error."""

import csv
import json
import os
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.__main__ import main
from avseg.data.avsbench.check import KINDS, CheckReport, check, summary, write_report
from avseg.data.avsbench.dataset import AVSBench
from avseg.data.avsbench.layout import LAYOUTS
from avseg.errors import DatasetError
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write

FOLDERS = {task: layout.folder for task, layout in LAYOUTS.items()}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two test clips of every task and a training clip of S4."""
    folder = tmp_path_factory.mktemp("written")
    for task in LAYOUTS:
        write(SynthAVS(task, "test", 0, 2), folder, videos=False)
    write(SynthAVS("s4", "train", 0, 1), folder, videos=False)
    return folder


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data, tmp_path / "copy"))


def kinds(report: CheckReport) -> set[str]:
    """The kinds of finding, less those that the written clips have anyway."""
    return set(report.counts) - {"subset of clips", "empty mask", "no label"}


def repaint(change: Callable[[np.ndarray], np.ndarray], path: Path) -> None:
    Image.fromarray(change(np.array(Image.open(path)))).save(path)


def sound(path: Path, seconds: float, rate: int = 16_000, value: int = 1) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        file.writeframes(np.full(round(seconds * rate) * 2, value, "<i2").tobytes())


def replace(table: Path, old: str, new: str, count: int = 1) -> None:
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new, count))


@pytest.mark.parametrize("task", LAYOUTS)
def test_what_synthavs_writes_is_in_order(data: Path, task: str):
    told = []
    report = check(data, task, on_progress=lambda done, total: told.append((done, total)))
    assert report.errors == 0 and not kinds(report), report.findings
    clips, seconds = (3 if task == "s4" else 2), LAYOUTS[task].seconds
    masks = {"s4": 11, "ms3": 10, "avss": 40}[task]
    assert report.files == {"frames": clips * seconds, "masks": masks, "sounds": clips}
    assert report.clips == {"train": int(task == "s4"), "val": 0, "test": 2}
    assert told == [(n + 1, clips) for n in range(clips)]
    assert report.counts["subset of clips"] == 3


def damage_ms3(base: Path, name: str) -> None:
    frames, masks = base / f"visual_frames/{name}", base / f"gt_masks/test/{name}"
    (frames / f"{name}.mp4_1.png").unlink()
    (frames / f"{name}.mp4_2.png").write_text("This is text.")
    Image.new("L", (224, 224)).save(frames / f"{name}.mp4_3.png")
    Image.new("RGB", (112, 112)).save(frames / f"{name}.mp4_4.png")
    (frames / "notes.txt").touch()
    Image.fromarray(np.tile(np.arange(224, dtype=np.uint8), (224, 1))).save(masks / f"{name}_1.png")
    Image.new("RGB", (224, 224), (255, 255, 255)).save(masks / f"{name}_2.png")
    Image.new("L", (100, 100), 255).save(masks / f"{name}_3.png")
    (masks / f"{name}_4.png").write_bytes((masks / f"{name}_4.png").read_bytes()[:60])
    (masks / f"{name}_5.png").rename(masks / f"{name}_6.png")
    sound(base / f"audio_wav/test/{name}.wav", 4, value=0)


EXPECTED_MS3 = {
    "missing frame": "mp4_1.png",
    "unreadable frame": "mp4_2.png",
    "frame mode": "mp4_3.png",
    "frame size": "mp4_4.png",
    "extra frame": "notes.txt",
    "grey mask": "_1.png",
    "mask mode": "_2.png",
    "mask size": "_3.png",
    "unreadable mask": "_4.png",
    "missing mask": "_5.png",
    "extra mask": "_6.png",
    "sound length": ".wav",
    "silent sound": ".wav",
}


def test_damaged_files_are_named(copy: Path):
    first, second = (AVSBench(copy, "ms3", "test").name(index) for index in range(2))
    damage_ms3(copy / "Multi-sources/ms3_data", first)
    sound(copy / f"Multi-sources/ms3_data/audio_wav/test/{second}.wav", 5.02, 48_000)  # nothing wrong with it
    report = check(copy, "ms3", workers=1)
    assert kinds(report) == set(EXPECTED_MS3)
    for finding in report.findings:
        if finding.kind in EXPECTED_MS3:
            assert finding.path.endswith(EXPECTED_MS3[finding.kind]), finding
            assert (finding.split, finding.clip) == ("test", first) and finding.detail
    assert report.counts["missing frame"] == report.counts["mask size"] == 1
    assert report.files["frames"] == 8


def test_files_of_systems_are_no_findings(copy: Path):
    before = check(copy, "ms3").counts
    for folder in [*(copy / "Multi-sources").rglob("*")]:
        if folder.is_dir():
            for name in (".DS_Store", "Thumbs.db", "desktop.ini", f"._{next(folder.iterdir()).name}"):
                (folder / name).write_bytes(b"x")
            (folder / "@eaDir").mkdir()
    assert check(copy, "ms3").counts == before


def test_pipes_devices_and_loops_are_named_and_nothing_waits(copy: Path):
    first, second = AVSBench(copy, "ms3", "test").entries
    base = copy / "Multi-sources"
    for path in (first.frame(0), first.masks(1)[0][0], first.sound):
        (base / path).unlink()
    os.mkfifo(base / first.frame(0))
    (base / first.masks(1)[0][0]).symlink_to("/dev/zero")
    (base / first.sound).symlink_to(base / first.sound)  # a loop
    os.mkfifo((base / second.frame(0)).with_name("pipe"))
    report = check(copy, "ms3")
    assert kinds(report) == {"unreadable frame", "unreadable mask", "unreadable sound", "extra frame"}
    assert {f.clip for f in report.findings if f.severity == "error"} == {first.name}


def test_masks_of_other_values(copy: Path):
    masks = copy / "Multi-sources/ms3_data/gt_masks"
    first, second = (AVSBench(copy, "ms3", "test").name(index) for index in range(2))
    Image.fromarray(np.eye(224, dtype=np.uint8)).save(masks / f"test/{first}/{first}_1.png")
    Image.fromarray(np.eye(224, dtype=np.uint8) + np.eye(224, k=1, dtype=np.uint8) * 2).save(
        masks / f"test/{second}/{second}_1.png"
    )
    report = check(copy, "ms3")
    assert {"low mask", "dim mask"} <= kinds(report) and report.errors == 1
    for path in masks.rglob("*.png"):
        Image.new("L", (224, 224)).save(path)
    report = check(copy, "ms3")
    assert report.errors == 1 and report.counts["no foreground"] == 1


def test_turned_frames_opposite_phase_and_ignored_pixels(copy: Path):
    entry, exif = AVSBench(copy, "avss", "test").entry(0), Image.Exif()
    exif[0x0112] = 3
    frame, label = copy / "AVSS" / entry.frame(0), copy / "AVSS" / entry.masks(1)[0][0]
    Image.open(frame).save(frame, exif=exif)
    repaint(lambda pixels: np.where(np.arange(len(pixels))[:, None] < 2, 255, pixels).astype(np.uint8), label)
    tone = np.tile(np.array([[500, -500]], "<i2"), (160_000, 1))
    with wave.open(str(copy / "AVSS" / entry.sound), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(tone.tobytes())
    report = check(copy, "avss")
    assert {"orientation", "cancelled sound", "ignored pixels"} <= kinds(report)
    assert "silent sound" not in kinds(report)


def test_a_report_may_name_files_that_are_not_utf_8(copy: Path, tmp_path: Path):
    name = AVSBench(copy, "ms3", "test").name(0)
    strange = os.fsencode(copy / f"Multi-sources/ms3_data/visual_frames/{name}") + b"/\xff\xfe.png"
    with open(strange, "wb"):
        pass
    folder = write_report(check(copy, "ms3"), tmp_path / "report")
    assert "udcff" in (folder / "report.csv").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root may")
def test_unreadable_files_are_named(copy: Path, monkeypatch: pytest.MonkeyPatch):
    first, second = AVSBench(copy, "ms3", "test").entries
    base = copy / "Multi-sources"
    for folder in [copy, *copy.parents][:-2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    (base / first.frame(0)).parent.chmod(0o700)
    (base / second.frame(0)).chmod(0o600)
    (base / second.sound).chmod(0o600)
    monkeypatch.setenv("AVSEG_CACHE", str(copy / "cache"))
    check(copy, "ms3", workers=1)  # loads what is imported on first use
    os.seteuid(65534)  # no permission stops root
    try:
        report = check(copy, "ms3", workers=1)
    finally:
        os.seteuid(0)
    errors = {(finding.kind, finding.clip) for finding in report.findings if finding.severity == "error"}
    assert ("unreadable folder", first.name) in errors
    assert {("unreadable frame", second.name), ("unreadable sound", second.name)} <= errors


def test_missing_and_unlisted_clips_and_sounds(copy: Path):
    gone, silent = (AVSBench(copy, "ms3", "test").name(index) for index in range(2))
    base = copy / "Multi-sources/ms3_data"
    (base / f"audio_wav/test/{silent}.wav").write_bytes(b"RIFF")
    (base / f"visual_frames/{gone}").rename(base / "visual_frames/other")
    shutil.rmtree(base / f"gt_masks/test/{gone}")
    (base / f"audio_wav/test/{gone}.wav").unlink()
    report = check(copy, "ms3")
    assert kinds(report) == {"missing clip", "unreadable sound", "unlisted files"} and report.errors == 2
    assert [f.path for f in report.findings if f.kind == "unlisted files"] == ["ms3_data/visual_frames/other"]
    (base / f"audio_wav/test/{silent}.wav").unlink()
    assert "missing sound" in kinds(check(copy, "ms3"))


def test_labels_and_colours_of_avss(copy: Path):
    base = copy / "AVSS"
    first, second = AVSBench(copy, "avss", "test").entries
    folder = base / "v2" / first.name
    repaint(lambda pixels: np.maximum(pixels, 71), folder / "labels_semantic/0.png")
    repaint(lambda pixels: pixels + np.uint8(1), folder / "labels_rgb/1.png")
    repaint(lambda pixels: np.full_like(pixels, 70), folder / "labels_semantic/2.png")
    replace(base / "metadata.csv", f",{first.annotation},", f",{first.annotation}_unicorn,")
    odd = f"{second.annotation[0]} {second.annotation[1:]}"
    replace(base / "metadata.csv", f"{second.name},0,0,{second.annotation},", f"{second.name},0,0,{odd},")
    report = check(copy, "avss")
    expected = {"unknown class", "masks disagree", "unlisted class", "unknown label", "odd label"}
    assert kinds(report) == expected
    found = {
        (finding.kind, Path(finding.path).parent.name, Path(finding.path).name) for finding in report.findings
    }
    assert {("unknown class", "labels_semantic", "0.png"), ("unknown class", "labels_rgb", "1.png")} <= found
    assert {
        ("unlisted class", "labels_semantic", "2.png"),
        ("masks disagree", "labels_rgb", "2.png"),
    } <= found
    assert {f.clip for f in report.findings if f.kind == "odd label"} == {second.name}


def test_rows_that_cannot_be(copy: Path):
    table = copy / "AVSS/metadata.csv"
    first, second = AVSBench(copy, "avss", "test").entries
    row = next(line for line in table.read_text().splitlines() if second.name in line)
    replace(table, f"{row}\n", f"{row}\n{row}\n{row.replace('v2', 'v3').replace('0_10000', '1_10001')}\n")
    replace(table, f"{first.annotation},test,", f"{first.annotation},dev,")
    report = check(copy, "avss")
    assert kinds(report) == {"listed twice", "unknown subset", "unknown split"}
    assert report.clips == {"train": 0, "val": 0, "test": 3, "dev": 1}
    assert report.files["sounds"] == 1


def test_short_clips_and_shared_videos_are_notes(copy: Path):
    table = copy / "Single-source/s4_meta_data.csv"
    first, second = AVSBench(copy, "s4", "test").entries
    replace(table, f"{first.name},0,", f"{first.name},6,")
    for path in (first.frame(4), first.masks(4)[0][0]):
        (copy / "Single-source" / path).unlink()
    sound(copy / "Single-source" / first.sound, 4)
    with table.open("a") as file:
        file.write(f"{second.name[:11]}-again,0,{second.annotation},train\n")
    report = check(copy, "s4")
    assert kinds(report) == {"short clip", "shared video", "missing clip"}
    (shared,) = (finding for finding in report.findings if finding.kind == "shared video")
    assert shared.clip == second.name and "again in train" in shared.detail


def test_a_table_of_nearly_full_size_is_an_error(tmp_path: Path):
    rows = [f"{split:_>7}{n:04d},{split}" for split in ("train", "val", "test") for n in range(100)]
    (tmp_path / "ms3_meta_data.csv").write_text("\n".join(["video_id,split", *rows]))
    report = check(tmp_path, "ms3")
    assert report.counts == {"clip count": 3, "missing clip": 300}


def test_report_files(copy: Path, tmp_path: Path):
    damage_ms3(copy / "Multi-sources/ms3_data", AVSBench(copy, "ms3", "test").name(0))
    report = check(copy, "ms3")
    folder = write_report(report, tmp_path / "new/report")
    record = json.loads((folder / "report.json").read_text())
    assert record["errors"] == report.errors and record["counts"] == report.counts
    assert record["official"] == {"train": 296, "val": 64, "test": 64}
    with (folder / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == record["findings"] and len(rows) == report.errors + report.notes
    assert all(row["severity"] == KINDS[row["kind"]][0] for row in rows)
    words = (folder / "report.md").read_text()
    assert words.startswith(summary(report)) and "## missing frame (error, 1)" in words


def test_command(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(copy), "--task", "ms3", "--out", str(tmp_path / "one")]) == 0
    assert "Errors: 0." in capsys.readouterr().out and (tmp_path / "one/report.csv").is_file()
    shutil.rmtree(copy / "AVSS")
    damage_ms3(copy / "Multi-sources/ms3_data", AVSBench(copy, "ms3", "test").name(0))
    assert main(["check", str(copy), "--out", str(tmp_path / "both")]) == 1
    said = capsys.readouterr().out
    assert "# s4 in " in said and "# ms3 in " in said and "| error    | missing frame " in said
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"s4", "ms3"}
    assert main(["check", str(tmp_path / "nowhere")]) == 1
    assert "is not a folder" in capsys.readouterr().err
    with pytest.raises(DatasetError):
        check(tmp_path / "one", "s4")
