"""Ablation studies that the page trains: the command, what it will take, its progress, stop and resume.

A study is one child process, `python -m avseg ablate`, which trains one run after the other. STUDY/job/ is
its job folder and holds what was asked for, so a reload of the page or a restart of the app loses nothing.
"""

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from app.services import process
from app.services.datasets import LIBRARY
from app.services.host import may_train, public_host, require_training
from app.services.process import ROOT
from app.services.runs import STUDY_JOB as JOB
from app.services.runs import all_runs, new_run_folder, run_folder, runs_root
from avseg.ablation.table import TABLE_JSON
from avseg.ablation.variants import Variant, choose, variants
from avseg.arguments import is_whole
from avseg.checkpoints import bundled_models
from avseg.config import read_record
from avseg.errors import AvsegError, ConfigError, RunError
from avseg.evaluation.report import REPORT
from avseg.files import visible, write_texts
from avseg.jobs.folder import JobFolder, JobStatus, lives
from avseg.loaders import SYNTH, SYNTH_EVALUATION_CLIPS, run_size
from avseg.presets import PRESETS, START_FROM
from avseg.training.command import command_line, display_path
from avseg.training.estimate import Estimate, estimate
from avseg.training.run_folder import RunFolder

REQUEST = "request.json"
MAX_SEEDS, MAX_CLIPS = 10, 100_000
MAX_RUNS = 40  # that are searched for one with the same settings
PUBLIC_DATA = "/path/to/AVSBench"  # in place of the server's own path on a public host
RESULTS = ROOT / "assets" / "results"  # the training of the bundled models
STARTED_WITH = ("mixer-none", "reformer-none", "queries-1", "no-sound")  # rows that are ticked at first
_LOCK = threading.Lock()


@dataclass(frozen=True)
class StudyRequest:
    """What is trained; stored in the job folder."""

    preset: str
    data: str  # the value of --data
    rows: tuple[str, ...]  # without the default row, which is always trained
    seeds: int
    clips: int = 0  # of the test split; 0: all, or 200 of SynthAVS
    start_from: str = ""  # the value of --start-from

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The rows, the default one first; raises ConfigError for one that the preset does not have."""
        rows = variants(PRESETS[self.preset])
        return choose(rows, self.rows) if self.rows else rows[:1]

    @property
    def runs(self) -> list[tuple[Variant, int]]:
        """The runs with the number of their seed, in the order in which they are trained."""
        return [(variant, seed) for seed in range(self.seeds) for variant in self.variants]

    def arguments(self, out: Path, data: str) -> list[str]:
        """Return the arguments after `python`."""
        arguments = ["-m", "avseg", "ablate", self.preset, "--out", str(out), "--data", data]
        arguments += ["--rows", *self.rows] if self.rows else ["--rows", "default"]
        arguments += ["--seeds", str(self.seeds)]
        arguments += ["--clips", str(self.clips)] if self.clips else []
        return arguments + (["--start-from", self.start_from] if self.start_from else [])


@dataclass(frozen=True)
class Plan:
    """What a study will take."""

    runs: int
    steps: int  # of all runs together
    clips: int  # that each run is evaluated on, 0: the whole test split
    seconds: float | None = None  # of training; None without an earlier run of such settings
    source: str = ""  # where that was measured


@dataclass(frozen=True)
class StudyProgress:
    """How far a study is that was started from the page."""

    name: str
    state: str  # starting, running, stopping, stopped, failed, finished
    done: int  # runs with a report
    total: int
    current: str = ""  # the run at work: its row and seed
    step: int = 0  # of that run
    steps: int = 0
    seconds_left: float | None = None  # of that run
    message: str = ""  # why it failed
    table_written: int = 0  # ns; 0 without a table

    @property
    def alive(self) -> bool:
        """Whether a process is at work."""
        return self.state in ("starting", "running", "stopping")


class StudyJob(JobFolder[JobStatus]):
    """The job folder of a study."""

    status_class = JobStatus


def preset_names() -> list[str]:
    """Return the presets that have rows, those of AVSegFormer; small models first."""
    small = ("classroom", "ablation", "tiny")
    names = [name for name, config in PRESETS.items() if config.model.architecture == "avsegformer"]
    return sorted(names, key=lambda name: [not name.startswith(start) for start in small])


def row_choices(preset: str) -> list[tuple[str, str]]:
    """Return title and name of the rows of a preset but the default one."""
    return [(row.title, row.name) for row in variants(PRESETS[preset])[1:]]


def data_choices() -> list[tuple[str, str]]:
    """Return title and key of the data that a study can be trained on."""
    ready = [(dataset.title, dataset.key) for dataset in LIBRARY.all().values() if dataset.ready]
    return [("SynthAVS, drawn while training", SYNTH), *ready]


def read_request(
    preset: object, data: object, rows: Sequence[object], seeds: object, clips: object
) -> StudyRequest:
    """Return the request of a form's values, which a client may have made up; raises AvsegError."""
    if not isinstance(preset, str) or preset not in preset_names():
        names = ", ".join(preset_names())
        raise ConfigError(f"No ablation has the preset {str(preset)[:60]!r}: choose one of {names}.")
    if not is_whole(seeds, 1, MAX_SEEDS):
        raise ConfigError(f"Seeds must be a whole number from 1 to {MAX_SEEDS}.")
    if clips is not None and not is_whole(clips, 0, MAX_CLIPS):
        raise ConfigError("Test clips must be a whole number; leave the field empty for all.")
    folder = SYNTH if data == SYNTH else str(LIBRARY.get(data if isinstance(data, str) else None).folder)
    start = START_FROM.get(preset, "")
    request = StudyRequest(
        preset=preset,
        data=folder,
        rows=tuple(str(row) for row in rows),
        seeds=int(seeds),  # type: ignore[call-overload]
        clips=int(clips or 0),  # type: ignore[call-overload]
        start_from=start if start in bundled_models() else "",
    )
    assert request.variants  # raises for a row that the preset does not have
    if not request.rows:
        raise ConfigError("Tick at least one row to compare with the default row.")
    return request


def plan(request: StudyRequest) -> Plan:
    """Return what a study will take; raises AvsegError where the data do not fit.

    A row without an earlier run of its settings counts as one that has.
    """
    clips = request.clips or (SYNTH_EVALUATION_CLIPS if request.data == SYNTH else 0)
    sizes: dict[tuple[int, ...], int] = {}  # reading a table once, not per row
    steps, known = 0, list[tuple[Estimate, float]]()
    earlier = all_runs()[:MAX_RUNS] if may_train() else []
    for variant in request.variants:
        train = variant.config.train
        size = (train.batch_size, train.epochs, train.synth_clips)
        if size not in sizes:
            sizes[size] = run_size(request.data, variant.config).steps
        steps += sizes[size] * request.seeds
        found = estimate(variant.config, request.data, "auto", 1, earlier, RESULTS)
        if found is not None:
            pretraining = (
                0 if request.start_from else train.audio_pretrain_steps + train.visual_pretrain_steps
            )
            known.append((found, found.seconds(sizes[size], train, pretraining)))
    runs = len(request.runs)
    if not known:
        return Plan(runs, steps, clips)
    each = sum(seconds for _, seconds in known) / len(known)
    return Plan(runs, steps, clips, each * runs, known[0][0].source)


def command(request: StudyRequest, name: str) -> str:
    """Return the command of a study as a person would type it; without paths of a public host."""
    out = Path("runs") / name if public_host() else display_path(runs_root() / name, ROOT)
    data = PUBLIC_DATA if public_host() and request.data != SYNTH else request.data
    return command_line(request.arguments(out, data))


def free_name(preset: str) -> str:
    """Return the first of preset-ablation-01, -02 and so on that nothing in the runs folder has."""
    names = (f"{preset}-ablation-{k:02d}" for k in range(1, 10_000))
    return next(name for name in names if not (runs_root() / name).exists())


def check_free(name: object) -> Path:
    """Return the folder of a study to be; raises RunError for a name that is invalid or taken."""
    folder = new_run_folder(name).path
    if folder.exists():
        raise RunError(f"{folder.name} already exists in the runs folder. Choose another name, or resume it.")
    return folder


def start(request: StudyRequest, name: object) -> str:
    """Start a study and return its name; raises RunError where training is off or the name is taken."""
    require_training()
    with _LOCK:
        folder = check_free(name)
        _require_none_running()
        try:
            write_texts(folder / JOB, {REQUEST: json.dumps(asdict(request))})
        except OSError as error:
            raise RunError(f"The study cannot be stored: {error.strerror or error}.") from error
        _launch(request, folder)
    return folder.name


def resume(name: str) -> None:
    """Continue a study that was stopped or has failed; raises RunError."""
    require_training()
    with _LOCK:
        folder, request = _stored(name)
        _require_none_running()
        _launch(request, folder)


def stop(name: str) -> None:
    """Ask the run at work to save a checkpoint and stop; the second time, or between two runs, at once.

    Raises RunError when training is off here or the study is not running.
    """
    require_training()
    folder, request = _stored(name)
    if not progress_of(folder, request).alive:
        raise RunError(f"The study {name} is not running.")
    run = _current(folder, request)
    status = run[0].read_status() if run else None
    if run is not None and status is not None and status.state == "running" and not run[0].stop_requested:
        run[0].request_stop()
    else:
        process.withdraw(StudyJob(folder / JOB))


def started_studies() -> dict[str, StudyProgress]:
    """Return the studies that were started from the page by name; none where training is off."""
    if not may_train():
        return {}
    found = {}
    for path in visible(file.parent.parent for file in runs_root().glob(f"*/{JOB}/{REQUEST}")):
        with suppress(AvsegError):
            found[path.name] = progress_of(*_stored(path.name))
    return found


def progress_of(folder: Path, request: StudyRequest) -> StudyProgress:
    """Return how far a study is, from its folders."""
    job, runs, current = StudyJob(folder / JOB), request.runs, _current(folder, request)
    done = sum(_is_done(folder, run) for run in runs)
    table = folder / TABLE_JSON
    written = table.stat().st_mtime_ns if table.is_file() else 0
    record = job.read_launch()
    status = current[0].read_status() if current else None
    title = current[1] if current else "the table"
    if record is not None and lives(record):
        begun = status is not None and status.state == "running"
        state = "starting" if not begun and not done else "running"
        if begun and current is not None and current[0].stop_requested:
            state = "stopping"
        if status is None:
            return StudyProgress(folder.name, state, done, len(runs), title, table_written=written)
        steps = (status.step, status.steps, status.seconds_left)
        return StudyProgress(folder.name, state, done, len(runs), title, *steps, table_written=written)
    if current is None:
        return StudyProgress(folder.name, "finished", done, len(runs), table_written=written)
    stopped = (record is not None and record.withdrawn) or (status is not None and status.state == "stopped")
    message = "" if stopped else job.last_message
    state = "stopped" if stopped else "failed"
    return StudyProgress(folder.name, state, done, len(runs), title, message=message, table_written=written)


def _launch(request: StudyRequest, folder: Path) -> None:
    out = display_path(folder, ROOT)
    try:
        process.launch(request.arguments(out, request.data), StudyJob(folder / JOB))
    except OSError as error:
        raise RunError(f"The study cannot be started: {error.strerror or error}.") from error


def _require_none_running() -> None:
    if running := [name for name, other in started_studies().items() if other.alive]:
        raise RunError(f"The study {running[0]} is running. Wait for its end, or stop it.")


def _stored(name: str) -> tuple[Path, StudyRequest]:
    """Return folder and request of a study; raises RunError for a name that is none, or damaged."""
    folder = run_folder(name).path
    try:
        request = read_record(StudyRequest, folder / JOB / REQUEST)
        if request is None or request.preset not in PRESETS or not request.runs:
            raise RunError(f"The study {name} does not exist, or was not started from this page.")
    except ConfigError as error:
        raise RunError(f"The study {name} cannot be read: {error}") from error
    return folder, request


def _current(folder: Path, request: StudyRequest) -> tuple[RunFolder, str] | None:
    """Return the first run without a report, and its title; None where all have one."""
    for variant, seed in request.runs:
        if not _is_done(folder, (variant, seed)):
            return RunFolder(folder / variant.name / f"seed-{seed}"), f"{variant.title}, seed {seed}"
    return None


def _is_done(folder: Path, run: tuple[Variant, int]) -> bool:
    return (folder / run[0].name / f"seed-{run[1]}" / "report" / REPORT).is_file()
