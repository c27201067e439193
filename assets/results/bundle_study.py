"""Bundle a finished ablation study: python assets/results/bundle_study.py STUDY [NAME] [--backbones tiny]

Copies its tables and reports to assets/results/NAME, and the first seed's model of every row, without the
backbones that all rows share, in float16 to assets/models/NAME.
"""

import argparse
import shutil
import sys
from pathlib import Path

import torch

from avseg.ablation.study import RECORD
from avseg.ablation.table import TABLE, TABLE_JSON
from avseg.checkpoints import BUNDLED, Card, load_model, save_model

RESULTS = Path(__file__).resolve().parent
REPORT_FILES = ("report.json", "clips.csv", "classes.csv", "summary.md")


def bundle(study: Path, name: str, backbones: str) -> list[Path]:
    """Write the bundled study; returns its models."""
    results, models = RESULTS / name, BUNDLED / name
    models.mkdir(parents=True, exist_ok=True)
    results.mkdir(exist_ok=True)
    for file in (RECORD, TABLE, TABLE_JSON):
        shutil.copyfile(study / file, results / file)
    for report in sorted(study.glob("*/seed-*/report")):
        folder = results / report.relative_to(study)
        folder.mkdir(parents=True, exist_ok=True)
        for file in REPORT_FILES:
            text = (report / file).read_text(encoding="utf-8").replace(str(study), f"runs/{name}")
            (folder / file).write_text(text, encoding="utf-8")
    written = []
    for file in sorted(study.glob("*/seed-0/last.safetensors")):
        if not (file.parent / "report" / REPORT_FILES[0]).is_file():
            continue
        model, row = load_model(file), file.parent.parent.name
        note = (
            f"Row {row} of an ablation study on drawn SynthAVS scenes, trained briefly; not for filmed video."
        )
        card = Card(f"{name}-{row}", "demo", note, model.card.classes)
        written.append(save_model(models / f"{row}.safetensors", model, card, torch.float16, backbones))
    return written


def main() -> int:
    """Run the script; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("name", nargs="?", default="ablation")
    parser.add_argument("--backbones", default="tiny")
    args = parser.parse_args()
    for path in bundle(args.study, args.name, args.backbones):
        print(f"{path.relative_to(BUNDLED)}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
