"""The integrity report of a data set: checked in the background, kept until the table changes."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from app.services.background import Report
from avseg.data.avsbench.check import KINDS, CheckReport, Finding, check
from avseg.files import atomic_write

_VERSION = 1


def load(path: Path | None, key: str) -> CheckReport | None:
    """Return the report that was kept, None where there is none or the table is another one."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8")) if path else {}
        if kept.get("key") != f"{_VERSION} {key}":
            return None
        about = kept["report"]
        findings = tuple(Finding(*map(str, row)) for row in about["findings"])
        if any(finding.kind not in KINDS for finding in findings):
            return None
        return CheckReport(about["folder"], about["task"], about["clips"], about["files"], findings)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def run(folder: Path, task: str, path: Path | None, key: str, report: Report) -> CheckReport:
    """Check every file of a data set and keep the report."""
    found = check(folder, task, workers=1, on_progress=report)
    if path is not None:
        about = {**vars(found), "findings": [list(vars(one).values()) for one in found.findings]}
        with atomic_write(path) as file:
            file.write_text(json.dumps({"key": f"{_VERSION} {key}", "report": about}), encoding="utf-8")
    return found


@dataclass(frozen=True)
class Rows:
    """A page of findings."""

    shown: tuple[Finding, ...]
    total: int  # of the chosen kind
    first: int  # number of the first one shown, from 1
    counts: dict[str, int]  # findings by kind, errors first


def page_of(report: CheckReport, kind: str, page: int, size: int) -> Rows:
    """Return a page of the findings of a kind, all kinds for "", errors before notes."""
    order = {name: place for place, name in enumerate(KINDS)}
    chosen = [one for one in report.findings if not kind or one.kind == kind]
    chosen.sort(key=lambda one: order[one.kind])
    first = max(0, min(page, (len(chosen) - 1) // size)) * size
    counts = Counter(one.kind for one in report.findings)
    return Rows(
        tuple(chosen[first : first + size]),
        len(chosen),
        first + 1 if chosen else 0,
        {name: counts[name] for name in KINDS if counts[name]},
    )
