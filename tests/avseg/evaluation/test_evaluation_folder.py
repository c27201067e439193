"""An evaluation seen from outside: its status, its end, and its report read back with doubt."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avseg.__main__ import main
from avseg.data.samples import FOLDER, SYNTHAVS, DataReference
from avseg.errors import DatasetError, ReportError
from avseg.evaluation.clip import evaluate_clip
from avseg.evaluation.evaluate import evaluate
from avseg.evaluation.folder import EvaluationFolder, EvaluationStatus, Stopped, track_progress
from avseg.evaluation.report import CLIPS, CONFUSION, REPORT, Evaluation, write_evaluation
from avseg.evaluation.report_files import read_evaluation, read_report
from avseg.files import write_error
from tests.support.oracles import DOG, HERE, SIZE, Blocks, Oracle, constant, seer, white

BUNDLED_REPORTS = Path(__file__).resolve().parents[3] / "assets" / "results"


def by_class() -> Evaluation:
    """Cars are taken for dogs where they are white."""

    def answer(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(frames), 71, SIZE, SIZE)
        logits[:, 0] = 1
        logits[:, DOG] = torch.where(white(frames)[:, 0], 2.0, -2.0)
        return logits

    return evaluate(Oracle(answer, classes=71), Blocks("avss"), options=replace(HERE, robustness=False))


def test_confusion_counts_the_pixels_of_every_pair(tmp_path: Path):
    found = by_class().confusion
    assert found.names == ("background", "car", "dog")
    pixels = np.array(found.pixels)
    assert pixels[1].tolist() == [0, 0, 3 * 16 * SIZE] and pixels[2].tolist() == [0, 0, 20 * SIZE]
    assert pixels.sum() == 12 * SIZE * SIZE and pixels[0, 1:].tolist() == [0, 0]
    write_evaluation(by_class(), tmp_path)
    assert read_evaluation(tmp_path).confusion == found
    # A later report of one channel does not keep the matrix of another model.
    write_evaluation(evaluate(Oracle(seer), Blocks(), options=HERE), tmp_path)
    assert not (tmp_path / CONFUSION).exists() and read_evaluation(tmp_path).confusion is None


def test_what_is_written_is_what_is_read(tmp_path: Path):
    many = evaluate(Oracle(constant(-8.0)), Blocks(), [0, 1, 2, 3] * 3, HERE, training=Blocks())
    assert many.report.intervals and "centre_prior" in many.report.floors
    for made in (by_class(), evaluate(Oracle(constant(-8.0)), Blocks(), options=HERE), many):
        write_evaluation(made, tmp_path)
        assert read_evaluation(tmp_path) == made
    (tmp_path / CLIPS).unlink()
    assert read_evaluation(tmp_path).clips == ()


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (REPORT, lambda text: text[:50], "is not JSON"),
        (REPORT, lambda text: "[1]", "is not a report"),
        (REPORT, lambda text: text.replace('"miou":', '"mean":'), "lacks 'miou'"),
        (
            REPORT,
            lambda text: text.replace('"clips": 4', '"clips": "many"'),
            "clips of report.json is 'many'",
        ),
        (REPORT, lambda text: text.replace('"clips": 4', '"clips": -4'), "cannot be"),
        (REPORT, lambda text: text.replace('"clips": 4', '"clips": 1e999'), "cannot be"),
        (REPORT, lambda text: text.replace('"task": "ms3"', '"task": "<b>"'), "expected s4, ms3, avss"),
        (REPORT, lambda text: "[" * 100_000, "is not JSON"),
        (CLIPS, lambda text: text.replace("labels", "names"), "no column 'labels'"),
        (CLIPS, lambda text: text + "clip9,dog,3\n", "more or fewer cells"),
        (CLIPS, lambda text: text.replace("0.0", "zero"), "is not a number"),
        (CLIPS, lambda text: text.replace("0.0", "7.5"), "cannot be"),
        (CONFUSION, lambda text: "truth,dog\ndog,1\ncar,2\n", "a row and a column"),
        (CONFUSION, lambda text: "truth,unicorn\nunicorn,1\n", "a row and a column"),
        (CONFUSION, lambda text: "truth,dog\ndog,-1\n", "cannot be"),
    ],
)
def test_bad_files_are_refused_in_words(tmp_path: Path, name: str, change, said: str):
    write_evaluation(evaluate(Oracle(constant(-8.0)), Blocks(), options=HERE), tmp_path)
    path = tmp_path / name
    path.write_text(change(path.read_text() if path.exists() else ""))
    with pytest.raises(ReportError, match=said):
        read_evaluation(tmp_path)


def test_files_that_are_no_text_or_too_large(tmp_path: Path):
    with pytest.raises(ReportError, match=r"report\.json is missing"):
        read_evaluation(tmp_path)
    (tmp_path / REPORT).write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(ReportError, match="as text"):
        read_evaluation(tmp_path)
    with (tmp_path / REPORT).open("wb") as file:
        file.truncate(30_000_000)
    with pytest.raises(ReportError, match="larger than 20 MB"):
        read_evaluation(tmp_path)


def test_status_tells_progress_end_and_error(tmp_path: Path):
    folder = EvaluationFolder(tmp_path)
    assert folder.read_status() is None
    with track_progress(tmp_path) as on_progress:
        assert folder.read_status().state == "running" and folder.read_status().seconds_left is None
        on_progress(1, 4)
        status = folder.read_status()
        assert (status.done, status.total, status.pid) == (1, 4, os.getpid())
        assert status.seconds_left == pytest.approx(3 * status.seconds)
    assert folder.read_status().state == "finished"
    with pytest.raises(ReportError), track_progress(tmp_path):
        raise ReportError("No clips.")
    assert (folder.read_status().state, folder.read_status().message) == ("failed", "No clips.")
    with pytest.raises(Stopped), track_progress(tmp_path) as on_progress:
        folder.request_stop()
        on_progress(2, 4)
    status = folder.read_status()
    assert status.state == "stopped" and "after 2 of 4 clips" in status.message
    assert not folder.stop_requested  # the next one begins
    folder.request_stop()
    os.utime(tmp_path / "stop", (1, 1))  # left by an evaluation that was killed
    with track_progress(tmp_path) as on_progress:
        on_progress(1, 2)
    folder.request_stop()  # while the process still starts
    with pytest.raises(Stopped), track_progress(tmp_path) as on_progress:
        on_progress(1, 2)


def test_a_full_disk_does_not_hide_why_it_ended(tmp_path: Path, monkeypatch):
    def full(self, status):
        raise write_error(errno.ENOSPC, self.status_file)

    with pytest.raises(DatasetError, match="No clips"), track_progress(tmp_path):
        monkeypatch.setattr(EvaluationFolder, "write_status", full)
        raise DatasetError("No clips.")


def test_a_process_that_is_gone_is_not_said_to_run(tmp_path: Path):
    folder = EvaluationFolder(tmp_path)
    folder.write_status(EvaluationStatus("running", done=1, total=2))
    saved = json.loads((tmp_path / "status.json").read_text())
    (tmp_path / "status.json").write_text(json.dumps(saved | {"process_started": 5.0}))
    assert folder.read_status().state == "killed" and "without a message" in folder.read_status().message
    folder.request_stop()
    assert folder.read_status().state == "stopped"
    (tmp_path / "status.json").write_text("{")
    assert folder.read_status() is None


def test_a_failed_evaluation_leaves_the_report_that_is_there(tmp_path: Path, capsys):
    write_evaluation(evaluate(Oracle(seer), Blocks(), options=HERE), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["evaluate", "--model", "no-such-model", "--out", str(tmp_path), "--status"]) == 1
    status = EvaluationFolder(tmp_path).read_status()
    assert (
        status.state == "failed"
        and "no-such-model" in status.message
        and "no-such" in capsys.readouterr().err
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name in before} == before


def test_a_signal_ends_it_as_the_stop_file_does(tmp_path: Path, root: Path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom avseg.evaluation.folder import track_progress\n"
        "with track_progress(Path(sys.argv[1])) as tell:\n"
        "    for k in range(2400):\n        tell(k, 2400); time.sleep(0.05)"
    )
    folder = EvaluationFolder(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=root, stderr=subprocess.DEVNULL)
    try:
        while (folder.read_status() or EvaluationStatus("waiting")).done < 2 and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=100) == 1
    finally:
        child.kill()
    assert folder.read_status().state == "stopped"


def test_a_clip_is_seen_again_as_it_was_measured():
    clips = Blocks()
    clips.labelled[1, 1:] = False
    clips.real[2, 2] = clips.labelled[2, 2] = False
    made = evaluate(Oracle(constant(8.0)), clips, options=HERE)
    rows = {row.name: row for row in made.clips}
    for index in range(4):
        seen = evaluate_clip(Oracle(constant(8.0)), clips, index)
        assert seen.mean_iou == pytest.approx(rows[clips.name(index)].iou)
        count = int(clips.real[index].sum())
        assert len(seen.prediction.labels) == len(seen.truth) == len(seen.iou) == count
        assert seen.prediction.clip.waveform.shape == (count * 16000,)
    seen = evaluate_clip(Oracle(constant(8.0)), clips, 1)
    assert seen.truth[1] is None and seen.iou[1:] == (None, None) and seen.worst == 0
    empty = evaluate_clip(Oracle(constant(8.0)), clips, 3)
    assert empty.mean_iou is None and empty.false_positive == (1.0, 1.0, 1.0)


def test_reports_of_earlier_versions_load(tmp_path: Path):
    """The file was written when the data were described in a sentence, and muting only in a note."""
    old = json.loads((Path(__file__).parent / "files" / "report_with_sentence.json").read_text())
    (tmp_path / REPORT).write_text(json.dumps(old))
    report = read_report(tmp_path / REPORT)
    assert report.data == DataReference(SYNTHAVS, "ms3", "test", seed=2026)
    assert report.muted and (report.task, report.split, report.seed) == ("ms3", "test", 2026)
    assert report.data.description == old["data"]
    (tmp_path / REPORT).write_text(json.dumps(old | {"data": "/data/AVSBench, ms3 test", "notes": []}))
    report = read_report(tmp_path / REPORT)
    assert report.data == DataReference(FOLDER, "ms3", "test", "/data/AVSBench") and not report.muted
    assert report.data.description == "/data/AVSBench, ms3 test"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"intervals": []}, "intervals of report.json is not an object"),
        ({"intervals": {"miou": [0.1]}}, "wrong at 'miou'"),
        ({"intervals": {"miou": [0.1, None]}}, "interval miou of report.json is 'None'"),
        ({"intervals": {"beauty": [0.1, 0.2]}}, "wrong at 'beauty'"),
        ({"floors": {"luck": {}}}, "no rule 'luck'"),
        ({"floors": {"nothing": {}}}, "lacks 'miou_with_ground_truth'"),
    ],
)
def test_impossible_intervals_and_floors_are_refused(change: dict, message: str, tmp_path: Path):
    values = json.loads((BUNDLED_REPORTS / "tiny-ms3" / REPORT).read_text())
    (tmp_path / REPORT).write_text(json.dumps(values | change))
    with pytest.raises(ReportError, match=message):
        read_report(tmp_path / REPORT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "dream"}, "expected synthavs, folder"),
        ({"split": "holiday"}, "not a split of SynthAVS"),
        ({"seed": None}, "not a split of SynthAVS"),
        ({"root": 5}, "root of report.json is '5'"),
    ],
)
def test_a_reference_to_impossible_data_is_refused(change: dict, message: str, tmp_path: Path):
    values = json.loads((BUNDLED_REPORTS / "tiny-ms3" / REPORT).read_text())
    (tmp_path / REPORT).write_text(json.dumps(values | {"data": values["data"] | change}))
    with pytest.raises(ReportError, match=message):
        read_report(tmp_path / REPORT)
