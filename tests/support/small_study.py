"""An ablation study as `avseg ablate` leaves it, written in a moment: random weights and invented scores."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import torch

from app.services.ablations import RECORD
from app.services.reports import BUNDLED
from avseg.ablation.table import Row, write_table
from avseg.ablation.variants import DEFAULT, choose, variants
from avseg.checkpoints import Card, save_model
from avseg.evaluation.report import Evaluation, Floor, write_evaluation
from avseg.evaluation.report_files import read_evaluation
from avseg.models.avsegformer import AVSegFormer
from tests.support.small_model import small_config

CONFIG = small_config()
COMMAND = "python -m avseg ablate small.json --out runs/first --rows mixer-none no-sound --seeds 2"
# By row: how much lower than in the default row the IoU of even and odd clips is.
LOSSES = {DEFAULT: (0.0, 0.0), "mixer-none": (0.1, -0.1), "no-sound": (0.4, 0.2)}


def write_study(out: Path, seeds: int = 2) -> Path:
    """Write a study of three rows into a folder, and return it; its clips are those of tiny-ms3's report."""
    torch.manual_seed(5)
    rows = []
    bundled = read_evaluation(BUNDLED / "tiny-ms3")
    for variant in choose(variants(CONFIG), list(LOSSES)[1:]):
        evaluations = []
        for seed in range(seeds):
            folder = out / variant.name / f"seed-{seed}"
            evaluation = _evaluation(bundled, LOSSES[variant.name])
            evaluation = replace(evaluation, report=replace(evaluation.report, muted=variant.muted))
            write_evaluation(evaluation, folder / "report")
            evaluations.append(read_evaluation(folder / "report"))
        model = out / variant.name / "seed-0" / "last.safetensors"
        save_model(model, AVSegFormer(variant.config.model), Card(variant.name))
        rows.append(Row(variant, 1_000_000, 0.25, tuple(evaluations)))
    write_table(rows, out)
    (out / RECORD).write_text(json.dumps({"default": [asdict(CONFIG), "synth", 0]}))
    return out


def _evaluation(evaluation: Evaluation, losses: tuple[float, float]) -> Evaluation:
    """Return an evaluation of 40 of the clips, whose IoU is lower by one loss or the other."""
    clips = tuple(
        replace(row, iou=None if row.iou is None else min(1.0, max(0.0, row.iou - losses[index % 2])))
        for index, row in enumerate(evaluation.clips[:: len(evaluation.clips) // 40])
    )
    floors = {"nothing": Floor(0.0, 0.0), "largest_object": Floor(0.37, 0.1)}
    return Evaluation(replace(evaluation.report, command=COMMAND, floors=floors), clips, evaluation.classes)
