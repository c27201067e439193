"""The ablation studies that the page shows: bundled ones and those of the runs folder, read from their files.

`python -m avseg ablate` writes them (`avseg.ablation.study`). No file is trusted: a damaged one makes a study
without rows and with a problem, a sentence.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from app.services.host import may_train
from app.services.reports import BUNDLED
from app.services.runs import runs_root, study_model
from avseg.ablation.stored import RECORD, read_record, read_table
from avseg.ablation.table import TABLE_JSON, Numbers
from avseg.ablation.variants import Variant, changed_fields, variants
from avseg.checkpoints import bundled_models
from avseg.config import Config
from avseg.errors import AvsegError, ConfigError, ReportError
from avseg.evaluation.report import REPORT, Evaluation
from avseg.evaluation.report_files import read_evaluation
from avseg.files import visible
from avseg.presets import PRESETS

BUNDLED_PREFIX = "bundled:"
OTHER = "other rows"  # the group of a row that this version does not know
GROUPS: Mapping[str, str] = {
    "default": "Default",
    "queries": "Number of queries, Table 2 (a)",
    "learnable-queries": "Learnable queries, Table 2 (b)",
    "mixer": "Mixer, Table 2 (c)",
    "reformer": "Reformer, Table 2 (d)",
    "lambda": "Weight of the auxiliary loss",
    "layers": "Layers",
    "backbone": "Backbone",
    "baseline": "Baseline of AVSBench",
    "sound": "Sound",
}
AGAIN = "Run `python -m avseg ablate` again: it keeps what is finished and writes the table anew."

Origin = Literal["bundled", "trained"]


@dataclass(frozen=True)
class StudyRow:
    """A row of a study's table."""

    numbers: Numbers
    group: str  # its title in GROUPS
    changes: str  # "mixer = none": how its config differs from the default row's; "" where it is not known
    muted: bool = False  # trained and evaluated in silence
    model: str = ""  # the name of its model on the page, "" without one

    @property
    def name(self) -> str:
        """Its name in commands and folders."""
        return self.numbers.name


@dataclass(frozen=True)
class Study:
    """An ablation study as far as it has come."""

    key: str
    name: str
    folder: Path
    origin: Origin
    rows: tuple[StudyRow, ...] = ()  # the default row first
    config: Config | None = None  # of the default row
    data: str = ""  # the value of --data
    problem: str = ""  # why there are no rows

    @property
    def preset(self) -> str:
        """The preset of the default row, "" where it is none as it stands."""
        return next((name for name, config in PRESETS.items() if config == self.config), "")

    @property
    def seeds(self) -> int:
        """Training runs of the row that has most."""
        return max((row.numbers.seeds for row in self.rows), default=0)

    @property
    def label(self) -> str:
        """Its line in a list of choices."""
        rows = f"{len(self.rows)} row{'' if len(self.rows) == 1 else 's'}" if self.rows else "no table yet"
        return f"{self.name}{', bundled' if self.origin == 'bundled' else ''}: {rows}"

    def row(self, name: object) -> StudyRow:
        """Return a row by its name; raises ReportError without it."""
        for row in self.rows:
            if row.name == name:
                return row
        raise ReportError(f"The study {self.name} has no row {str(name)[:60]!r}. Select another one.")

    def evaluation(self, row: str, seed: int = 0) -> Evaluation | None:
        """Return the evaluation of a row and the number of its seed, None where it cannot be read."""
        folder = self.folder / row / f"seed-{seed}" / "report"
        try:
            return _evaluation(folder, (folder / REPORT).stat().st_mtime_ns)
        except (OSError, ReportError):
            return None


def list_studies() -> dict[str, Study]:
    """Return the studies by key: those of the runs folder, newest first, then the bundled ones.

    Those of the runs folder only where training is on, as with runs.
    """
    found = [_read(folder, "bundled") for folder in _folders(BUNDLED)]
    if may_train():
        own = sorted(_folders(runs_root()), key=_written, reverse=True)
        found = [*(_read(folder, "trained") for folder in own), *found]
    return {study.key: study for study in found}


def get_study(key: object) -> Study:
    """Return a study by its key; raises ReportError if it no longer exists."""
    study = list_studies().get(key) if isinstance(key, str) else None
    if study is None:
        raise ReportError("This ablation study no longer exists. Select another one.")
    return study


def default_study() -> Study | None:
    """Return the study to open with: the bundled one, or the newest."""
    studies = list(list_studies().values())
    return next((study for study in studies if study.origin == "bundled"), next(iter(studies), None))


def _folders(root: Path) -> list[Path]:
    return visible(path.parent for path in root.glob(f"*/{RECORD}"))


def _written(folder: Path) -> float:
    try:
        return (folder / RECORD).stat().st_mtime
    except OSError:  # deleted since it was listed
        return 0.0


def _read(folder: Path, origin: Origin) -> Study:
    key = f"{BUNDLED_PREFIX}{folder.name}" if origin == "bundled" else folder.name
    study = Study(key, folder.name, folder, origin)
    try:
        config, data = _cached_record(folder / RECORD, (folder / RECORD).stat().st_mtime_ns)
    except (OSError, ReportError) as error:
        return replace(study, problem=_sentence(study, error))
    study = replace(study, config=config, data=data)
    table = folder / TABLE_JSON
    if not table.is_file():
        return replace(study, problem=f"{study.name} has no table yet: it is written after the first run.")
    try:
        numbers = _cached_table(table, table.stat().st_mtime_ns)
    except (OSError, ReportError) as error:
        return replace(study, problem=_sentence(study, error))
    known: dict[str, Variant] = {}
    with suppress(ConfigError):  # a default row from which no row of this version can differ
        known = {variant.name: variant for variant in variants(config)}
    return replace(study, rows=tuple(_row(study, item, known.get(item.name), config) for item in numbers))


def _sentence(study: Study, error: Exception) -> str:
    reason = str(error) if isinstance(error, AvsegError) else "a file cannot be read."
    return f"The study {study.name} is damaged: {reason} {AGAIN}"


def _row(study: Study, numbers: Numbers, variant: Variant | None, default: Config) -> StudyRow:
    changes, group, muted = "", OTHER, False
    if variant is not None:
        fields = changed_fields(variant, default).items()
        changes = ", ".join(f"{name} = {value}" for name, value in fields)
        group, muted = GROUPS.get(variant.group, variant.group), variant.muted
    return StudyRow(numbers, group, changes, muted, _model(study, numbers))


def _model(study: Study, numbers: Numbers) -> str:
    """Return the name of a row's model: a bundled one, or that of the first seed that has one."""
    if study.origin == "bundled":
        name = f"{study.name}-{numbers.name}"
        return name if name in bundled_models() else ""
    names = (f"{study.name}/{numbers.name}/seed-{seed}" for seed in range(numbers.seeds))
    return next((name for name in names if study_model(name)), "")


@lru_cache(maxsize=32)
def _cached_record(path: Path, _written: int) -> tuple[Config, str]:
    return read_record(path)


@lru_cache(maxsize=32)
def _cached_table(path: Path, _written: int) -> tuple[Numbers, ...]:
    return read_table(path)


@lru_cache(maxsize=64)
def _evaluation(folder: Path, _written: int) -> Evaluation:
    return read_evaluation(folder)
