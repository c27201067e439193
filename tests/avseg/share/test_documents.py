"""Shared files: nothing from elsewhere, all of it escaped, small enough, with the numbers of their source."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from avseg.__main__ import main
from avseg.checkpoints import Card
from avseg.errors import ConfigError, ReportError, RunError
from avseg.evaluation.report_files import read_evaluation
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from avseg.presets import PRESETS
from avseg.share import result as results
from avseg.share.command import found_kinds
from avseg.share.document import MAX_BYTES, Document, to_html, write_document
from avseg.share.evaluation import write_evaluation_page
from avseg.share.result import SharedResult, shared_file, write_result
from avseg.share.run import differences, preset_of, write_run_page
from avseg.share.study import write_study_page
from tests.support.small_model import SMALL
from tests.support.stand_in_model import BrightAndLoud

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'&.mp4"
ADDRESS = re.compile(r"""(?:src|href|action|url)\s*[=(]\s*["']?\s*((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


class Tags(HTMLParser):
    """Collects elements with their attributes, and the text of what is shown."""

    def __init__(self, html: str):
        super().__init__()
        self.found, self.texts, self.hidden = [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self.hidden += tag in ("script", "style")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.hidden:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def record(self) -> dict:
        """The numbers that a reader can save."""
        [link] = [a["href"] for tag, a in self.found if tag == "a" and "download" in a]
        return json.loads(base64.b64decode(link.partition("base64,")[2]))


def checked(path: Path) -> Tags:
    """Return a file's elements after what holds for every one."""
    html = path.read_text(encoding="utf-8")
    tags = Tags(html)
    assert len(html) < MAX_BYTES and not ADDRESS.search(html)
    assert [tag for tag, _ in tags.found if tag in ("iframe", "object", "embed", "base", "form")] == []
    assert not any(name.startswith("on") for _, attributes in tags.found for name in attributes)
    [policy] = [a["content"] for _, a in tags.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy and "http" not in policy
    running = [a for tag, a in tags.found if tag == "script" and "type" not in a]
    assert len(running) == 1 and not any("src" in a for a in running)
    return tags


@pytest.fixture(scope="module")
def prediction(root):
    clip = read_clip(root / "assets/clips/kitchen-switch.mp4", fps=2, start=1, seconds=2)
    return Predictor(BrightAndLoud(), "cpu").predict(clip)


def test_a_result_has_the_numbers_of_the_prediction(prediction, tmp_path):
    card = Card("small", "demo", "Trained on nothing.", ("dog",), "It knows little.")
    path = write_result(
        SharedResult(prediction, "A clip", card, SMALL, "python -m avseg share"), tmp_path / "a.html"
    )
    tags = checked(path)
    shares = [frame["foreground"] for frame in tags.record()["frames"]]
    assert shares == pytest.approx(prediction.foreground.tolist(), abs=1e-6) and max(shares) > 0
    for text in ("Trained on nothing.", "It knows little.", "python -m avseg share", "1 to 2 s", "frame 4"):
        assert text in tags.text
    ids = {attributes.get("id") for tag, attributes in tags.found if tag == "script"}
    assert {"player-about", "player-video", "player-pack"} <= ids


def test_hostile_names_stay_text(prediction, tmp_path):
    clip = replace(prediction.clip, name=HOSTILE)
    card = Card(HOSTILE, "demo", HOSTILE, (HOSTILE,))
    shared = SharedResult(replace(prediction, clip=clip, model=HOSTILE), HOSTILE, card, SMALL, HOSTILE)
    tags = checked(write_result(shared, tmp_path / "a.html"))
    assert tags.text.count("<img src=x onerror=alert(2)>") > 3
    assert not any(attributes.get("src") == "x" for _, attributes in tags.found)


@pytest.fixture
def encodings(monkeypatch) -> list[int]:
    """The sides at which videos were encoded; the size of each is the square of its side, in bytes."""
    sides: list[int] = []

    def write_clip(clip, path, side, *others):
        sides.append(side)
        path.write_bytes(bytes(side**2))
        return path

    monkeypatch.setattr(results, "write_clip", write_clip)
    return sides


@pytest.mark.parametrize(
    ("most", "tried"),
    [(1280, [1280]), (960, [1280, 960]), (500, [1280, 720, 560, 420]), (330, [1280, 560, 420, 320])],
)
def test_the_video_is_encoded_smaller_until_it_fits(prediction, encodings, tmp_path, most, tried):
    content = results._video(prediction.clip, tmp_path / "a.mp4", most**2, 10**7)
    assert encodings == tried and len(content) == tried[-1] ** 2


def test_what_cannot_fit_is_said_and_not_written(prediction, encodings, tmp_path):
    shared = SharedResult(prediction, "a", Card("small"), SMALL)
    with pytest.raises(ConfigError, match=r"does not fit into a web page of 0\.2 MB"):
        write_result(shared, tmp_path / "a.html", 200_000)
    assert encodings[-1:] in ([], [320]) and list(tmp_path.iterdir()) == []


def test_a_bundled_clip_brings_its_ground_truth_unless_the_sound_is_another(root):
    clip = read_clip(root / "assets/clips/kitchen-switch.mp4", fps=1, seconds=3)
    prediction = Predictor(BrightAndLoud(), "cpu").predict(clip)
    shared = shared_file(prediction, Card("small"), SMALL)
    assert shared.title == "Alarm clock, then cat" and len(shared.truth) == 3
    assert [(lane.name, lane.spans[0][0]) for lane in shared.lanes] == [("clock", 0.0), ("cat", 2.0)]
    muted = shared_file(replace(prediction, audio="mute"), Card("small"), SMALL)
    assert muted.truth is None and muted.lanes == ()


def test_an_evaluation_equals_its_report_and_names_no_folder(root, tmp_path):
    folder = root / "assets/results/small-real"
    evaluation = read_evaluation(folder)
    data = replace(evaluation.report.data, root="/home/someone/secret/real")
    evaluation = replace(evaluation, report=replace(evaluation.report, data=data))
    tags = checked(write_evaluation_page(evaluation, tmp_path / "a.html"))
    record, report = tags.record(), json.loads((folder / "report.json").read_text())
    for name in ("miou", "f_score", "dataset_iou", "robustness", "intervals", "floors", "clips", "frames"):
        assert record[name] == report[name]
    assert f"{report['miou']:.4f}" in tags.text and f"{report['robustness']['offscreen']:.4f}" in tags.text
    low, high = report["intervals"]["miou_with_ground_truth"]
    assert f"95 % {low:.3f} to {high:.3f}" in tags.text and "Largest object in view" in tags.text
    assert (
        len(record["clip_rows"]) == 100 and "secret" not in tags.text and "secret" not in json.dumps(record)
    )


def test_an_evaluation_of_classes_names_confusions(root, tmp_path):
    evaluation = read_evaluation(root / "assets/results/tiny-avss")
    tags = checked(write_evaluation_page(evaluation, tmp_path / "a.html", pictures={"x": "data:,"}))
    assert "predicted as" in tags.text and "mIoU, classes in the data" in tags.text


def test_a_hostile_report_stays_text(root, tmp_path):
    evaluation = read_evaluation(root / "assets/results/tiny-ms3")
    rows = tuple(replace(row, name=HOSTILE, labels=HOSTILE) for row in evaluation.clips)
    classes = tuple(replace(row, name=HOSTILE) for row in evaluation.classes)
    report = replace(evaluation.report, model=HOSTILE, notes=(HOSTILE,), command=HOSTILE)
    tags = checked(
        write_evaluation_page(
            replace(evaluation, report=report, clips=rows, classes=classes), tmp_path / "a.html"
        )
    )
    assert tags.text.count("<img src=x") > 20


def test_a_study_has_the_rows_of_its_table(root, tmp_path):
    folder = root / "assets/results/ablation"
    tags = checked(write_study_page(folder, tmp_path / "a.html"))
    table = json.loads((folder / "table.json").read_text())
    assert [row["miou"] for row in tags.record()] == [row["miou"] for row in table]
    for row in table:
        assert row["title"] in tags.text and f"{row['miou']:.3f}" in tags.text
    assert "Largest object in view" in tags.text and "unknown: one seed" in tags.text
    with pytest.raises(ReportError, match=r"no table\.json yet"):
        write_study_page(tmp_path, tmp_path / "b.html")


def test_a_run_has_its_curves_and_what_differs_from_the_preset(root, tmp_path):
    tags = checked(write_run_page(root / "assets/results/classroom", tmp_path / "a.html"))
    record = tags.record()
    events = [
        json.loads(line) for line in (root / "assets/results/classroom/events.jsonl").read_text().splitlines()
    ]
    assert record["steps"]["loss"] == [event["loss"] for event in events if event["kind"] == "step"]
    assert "preset classroom" in tags.text and "--train.mixed-precision" in tags.text
    assert sum(attributes.get("src", "").startswith("data:image/jpeg") for _, attributes in tags.found) == 4
    assert (
        sum(tag == "polyline" for tag, _ in tags.found) == 7
    )  # four terms of the loss, two scores, the rate
    (tmp_path / "config.json").write_text(PRESETS["tiny"].to_json())
    with pytest.raises(RunError, match="has no step yet"):
        write_run_page(tmp_path, tmp_path / "b.html")


def test_the_preset_with_the_fewest_other_values_is_named():
    config = PRESETS["tiny-avss"]
    assert preset_of(config) == "tiny-avss" and differences(config, "tiny-avss") == []
    longer = replace(config, train=replace(config.train, epochs=999))
    assert preset_of(longer) == "tiny-avss"
    assert differences(longer, "tiny-avss") == [("train.epochs", 999, config.train.epochs)]


def test_a_file_that_would_be_too_large_is_not_written(tmp_path):
    document = Document("Result", "a", "b", "", {"x": np.pi}, "a.json")
    with pytest.raises(ConfigError, match=r"the limit is 0\.001 MB"):
        write_document(document, tmp_path / "a.html", 1000)
    assert list(tmp_path.iterdir()) == []


def test_data_end_no_script_element():
    html = to_html(Document("Result", "a", "b", "", {}, "a.json", data={"about": {"title": HOSTILE}}))
    [text] = re.findall(r'id="about">(.*?)</script>', html)
    assert json.loads(text) == {"title": HOSTILE}


def test_what_a_folder_can_show(root, tmp_path):
    assert found_kinds(root / "assets/results/small-real") == ["evaluation", "run"]
    assert found_kinds(root / "assets/results/ablation") == ["study"]
    with pytest.raises(ConfigError, match="nothing to show"):
        found_kinds(tmp_path)


def test_the_command(root, tmp_path, capsys):
    folder, out = str(root / "assets/results/small-real"), str(tmp_path / "a.html")
    assert main(["share", folder, "--kind", "run", "--out", out]) == 0
    assert "Training run" in checked(tmp_path / "a.html").text and "Written: " in capsys.readouterr().out
    assert main(["share", folder, "--kind", "study", "--out", out]) == 1
    assert main(["share", folder, "--out", str(tmp_path / "a.pdf")]) == 1
    assert "its extension must be .html" in capsys.readouterr().err
    assert main(["share", str(tmp_path / "none"), "--out", out]) == 1
    assert "does not exist" in capsys.readouterr().err
