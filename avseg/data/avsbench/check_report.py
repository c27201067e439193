"""What a check of a data folder found, and the files that tell it: report.json, report.csv and report.md."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from avseg.data.avsbench.layout import LAYOUTS
from avseg.files import atomic_write

KINDS: dict[str, tuple[str, str]] = {
    "clip count": ("error", "the table lists another number of clips than AVSBench's"),
    "listed twice": ("error", "a clip stands in the table more than once; the first row counts"),
    "unknown split": ("error", "a clip of a split that does not exist; its files were not looked at"),
    "unknown subset": ("error", "a clip of a subset that does not exist; its files were not looked at"),
    "unknown label": ("error", "a label that is none of the 71 classes"),
    "missing clip": ("error", "a clip of which there is no frame, no mask and no sound"),
    "missing frame": ("error", "a frame that the format promises is not there"),
    "missing mask": ("error", "a mask that the format promises is not there"),
    "missing sound": ("error", "the WAV file is not there"),
    "unreadable frame": ("error", "a frame does not decode"),
    "unreadable mask": ("error", "a mask does not decode"),
    "unreadable sound": ("error", "a WAV file does not decode"),
    "frame size": ("error", "a frame has another size than the format or the clip's first; it is resized"),
    "frame mode": ("error", "a frame is not 8-bit RGB; it is converted"),
    "mask size": ("error", "a mask has another size than its frame; it is resized, nearest pixel"),
    "mask mode": ("error", "a mask has another pixel format than it should; it is converted"),
    "unknown class": ("error", "a mask has a colour or an index that is no class"),
    "subset of clips": ("note", "this is a part of AVSBench, or another data set in its format"),
    "unlisted files": ("note", "files of a clip that the table does not list"),
    "extra frame": ("note", "a file beside a clip's frames that the format does not have"),
    "extra mask": ("note", "a file beside a clip's masks that the format does not have"),
    "short clip": ("note", "a clip with fewer frames than usual, as the format allows; it is filled up"),
    "grey mask": ("note", "a mask with values between black and white; above 127 counts as white"),
    "empty mask": ("note", "a mask without any foreground: nothing that sounds is in view"),
    "masks disagree": ("note", "the two kinds of label differ; labels_semantic is the one that is read"),
    "unlisted class": ("note", "a mask has a class that the table does not name for the clip"),
    "odd label": ("note", "a label with stray characters, repaired on reading"),
    "no label": ("note", "the table names nothing that sounds in view"),
    "sound length": ("note", "the sound is shorter or longer than the frames; a short one repeats its end"),
    "silent sound": ("note", "every sample of the sound is zero"),
    "shared video": ("note", "a clip whose source video has clips in another split"),
}
"""Every kind of finding: how grave it is, and what it means."""

COLUMNS = ("severity", "kind", "split", "clip", "path", "words")
SHOWN = 5  # findings of a kind in the summary


@dataclass(frozen=True)
class Finding:
    """One thing that was found; paths are below the task's folder."""

    kind: str  # a key of KINDS
    split: str
    clip: str
    path: str
    words: str

    @property
    def severity(self) -> str:
        return KINDS[self.kind][0]


@dataclass(frozen=True)
class CheckReport:
    """What there is in a task's folder, and what is odd about it."""

    folder: str
    task: str
    clips: dict[str, int]  # split: clips that the table lists
    files: dict[str, int]  # "frames", "masks", "sounds": files that were read without an error
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def notes(self) -> int:
        return len(self.findings) - self.errors

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each kind that occurs, in the order of KINDS."""
        counted = Counter(finding.kind for finding in self.findings)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}


def summary(report: CheckReport) -> str:
    """Return the report's numbers as two tables in Markdown."""
    official = LAYOUTS[report.task].official
    clips = [(split, count, official.get(split, "")) for split, count in report.clips.items()]
    kinds = [(KINDS[kind][0], kind, count, KINDS[kind][1]) for kind, count in report.counts.items()]
    files = ", ".join(f"{count:,} {kind}" for kind, count in report.files.items())
    parts = [
        f"# {report.task} in {report.folder}",
        f"Errors: {report.errors:,}. Notes: {report.notes:,}. Read: {files}.",
        _table(("split", "clips", "AVSBench"), clips),
    ]
    return "\n\n".join([*parts, _table(("severity", "kind", "count", "meaning"), kinds)] if kinds else parts)


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [tuple(str(cell) for cell in row) for row in (header, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells)]
    rule = tuple("-" * width for width in widths)
    lines = (
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths))
        for row in (cells[0], rule, *cells[1:])
    )
    return "\n".join(f"| {line} |" for line in lines)


def write_report(report: CheckReport, folder: Path | str) -> Path:
    """Write report.json (everything), report.csv (a row per finding) and report.md, and return the folder."""
    folder = Path(folder)
    record = {
        "folder": report.folder,
        "task": report.task,
        "clips": report.clips,
        "official": LAYOUTS[report.task].official,
        "files": report.files,
        "errors": report.errors,
        "notes": report.notes,
        "counts": report.counts,
        "findings": [{"severity": f.severity, **asdict(f)} for f in report.findings],
    }
    table = io.StringIO()
    rows = csv.DictWriter(table, COLUMNS)
    rows.writeheader()
    rows.writerows(record["findings"])
    texts = {
        "report.json": json.dumps(record, indent=1),
        "report.csv": table.getvalue(),
        "report.md": f"{summary(report)}\n{_examples(report)}",
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as file:
            file.write_text(text, encoding="utf-8", newline="")
    return folder


def _examples(report: CheckReport) -> str:
    lines = []
    for kind, count in report.counts.items():
        of_kind = [finding for finding in report.findings if finding.kind == kind]
        shown = f", the first {SHOWN}" if count > SHOWN else ""
        lines.append(f"\n## {kind} ({KINDS[kind][0]}, {count:,}{shown})\n")
        for finding in of_kind[:SHOWN]:
            path = finding.path and f"`{finding.path}`"
            where = " ".join(filter(None, (finding.split, finding.clip, path)))
            lines.append(f"- {where}: {finding.words}" if where else f"- {finding.words}")
    return "\n".join(lines) + "\n"
