"""Print the README's table of results from the reports in this folder: python assets/results/table.py

`--write` replaces the table in README.md; a test compares the two.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
README = HERE.parent.parent / "README.md"
BEGIN, END = "<!-- results: python assets/results/table.py -->\n", "<!-- end of results -->\n"

Report = dict[str, object]


def table() -> str:
    """Return the table as Markdown."""
    ms3, s4 = _report("tiny-ms3"), _report("tiny-ms3/s4")
    muted, avss = _report("tiny-ms3-mute"), _report("tiny-avss")
    rows = [
        ("`tiny-ms3` on MS3: mean IoU over frames with ground truth", _iou(ms3)),
        ("the same, trained and evaluated without audio (`tiny-ms3-mute`)", _iou(muted)),
        ("`tiny-ms3` on S4: mean IoU over frames with ground truth", _iou(s4)),
        ("MS3: mIoU as AVSBench computes it (an empty frame scores its background)", f"{ms3['miou']:.3f}"),
        (f"MS3: F as AVSBench computes it, {ms3['f_batch_size']} clips per batch", f"{ms3['f_score']:.3f}"),
        *_robustness("MS3", ms3),
        ("`tiny-avss` on AVSS: mIoU over the classes that occur", f"{avss['miou_present_classes']:.3f}"),
        ("AVSS: F as AVSBench computes it, over the classes that occur", f"{avss['f_present_classes']:.3f}"),
        *_robustness("AVSS, 100 clips", _report("tiny-avss/listening")),
    ]
    return "\n".join(
        ["| measure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    )


def _report(folder: str) -> Report:
    return json.loads((HERE / folder / "report.json").read_text(encoding="utf-8"))


def _iou(report: Report) -> str:
    return f"{report['miou_with_ground_truth']:.3f}"


def _robustness(task: str, report: Report) -> list[tuple[str, str]]:
    robustness = report["robustness"]
    shares = " / ".join(
        f"{robustness[name]:.1%}".replace("%", " %") for name in ("silence", "noise", "offscreen")
    )
    return [
        (f"{task}: predicted foreground with silence / white noise / off-screen audio", shares),
        (
            f"{task}: swap sensitivity / target-switch IoU",
            f"{robustness['swap_sensitivity']:.3f} / {robustness['target_switch_iou']:.3f}",
        ),
    ]


if __name__ == "__main__":
    if "--write" in sys.argv:
        before, rest = README.read_text(encoding="utf-8").split(BEGIN)
        README.write_text(before + BEGIN + table() + END + rest.split(END)[1], encoding="utf-8")
    else:
        print(table(), end="")
