"""The integrity report of a data set: checked in the background, kept until the table changes."""

import json
from collections import Counter
from pathlib import Path

from app.services.background import Report
from avseg.data.avsbench.check import KINDS, CheckReport, Finding, check
from avseg.files import atomic_write

_VERSION = 1


def load_report(path: Path | None, key: str) -> CheckReport | None:
    """Return the saved report, None without one; key: the state of the table."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8")) if path else {}
        if saved.get("key") != f"{_VERSION} {key}":
            return None
        report = saved["report"]
        findings = tuple(Finding(*map(str, row)) for row in report["findings"])
        if any(finding.kind not in KINDS for finding in findings):
            return None
        return CheckReport(report["folder"], report["task"], report["clips"], report["files"], findings)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def check_files(folder: Path, task: str, path: Path | None, key: str, progress: Report) -> CheckReport:
    """Check every file of a data set and save the report."""
    report = check(folder, task, workers=1, on_progress=progress)
    if path is not None:
        fields = {**vars(report), "findings": [list(vars(finding).values()) for finding in report.findings]}
        with atomic_write(path) as file:
            file.write_text(json.dumps({"key": f"{_VERSION} {key}", "report": fields}), encoding="utf-8")
    return report


def findings_of(report: CheckReport, kind: str) -> list[Finding]:
    """Return the findings of a kind, of every kind for "", errors before notes."""
    order = {name: rank for rank, name in enumerate(KINDS)}
    return sorted((f for f in report.findings if not kind or f.kind == kind), key=lambda f: order[f.kind])


def counts_by_kind(report: CheckReport) -> dict[str, int]:
    """Return how many findings there are of every kind that occurs, errors first."""
    counts = Counter(finding.kind for finding in report.findings)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}
