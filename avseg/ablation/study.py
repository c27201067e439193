"""Runs an ablation study: one training run and one report per row and seed, each in a folder of its own.

    OUT/ablation.json                the rows, seeds and data, as asked for
    OUT/ROW/seed-N/                  a run folder (`avseg.training.run_folder`)
    OUT/ROW/seed-N/report/           its evaluation (`avseg.evaluation.report`)
    OUT/table.json, table.md         the comparison (`avseg.ablation.table`), rewritten after every run

A study that was interrupted goes on where it stood: what is finished is kept, a run resumes from its last
checkpoint.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch

from avseg.ablation.stored import RECORD
from avseg.ablation.table import TABLE, Row, write_table
from avseg.ablation.variants import Variant
from avseg.bench.measure import gflop
from avseg.checkpoints import load_model
from avseg.config import Config, ModelConfig
from avseg.errors import ConfigError
from avseg.evaluation.evaluate import EvaluationOptions, evaluate, sample_clips
from avseg.evaluation.floors import PRIOR_CLIPS
from avseg.evaluation.report import REPORT, write_evaluation
from avseg.evaluation.report_files import read_evaluation
from avseg.files import read_json, write_texts
from avseg.loaders import evaluation_clips, run_size
from avseg.models.build import build_model
from avseg.processes import process, process_device
from avseg.training.run_folder import RunFolder
from avseg.training.trainer import train


@dataclass(frozen=True)
class Study:
    """What is trained, on what, and how it is evaluated."""

    variants: tuple[Variant, ...]  # the default row first
    out: Path
    data: str = "synth"
    seeds: int = 1
    clips: int = 0  # of the test split, 0: all, or 200 generated ones
    device: str = "auto"
    workers: int = 1
    start_from: Path | None = None  # weights that every row starts from

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.clips < 0:
            raise ConfigError("--seeds must be at least 1, and --clips cannot be negative.")

    @property
    def runs(self) -> list[tuple[Variant, int]]:
        """The runs in order: all rows with the first seed, then with the next, for an early table."""
        return [(variant, number) for number in range(self.seeds) for variant in self.variants]

    def folder(self, variant: Variant, number: int) -> Path:
        """Return the run folder of a row and the number of its seed."""
        return self.out / variant.name / f"seed-{number}"

    def config(self, variant: Variant, number: int) -> Config:
        """Return the config of a run; seeds count up from that of the preset and are equal in all rows."""
        c = variant.config.train
        return replace(variant.config, train=replace(c, seed=c.seed + number))


def steps(study: Study) -> int:
    """Return the training steps of all runs together; raises AvsegError where the data do not fit."""
    return sum(run_size(study.data, study.config(*run)).steps for run in study.runs)


def run(study: Study, command: str = "", say: Callable[[str], None] = print) -> Path:
    """Train and evaluate what is missing, and return the path of table.md.

    say: told what is being done. Under `accelerate launch` all processes share every run. Raises ConfigError
    for a folder that holds another study, and what training and evaluation raise.
    """
    main = process()[0] == 0
    steps(study)  # data that do not fit are reported before any work
    if main:
        _record(study)
    for place, (variant, number) in enumerate(study.runs, 1):
        title = f"{place} of {len(study.runs)}: {variant.title}, seed {number}"
        folder = study.folder(variant, number)
        missing = not (folder / "report" / REPORT).is_file()
        if missing:
            if main:
                say(title)
            _train(study, variant, number, command)
            _evaluate(study, variant, folder, command)
        if main and (missing or place == len(study.runs)):
            write_table(list(rows(study)), study.out)
    return study.out / TABLE


def rows(study: Study) -> Iterator[Row]:
    """Yield the rows of the table as far as they are evaluated, the default row first."""
    for variant in study.variants:
        folders = [study.folder(variant, number) for number in range(study.seeds)]
        done = [folder for folder in folders if (folder / "report" / REPORT).is_file()]
        if not done:
            continue
        parameters, work = _size(variant.config.model)
        evaluations = tuple(read_evaluation(folder / "report") for folder in done)
        yield Row(variant, parameters, work, evaluations)


@lru_cache
def _size(config: ModelConfig) -> tuple[int, float]:
    """Return the parameters of a model, and the GFLOP of one frame's forward pass."""
    model, size = build_model(config).eval(), config.image_size
    frame, log_mel = torch.zeros(1, 3, size, size), torch.zeros(1, 1, 96, 64)
    return sum(p.numel() for p in model.parameters()), gflop(lambda: model(frame, log_mel))


def _record(study: Study) -> None:
    """Write what the study is, or check that the folder holds this one; more seeds or rows may be added."""
    path = study.out / RECORD
    default: Sequence[object] = [asdict(study.variants[0].config), study.data, study.clips]
    if path.is_file():
        with suppress(ValueError, OSError):
            if read_json(path).get("default") == json.loads(json.dumps(default)):
                return
        raise ConfigError(
            f"{study.out} holds another ablation study (or a damaged {RECORD}). Choose another folder, or "
            "give the preset, data, flags and --clips that it was started with."
        )
    write_texts(study.out, {RECORD: json.dumps({"default": default}, indent=2)})


def _train(study: Study, variant: Variant, number: int, command: str) -> None:
    folder = RunFolder(study.folder(variant, number))
    config, status = study.config(variant, number), folder.read_status()
    resume = folder.resume_file.is_file()
    if status is not None and status.state == "finished" and folder.last_model.is_file():
        return
    options = (study.data, study.device, study.workers, resume)
    train(config, folder.path, *options, None if resume else study.start_from, command)
    status = folder.read_status()
    if status is None or status.state != "finished":
        raise ConfigError(f"The run in {folder.path} was stopped. Give the same command again to go on.")


def _evaluate(study: Study, variant: Variant, folder: Path, command: str) -> None:
    """Evaluate the last model, not the best one: choosing by validation would add to the spread."""
    model = load_model(folder / "last.safetensors", process_device(study.device))
    model.card = replace(model.card, name=f"{variant.name}, seed {folder.name.removeprefix('seed-')}")
    task, size = model.config.task, model.config.image_size
    options = EvaluationOptions(mute=variant.muted, workers=study.workers)
    clips = evaluation_clips(study.data, task, "test", size, study.clips, options.seed)
    training = evaluation_clips(study.data, task, "train", size, PRIOR_CLIPS, options.seed)
    indices = sample_clips(clips, study.clips, options.seed)
    evaluation = evaluate(model, clips, indices, options, command, None, training)
    if process()[0] == 0:
        write_evaluation(evaluation, folder / "report")
