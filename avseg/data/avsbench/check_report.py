"""The findings of a check of a data folder, and its files: report.json, report.csv and report.md."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from avseg.data.avsbench.index import layout_of
from avseg.files import escape_formula, read_json, write_texts

KINDS: dict[str, tuple[str, str]] = {
    "clip count": ("error", "the table lists another number of clips than AVSBench's"),
    "listed twice": ("error", "a clip is listed more than once; the first row counts"),
    "unknown split": ("error", "a clip of a split that does not exist; its files were not checked"),
    "unknown subset": ("error", "a clip of a subset that does not exist; its files were not checked"),
    "unknown label": ("error", "a label that is not one of the 71 classes"),
    "missing clip": ("error", "a clip without frames, masks and audio"),
    "missing frame": ("error", "a frame that the format requires is missing"),
    "missing mask": ("error", "a mask that the format requires is missing"),
    "missing sound": ("error", "the WAV file is missing"),
    "unreadable frame": ("error", "a frame cannot be decoded"),
    "unreadable mask": ("error", "a mask cannot be decoded"),
    "unreadable sound": ("error", "a WAV file cannot be decoded"),
    "frame size": ("error", "a frame has another size than the format or the clip's first; it is resized"),
    "frame mode": ("error", "a frame is not 8-bit RGB; it is converted"),
    "mask size": ("error", "a mask has another size than its frame; it is resized, nearest pixel"),
    "unreadable folder": ("error", "a folder cannot be opened; its files were not checked"),
    "no foreground": ("error", "every mask is empty: were they saved in another format?"),
    "dim mask": ("error", "a mask with shades of grey, none above 127: it is read as empty"),
    "orientation": ("error", "a mask is turned by its EXIF orientation but its frame is not, or otherwise"),
    "mask mode": ("error", "a mask has another pixel format than it should; it is converted"),
    "unknown class": ("error", "a mask has a colour or an index that is not a class"),
    "subset of clips": ("note", "this is a part of AVSBench, or another data set in its format"),
    "unlisted files": ("note", "files of a clip that the table does not list"),
    "extra frame": ("note", "a file in a clip's folder of frames that is not part of the format"),
    "extra mask": ("note", "a file in a clip's folder of masks that is not part of the format"),
    "short clip": ("note", "a clip with fewer frames than usual, as the format allows; it is filled up"),
    "grey mask": ("note", "a mask with values between black and white; above 127 counts as white"),
    "low mask": ("note", "a mask of two values, 0 and another than 255; any other than 0 is foreground"),
    "ignored pixels": ("note", "a mask with pixels (255) that count in no loss and no metric"),
    "empty mask": ("note", "a mask without foreground: no visible object sounds"),
    "masks disagree": ("note", "the two kinds of label differ; labels_semantic is the one that is read"),
    "unlisted class": ("note", "a mask has a class that the table does not name for the clip"),
    "odd label": ("note", "a label with stray characters, repaired on reading"),
    "no label": ("note", "the table names no visible sounding object"),
    "sound length": ("note", "the audio is shorter or longer than the frames; short audio repeats its end"),
    "cancelled sound": ("note", "the channels cancel each other: their mean, which models hear, is silent"),
    "silent sound": ("note", "every audio sample is zero"),
    "shared video": ("note", "a clip whose source video has clips in another split"),
}
"""Severity and meaning of every kind of finding."""

COLUMNS = ("severity", "kind", "split", "clip", "path", "detail")
EXAMPLES = 5  # findings of a kind in the summary
_VERSION = 2  # of saved reports; others are checked anew


@dataclass(frozen=True)
class Finding:
    """One finding; paths are relative to the task's folder."""

    kind: str  # a key of KINDS
    split: str
    clip: str
    path: str
    detail: str

    @property
    def severity(self) -> str:
        return KINDS[self.kind][0]


@dataclass(frozen=True)
class CheckReport:
    """The contents of a task's folder, and the findings about it."""

    folder: str
    task: str
    clips: dict[str, int]  # split: clips that the table lists
    files: dict[str, int]  # "frames", "masks", "sounds": files that were read without error
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def notes(self) -> int:
        return len(self.findings) - self.errors

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings of each kind that occurs, in the order of KINDS."""
        counted = Counter(finding.kind for finding in self.findings)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}

    def findings_of(self, kind: str = "") -> list[Finding]:
        """Return the findings of a kind, by default of every kind in the order of KINDS: errors first."""
        order = {name: rank for rank, name in enumerate(KINDS)}
        return sorted((f for f in self.findings if not kind or f.kind == kind), key=lambda f: order[f.kind])


def save_report(report: CheckReport, path: Path, key: str) -> None:
    """Save a report for `load_report`; key: the state of the data. Raises OSError."""
    fields = {**vars(report), "findings": [list(vars(finding).values()) for finding in report.findings]}
    write_texts(path.parent, {path.name: json.dumps({"key": f"{_VERSION} {key}", "report": fields})})


def load_report(path: Path, key: str) -> CheckReport | None:
    """Return a saved report, None without one of data in the state `key`."""
    try:
        saved = read_json(path)
        if saved["key"] != f"{_VERSION} {key}":
            return None
        report = saved["report"]
        findings = tuple(Finding(*map(str, row)) for row in report["findings"])
        if any(finding.kind not in KINDS for finding in findings):
            return None
        return CheckReport(report["folder"], report["task"], report["clips"], report["files"], findings)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def summary(report: CheckReport) -> str:
    """Return the report's numbers as two tables in Markdown."""
    official = layout_of(Path(report.folder), report.task).official
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
        "official": layout_of(Path(report.folder), report.task).official,
        "files": report.files,
        "errors": report.errors,
        "notes": report.notes,
        "counts": report.counts,
        "findings": [{"severity": f.severity, **asdict(f)} for f in report.findings],
    }
    table = io.StringIO()
    rows = csv.DictWriter(table, COLUMNS)
    rows.writeheader()
    rows.writerows({name: escape_formula(cell) for name, cell in row.items()} for row in record["findings"])
    texts = {
        "report.json": json.dumps(record, indent=1),
        "report.csv": table.getvalue(),
        "report.md": f"{summary(report)}\n{_examples(report)}",
    }
    write_texts(folder, texts)
    return folder


def _examples(report: CheckReport) -> str:
    lines = []
    for kind, count in report.counts.items():
        of_kind = [finding for finding in report.findings if finding.kind == kind]
        limit = f", the first {EXAMPLES}" if count > EXAMPLES else ""
        lines.append(f"\n## {kind} ({KINDS[kind][0]}, {count:,}{limit})\n")
        for finding in of_kind[:EXAMPLES]:
            path = finding.path and f"`{finding.path}`"
            where = " ".join(filter(None, (finding.split, finding.clip, path)))
            lines.append(f"- {where}: {finding.detail}" if where else f"- {finding.detail}")
    return "\n".join(lines) + "\n"
