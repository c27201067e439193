"""Print the README's tables of results from the reports in this folder: python assets/results/table.py

`--write` replaces the tables in README.md; a test compares the two.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
README = HERE.parent.parent / "README.md"
BEGIN, END = "<!-- results: python assets/results/table.py -->\n", "<!-- end of results -->\n"

ABLATION_BEGIN = "<!-- ablation: python assets/results/table.py -->\n"
ABLATION_END = "<!-- end of ablation -->\n"

Report = dict[str, Any]


def table() -> str:
    """Return the table as Markdown."""
    ms3, s4 = _report("tiny-ms3"), _report("tiny-ms3/s4")
    muted, avss = _report("tiny-ms3-mute"), _report("tiny-avss")
    rows = [
        ("`tiny-ms3` on MS3: mean IoU over frames with ground truth", _iou(ms3)),
        (
            "the same weights, fine-tuned for 150 steps and evaluated without audio (`tiny-ms3-mute`)",
            _iou(muted),
        ),
        ("`tiny-ms3` on S4: mean IoU over frames with ground truth", _iou(s4)),
        ("MS3: mIoU as AVSBench computes it (an empty frame scores its background)", _value(ms3, "miou")),
        (f"MS3: F as AVSBench computes it, {ms3['f_batch_size']} clips per batch", _value(ms3, "f_score")),
        *_robustness("MS3", ms3),
        ("`tiny-avss` on AVSS: mIoU over the classes that occur", _value(avss, "miou_present_classes")),
        (
            "AVSS: F at the most probable class, over the classes that occur",
            _value(avss, "f_present_classes"),
        ),
        (
            "AVSS: mIoU / F as AVSBench computes them, over all 71 classes, where those that do not occur "
            "score 0",
            f"{_value(avss, 'miou')} / {_value(avss, 'f_score')}",
        ),
        *_robustness("AVSS, 100 clips", _report("tiny-avss/listening")),
        *_compositions(_report("small-real")),
    ]
    return "\n".join(
        ["| measure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    )


def _compositions(report: Report) -> list[tuple[str, str]]:
    rules = {name: rule["miou_with_ground_truth"] for name, rule in report["floors"].items()}
    floors = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in rules.items())
    title = f"`small-real` on {report['clips']} held-out compositions"
    return [
        (f"{title}: mean IoU over frames with ground truth", _iou(report)),
        ("the same for trivial rules, of which the largest object has its true shape", floors),
        *_robustness("compositions", report),
    ]


def _report(folder: str) -> Report:
    return json.loads((HERE / folder / "report.json").read_text(encoding="utf-8"))


def _iou(report: Report) -> str:
    return _value(report, "miou_with_ground_truth")


def _value(report: Report, name: str) -> str:
    """Return a number of the report or of its robustness, with its 95 % interval where the report has it."""
    value = report["robustness"].get(name, report.get(name))
    ends = report.get("intervals", {}).get(name)
    return f"{value:.3f}" + (f" (95 % {ends[0]:.2f} to {ends[1]:.2f})" if ends else "")


def _robustness(task: str, report: Report) -> list[tuple[str, str]]:
    shares = " / ".join(_share(report, name) for name in ("silence", "noise", "offscreen"))
    return [
        (f"{task}: predicted foreground with silence / white noise / off-screen audio", shares),
        (
            f"{task}: swap sensitivity / target-switch IoU",
            f"{_value(report, 'swap_sensitivity')} / {_value(report, 'target_switch_iou')}",
        ),
    ]


def _share(report: Report, name: str) -> str:
    ends = report.get("intervals", {}).get(name)
    interval = f" (95 % {100 * ends[0]:.1f} to {100 * ends[1]:.1f} %)" if ends else ""
    return f"{100 * report['robustness'][name]:.1f} %{interval}"


def ablation_table() -> str:
    """Return the table of the bundled ablation study as Markdown, with the trivial rules below it."""
    rows = json.loads((HERE / "ablation" / "table.json").read_text(encoding="utf-8"))
    floors = _report("ablation/default/seed-0/report")["floors"]
    lines = [
        "| row | seeds | mIoU (95 % over clips) | change from the default row | beyond the spread? "
        "| swap sensitivity |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = "" if row["miou_spread"] is None else f" ± {row['miou_spread']:.3f}"
        change = (
            "" if row["change"] is None else f"{row['change']:+.3f}{_ends(row['change_interval'], '+.3f')}"
        )
        swap = "" if row["swap_sensitivity"] is None else f"{row['swap_sensitivity']:.2f}"
        miou = f"{row['miou']:.3f}{spread}{_ends(row['miou_interval'], '.3f')}"
        cells = [row["title"], str(row["seeds"]), miou, change, row["exceeds_spread"], swap]
        lines.append("| " + " | ".join(cells) + " |")
    for name, rule in floors.items():
        title = f"trivial rule: {name.replace('_', ' ')}"
        lines.append(f"| {title} | | {rule['miou_with_ground_truth']:.3f} | | | |")
    return "\n".join([*lines, ""])


def _ends(ends: list[float] | None, form: str) -> str:
    return "" if ends is None else f" ({ends[0]:{form}} to {ends[1]:{form}})"


def written(readme: str) -> str:
    """Return the text of README.md with both tables as they follow from the reports."""
    for begin, text, end in ((BEGIN, table(), END), (ABLATION_BEGIN, ablation_table(), ABLATION_END)):
        before, rest = readme.split(begin)
        readme = before + begin + text + end + rest.split(end)[1]
    return readme


if __name__ == "__main__":
    if "--write" in sys.argv:
        README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table(), ablation_table(), sep="\n", end="")
