"""Evaluation: oracles whose numbers can be computed by hand, the reference's per-class numbers, the files."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avseg.__main__ import main
from avseg.checkpoints import Card, save_model
from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import FOLDER, IGNORED, UNNAMED, DataReference, Sample
from avseg.errors import CheckpointError, ConfigError, DatasetError
from avseg.evaluation.clip import evaluate_clip
from avseg.evaluation.conditions import SKIPPED_NOTE
from avseg.evaluation.evaluate import EvaluationOptions, evaluate, released_f_batch, sample_clips
from avseg.evaluation.metrics import f_curves, f_score, iou, semantic_sums
from avseg.evaluation.report import Evaluation, write_evaluation
from avseg.media.audio import benchmark_patches
from avseg.models.avsegformer import AVSegFormer
from avseg.presets import PRESETS
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from tests.support.media import counting
from tests.support.oracles import (
    CAR,
    DOG,
    FILLED,
    HERE,
    KINDS,
    SHARES,
    SIZE,
    Blocks,
    Oracle,
    constant,
    listener,
    seer,
    white,
)
from tests.support.reference_fill import REFERENCE
from tests.support.small_model import SMALL


def measured(answer: Callable, clips: object = None, **settings: object) -> Evaluation:
    return evaluate(Oracle(answer), clips or Blocks(), options=replace(HERE, **settings))


def test_an_oracle_that_reads_the_truth_scores_one_and_is_seen_to_be_deaf():
    report = measured(seer).report
    assert (report.clips, report.frames, report.frames_with_ground_truth) == (4, 12, 6)
    assert report.frames_without_ground_truth == 6 and report.measured_as == "foreground"
    scores = (report.miou, report.miou_with_ground_truth, report.dataset_iou, report.robustness.swapped_miou)
    assert scores == pytest.approx((1, 1, 1, 1))
    assert report.f_score == pytest.approx(1)
    # With one clip per batch the last has no ground truth, and scores nothing.
    assert measured(seer, f_batch=1, robustness=False).report.f_score == pytest.approx(3 / 4)
    assert report.false_positive_without_ground_truth == 0
    heard = report.robustness
    assert heard.swap_sensitivity == pytest.approx(0) and heard.swap_fall == pytest.approx(0)
    assert heard.silence == heard.noise == pytest.approx(SHARES.mean())
    assert heard.target_switch_iou is None and any("target-switch test" in note for note in report.notes)
    assert report.miou_present_classes is None


def test_an_oracle_that_listens_marks_nothing_in_silence():
    heard = measured(listener).report.robustness
    assert heard.silence == 0 and heard.noise == pytest.approx(SHARES.mean())
    # Three clips borrow a loud sound of the other class; the last one may borrow any.
    assert heard.offscreen == pytest.approx(SHARES.mean())
    assert heard.swap_sensitivity == pytest.approx(0)


def test_hearing_another_sound_may_change_everything():
    clips = Blocks()
    own = {index: clips.read(index).waveform for index in range(4)}
    patches = {benchmark_patches(wave, 3).sum().item(): index for index, wave in own.items()}

    def own_alone(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        """Answers while every clip hears itself, in the order of the clips."""
        heard = [patches.get(part.sum().item()) for part in log_mel.split(3)]
        mine = torch.tensor([index == place for place, index in enumerate(heard)]).repeat_interleave(3)
        return torch.where(white(frames) & mine.view(-1, 1, 1, 1), 8.0, -8.0)

    report = measured(own_alone, clips).report
    assert report.miou == pytest.approx(1) and report.robustness.swap_sensitivity == pytest.approx(1)
    assert report.robustness.swapped_miou == pytest.approx(0, abs=1e-6)
    assert report.robustness.swap_fall == pytest.approx(1)


@pytest.mark.parametrize("f_batch", [1, 2, 4])
def test_a_model_that_marks_nothing(f_batch: int):
    report = measured(constant(-8.0), f_batch=f_batch).report
    assert report.miou == pytest.approx((~FILLED).mean()) and report.miou_with_ground_truth == 0
    assert report.dataset_iou == 0 and report.false_positive_without_ground_truth == 0
    # At threshold 0 every pixel counts: precision is the share, recall 1.
    curve = np.where(FILLED, 1.3 * SHARES / (0.3 * SHARES + 1), 0).reshape(-1, 3 * f_batch).sum(1)
    filled = FILLED.reshape(-1, 3 * f_batch).sum(1)
    assert report.f_score == pytest.approx((curve / np.maximum(filled, 1)).mean())
    assert report.f_batch_size == f_batch
    assert report.robustness.swap_sensitivity == pytest.approx(0)  # nothing stays nothing


def test_a_model_that_marks_everything():
    evaluation = measured(constant(8.0))
    report, heard = evaluation.report, evaluation.report.robustness
    assert report.miou == pytest.approx(np.where(FILLED, SHARES, 0).mean())
    assert report.miou_with_ground_truth == pytest.approx(SHARES[FILLED].mean())
    assert report.dataset_iou == pytest.approx(SHARES.mean())
    assert report.false_positive_without_ground_truth == 1
    assert (heard.silence, heard.noise, heard.offscreen) == (1, 1, 1)
    # Worst first; the clip without ground truth is wrong everywhere.
    assert [row.name for row in evaluation.clips] == ["clip3", "clip2", "clip0", "clip1"]
    last = evaluation.clips[1]
    assert astuple(last) == ("clip2", "dog", 3, 1, pytest.approx(4 / 32), 1, 1)
    assert evaluation.clips[0].iou is None and evaluation.clips[-1].false_positive_share is None
    rows = {row.name: row for row in evaluation.classes}
    assert set(rows) == {"dog", "car"} and rows["dog"].frames == 3 and rows["car"].frames == 3
    assert rows["dog"].iou == pytest.approx((8 + 8 + 4) / 32 / 3)
    assert rows["dog"].dataset_iou == pytest.approx((8 + 8 + 4) / (3 * 32))
    shares = np.array([8, 8, 4]) / 32
    assert rows["dog"].f == pytest.approx((1.3 * shares / (0.3 * shares + 1)).mean())


def test_f_takes_whole_clips_in_the_order_of_the_split():
    torch.manual_seed(0)
    noise = torch.randn(4, 3, SIZE, SIZE)

    def noisy(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        return torch.where(white(frames), 1.0, -1.0) + noise.flatten(0, 1)[: len(frames), None]

    clips = Blocks()
    truth = torch.stack([torch.from_numpy(clips.read(index).classes) for index in range(4)]) > 0
    logits = torch.where(truth, 1.0, -1.0) + noise
    halves = [
        f_score(logits[part].flatten(0, 1), truth[part].flatten(0, 1)) for part in (slice(3), slice(3, 4))
    ]
    report = measured(noisy, clips, f_batch=3, robustness=False).report
    assert report.f_score == pytest.approx(np.mean(halves), abs=1e-6)
    assert asdict(report.robustness) == dict.fromkeys(asdict(report.robustness))
    assert report.notes == (SKIPPED_NOTE,)


def test_a_muted_model_hears_nothing_but_silence():
    report = measured(listener, Blocks(), mute=True).report
    assert report.miou_with_ground_truth == 0.0
    assert asdict(report.robustness) == dict.fromkeys(asdict(report.robustness))
    assert report.muted and any("muted" in note for note in report.notes)
    deaf = measured(seer, Blocks(), mute=True).report
    assert deaf.miou_with_ground_truth == pytest.approx(1.0)


def test_only_real_labelled_frames_count():
    clips = Blocks()
    clips.labelled[1, 1:] = False  # as S4 in training
    clips.labelled[0, 2] = clips.real[0, 2] = False  # a clip of two frames
    evaluation = measured(constant(8.0), clips)
    assert evaluation.report.frames == 9 and evaluation.report.frames_with_ground_truth == 4
    assert evaluation.report.miou == pytest.approx((8 + 8 + 16 + 4) / 32 / 9)
    assert [row.frames for row in evaluation.clips if row.name in ("clip0", "clip1")] == [2, 1]


def test_data_that_do_not_name_what_sounds():
    evaluation = measured(seer, Blocks(kinds=(UNNAMED,) * 4, named=False))
    assert evaluation.report.miou == pytest.approx(1) and evaluation.classes == ()
    assert all(row.labels == "" for row in evaluation.clips)
    assert any("do not name" in note for note in evaluation.report.notes)
    assert evaluation.report.robustness.swap_sensitivity == pytest.approx(0)


def classes_oracle(clips: Blocks, kinds: Sequence[int] = KINDS) -> Oracle:
    """Answers with 71 channels what `kinds` says of the clips, in their order."""

    def answer(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(frames), 71, SIZE, SIZE)
        logits[:, 0] = 1
        real = torch.tensor([index for index in range(4) for _ in range(int(clips.real[index].sum()))])
        for place, index in enumerate(real[: len(frames)].tolist()):
            logits[place, kinds[index]] = torch.where(white(frames)[place, 0], 2.0, -2.0)
        return logits

    return Oracle(answer, classes=71)


def test_avss_by_hand():
    clips = Blocks("avss")
    clips.real[3] = clips.labelled[3] = [True, False, False]
    # The cars are seen as dogs but for those of the last clip, where nothing sounds.
    evaluation = evaluate(classes_oracle(clips, (DOG, DOG, DOG, CAR)), clips, options=HERE)
    report = evaluation.report
    assert report.measured_as == "classes" and report.f_batch_size is None and report.frames == 10
    # dog: three frames right, three in the prediction alone; car: three frames missed; all background right.
    assert report.miou_present_classes == pytest.approx((3 / 6 + 0) / 2) and report.present_classes == 2
    assert report.f_present_classes == pytest.approx((3 / 6 + 0) / 2)
    assert report.miou == pytest.approx((1 + 3 / 6) / 71) == report.f_score
    assert report.miou_no_background == pytest.approx((3 / 6) / 70)
    assert report.dataset_miou_present_classes == pytest.approx((8 + 8 + 4) / (8 + 8 + 4 + 48) / 2)
    assert report.miou_with_ground_truth == pytest.approx(1)  # as foreground
    rows = {row.name: row for row in evaluation.classes}
    assert rows["background"].frames == 10 and rows["dog"].frames == 6 and rows["car"].frames == 3
    assert rows["dog"].frames_with_ground_truth == 3


def test_padding_counts_as_background_in_the_benchmarks_avss_numbers_alone():
    clips = Blocks("avss")
    clips.real[:, 2] = clips.labelled[:, 2] = False
    torch.manual_seed(0)
    answers = torch.randn(8, 71, SIZE, SIZE) / 4
    answers[:, 0] += 1
    model = Oracle(lambda frames, log_mel: answers[: len(frames)], classes=71)
    report = evaluate(model, clips, options=replace(HERE, robustness=False)).report
    # All slots, the padded ones with logits 0, which is background.
    slots = torch.zeros(4, 3, 71, SIZE, SIZE)
    slots[:, :2] = answers.view(4, 2, 71, SIZE, SIZE)
    truth = torch.from_numpy(np.stack([clips.read(index).classes for index in range(4)]))
    sums = semantic_sums(slots.flatten(0, 1), truth.flatten(0, 1))
    iou, f = sums.iou / sums.count.clamp(min=1), sums.f_score / sums.count.clamp(min=1)
    assert report.miou == pytest.approx(iou.mean().item(), abs=1e-6)
    assert report.f_score == pytest.approx(f.mean().item(), abs=1e-6)
    assert report.miou_no_background == pytest.approx(iou[1:].mean().item(), abs=1e-6)
    assert report.miou_present_classes == pytest.approx(iou[[CAR, DOG]].mean().item(), abs=1e-6)


class Stored:
    """The ten frames of the reference's semantic case as one clip."""

    task, split, seconds, rate = "avss", "test", 10, 1.0

    def __init__(self, truth: np.ndarray):
        self.truth = truth

    def __len__(self) -> int:
        return 1

    @property
    def reference(self) -> DataReference:
        return DataReference(FOLDER, self.task, self.split)

    def name(self, index: int) -> str:
        return "stored"

    def sounding_classes(self, index: int) -> None:
        return None

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        frames, every = np.zeros((*self.truth.shape, 3), np.uint8), np.ones(10, bool)
        sound = np.zeros(160000, np.float32)
        return Sample("stored", tuple(range(10)), frames, sound, self.truth.astype(np.uint8), every, every)


def test_avss_numbers_agree_with_the_released_code():
    stored = np.load(REFERENCE / "metrics_and_losses.npz")
    logits = torch.full((10, 71, 40, 40), -100.0)
    logits[:, :7] = torch.from_numpy(stored["sem_logits"])
    model = Oracle(lambda frames, log_mel: logits, classes=71, size=40)
    evaluation = evaluate(model, Stored(stored["sem_gt"]), options=HERE)
    rows = {CLASS_INDEX[row.name]: row for row in evaluation.classes}
    for index in np.flatnonzero(stored["sem_count"]):
        count = stored["sem_count"][index]
        assert rows[index].frames == count
        assert rows[index].iou == pytest.approx(stored["sem_iou_sum"][index] / count, abs=1e-5)
        assert rows[index].f == pytest.approx(stored["sem_f_sum"][index] / count, abs=1e-5)
    iou = stored["sem_iou_sum"] / np.maximum(stored["sem_count"], 1)
    assert evaluation.report.miou == pytest.approx(iou.sum() / 71, abs=1e-5)
    heard = evaluation.report.robustness  # nobody lends a sound to the only clip
    assert heard.swap_sensitivity is None and heard.offscreen is None and heard.silence is not None


def test_a_model_of_71_channels_is_measured_as_foreground_on_ms3():
    evaluation = evaluate(classes_oracle(Blocks()), Blocks(), options=HERE)
    assert evaluation.report.measured_as == "foreground" and evaluation.report.f_batch_size == 4
    assert evaluation.report.miou == pytest.approx(1) == evaluation.report.f_score


def test_iou_of_empty_masks_is_whole():
    one = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]])
    other = torch.tensor([[[0, 1, 1, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 1]]])
    assert iou(one, other).tolist() == pytest.approx([1 / 3, 1, 0])


def test_no_frames_give_no_curves():
    nothing = torch.zeros(0, 4, 4)
    assert f_curves(nothing, nothing > 0).shape == (0, 255)


def test_a_part_of_a_split_is_drawn_from_the_seed():
    scenes = SynthAVS("ms3", "test", 5, 30, (SIZE, SIZE))
    assert sample_clips(scenes, 0, 1) == sample_clips(scenes, 99, 1) == list(range(30))
    assert sample_clips(scenes, 5, 1) == sample_clips(scenes, 5, 1) != sample_clips(scenes, 5, 2)
    assert len(set(sample_clips(scenes, 5, 1))) == 5


class Broken(Blocks):
    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        raise DatasetError("No sound.")


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_data_keeps_its_words(workers: int):
    with pytest.raises(DatasetError, match=r"^No sound\.$"):
        measured(seer, Broken(), workers=workers)


def test_wrong_settings():
    with pytest.raises(ConfigError, match="f-batch"):
        EvaluationOptions(f_batch=0)
    with pytest.raises(DatasetError, match="no clips"):
        evaluate(Oracle(seer), Blocks(), [], HERE)


def test_progress_counts_clips():
    seen = []
    evaluate(Oracle(seer), Blocks(), None, HERE, on_clips=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 4)]


def test_the_files(tmp_path: Path):
    evaluation = measured(constant(-8.0))
    path = write_evaluation(evaluation, tmp_path / "report")
    assert {p.name for p in path.parent.iterdir()} == {
        "report.json",
        "clips.csv",
        "classes.csv",
        "summary.md",
    }
    report = json.loads(path.read_text())
    assert report["notes"] and report["data"]["root"] == "blocks" and report["weights"] == "random"
    assert report["data"].pop("description") == "blocks, ms3 test"
    assert report == json.loads(json.dumps(asdict(evaluation.report)))
    with (path.parent / "clips.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["iou"] for row in rows] == ["0.0", "0.0", "0.0", ""]
    assert "| F as AVSBench computes it, batches of 4 clips |" in (path.parent / "summary.md").read_text()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    return save_model(path, AVSegFormer(SMALL), Card("small", "random", "No training."))


def test_data_on_disk_are_measured_by_the_same_command(small: Path, tmp_path: Path, capsys):
    write(SynthAVS("s4", "test", 5, 3), tmp_path / "data", videos=False)
    arguments = ["evaluate", "--model", str(small), "--data", str(tmp_path / "data"), "--device", "cpu"]
    arguments += ["--workers", "0", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--task", "s4", "--clips", "2"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (
        report["clips"] == 2 and report["frames_with_ground_truth"] == 10 and report["data"]["task"] == "s4"
    )
    assert report["robustness"]["target_switch_iou"] is None and report["command"].startswith(
        "python -m avseg"
    )
    assert "mIoU as AVSBench computes it" in capsys.readouterr().out
    assert main([*arguments, "--task", "avss"]) == 1
    assert main([*arguments, "--split", "holiday"]) == 1


@pytest.mark.slow
def test_two_processes_share_the_clips_of_predict(small: Path, tmp_path: Path, root: Path):
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    clips = [str(counting(tmp_path / f"{name}.mp4", seconds=1)) for name in "abc"]
    arguments = ["-m", "avseg", "predict", *clips, str(tmp_path / "gone.mp4"), "--model", str(small)]
    done = subprocess.run(
        [*launch, "--main_process_port", "0", *arguments, "--out", str(tmp_path / "out"), "--device", "cpu"],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 1  # of both: neither ends the other
    assert {path.name for path in (tmp_path / "out").glob("*")} == {"a", "b", "c"}
    assert done.stdout.count("1 frames") == 3 and done.stderr.count("avseg: ") == 1


@pytest.mark.slow
def test_two_processes_give_the_report_of_one(small: Path, tmp_path: Path, root: Path):
    arguments = ["-m", "avseg", "evaluate", "--model", str(small), "--clips", "9", "--device", "cpu"]
    arguments += ["--workers", "0", "--out"]
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--main_process_port", "0"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for before, out in (([], "one"), (launch, "two")):
        command = [sys.executable, *before, *arguments, str(tmp_path / out)]
        subprocess.run(command, check=True, cwd=root, env=environment, capture_output=True, timeout=280)
    one, two = (json.loads((tmp_path / out / "report.json").read_text()) for out in ("one", "two"))
    heard = one.pop("robustness"), two.pop("robustness")
    assert heard[0] == pytest.approx(heard[1], abs=1e-6)
    del one["command"], two["command"]
    numbers = {name: value for name, value in one.items() if isinstance(value, float)}
    assert numbers == pytest.approx({name: two[name] for name in numbers}, abs=1e-6)
    assert {k: v for k, v in one.items() if k not in numbers} == {
        k: v for k, v in two.items() if k not in numbers
    }
    tables = [(tmp_path / out / "clips.csv").read_text().splitlines() for out in ("one", "two")]
    assert sorted(line.split(",")[0] for line in tables[0]) == sorted(
        line.split(",")[0] for line in tables[1]
    )


class Bordered(Blocks):
    """The same clips with a border to ignore, which is white."""

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        sample = super().read(index, moments)
        frames, classes = sample.frames.copy(), sample.classes.copy()
        frames[:, -3:], classes[:, -3:] = 255, IGNORED
        return replace(sample, frames=frames, classes=classes)


@pytest.mark.parametrize("classes", [1, 71])
def test_ignored_pixels_count_in_no_metric(classes: int):
    def answer(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        if classes == 1:
            return seer(frames, log_mel)
        logits = torch.zeros(len(frames), classes, SIZE, SIZE)
        logits[:, DOG] = torch.where(white(frames)[:, 0], 8.0, -8.0)
        return logits

    task = "ms3" if classes == 1 else "avss"
    kinds = (DOG,) * len(KINDS)
    plain, bordered = (
        evaluate(Oracle(answer, classes), clips(task, kinds), options=HERE) for clips in (Blocks, Bordered)
    )
    one, other = bordered.report, plain.report
    for name in ("miou", "miou_with_ground_truth", "dataset_iou", "f_score"):
        assert getattr(one, name) == pytest.approx(getattr(other, name)), name
    assert [row.iou for row in bordered.clips] == pytest.approx([row.iou for row in plain.clips])
    if classes == 1:
        evaluated = evaluate_clip(Oracle(answer), Bordered(task, kinds), 0)
        assert evaluated.iou == pytest.approx((1, 1, None)) and not evaluated.truth[0][-3:].any()


@pytest.mark.parametrize(
    ("name", "batch"),
    [("s4-pvt-aug2023", 2), ("ms3-r50-aug2023", 2), ("avss-pvt-aug2023", 4), ("s4-pvt-apr2023", 4)],
)
def test_f_takes_the_batch_of_the_release(name: str, batch: int):
    assert released_f_batch(PRESETS[name].model) == batch
    assert released_f_batch(PRESETS[name.replace("apr2023", "paper")].model) == batch


def test_logits_that_are_not_finite_are_refused():
    with pytest.raises(CheckpointError, match="not a finite number"):
        measured(constant(float("nan")), robustness=False)
