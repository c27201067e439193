"""Fetches released weights by name: download, check, convert, and keep a record of where they came from."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from avseg import drive
from avseg.checkpoints import convert, imported_root, read_card, read_released, tasks_in_name
from avseg.config import Storage, read_record
from avseg.downloads import OnBytes, Wanted, download
from avseg.errors import CheckpointError, ConfigError
from avseg.file_kinds import require_weights
from avseg.files import UNFINISHED, make_folder, sha256_of, sweep, write_texts
from avseg.late import torch
from avseg.models.released import Imported
from avseg.models.zoo import LICENCE, RELEASED, REPOSITORY, ReleasedFile

TOLERANCE = 0.3  # of the size that follows from the shapes of the tensors
MIRROR = "hub:"


@dataclass(frozen=True)
class Origin:
    """Where a fetched model came from; kept beside it as NAME.json."""

    name: str
    source: str  # address, or the name of a local file
    sha256: str  # of the .pth file
    bytes: int
    date: str
    licence: str = LICENCE
    mirror: str = ""  # owner/name on the Hub, if the converted file came from there
    mirror_sha256: str = ""


@dataclass(frozen=True)
class Places:
    """The files of one released model on this computer."""

    model: Path
    origin: Path  # kept when the model is deleted, so that another file under its name is noticed
    folder: Path  # of the download; belongs to the process that holds its lock
    complete: Path  # the downloaded .pth file, until it is converted
    part: Path

    @property
    def state(self) -> Literal["here", "partly", "absent"]:
        """Whether the model can be used, its download has begun, or neither."""
        if self.model.is_file():
            return "here"
        return "partly" if self.part.is_file() or self.complete.is_file() else "absent"

    @property
    def arrived(self) -> int:
        """Bytes of the .pth file that are here."""
        return next((path.stat().st_size for path in (self.complete, self.part) if path.is_file()), 0)


def places(name: str) -> Places:
    """Return where a released model is, or would be."""
    root = imported_root()
    folder = root / "downloads" / name
    return Places(
        root / f"{name}.safetensors",
        root / f"{name}.json",
        folder,
        folder / f"{name}.pth",
        folder / f"{name}.pth{UNFINISHED}",
    )


def get(
    name: str,
    file: Path | None = None,
    cookies: Path | None = None,
    mirror: str = "",
    storage: Storage = "float32",
    keep: bool = False,
    on_progress: OnBytes = lambda *_: None,
) -> Origin:
    """Fetch a released model, convert it into the folder of imported models, and return its origin.

    file: a downloaded .pth file, in place of the download. cookies: a browser's cookies.txt for Drive.
    mirror: hub:owner/name, a repository that `push_to_hub` made of the converted model. storage: bfloat16
    and float16 halve the file. keep: keep the downloaded .pth file, in the folder `downloads`. Raises
    CheckpointError; a download that was cut off continues with the next call.
    """
    row = released(name)
    if mirror and not mirror.startswith(MIRROR):
        raise ConfigError(f"--from is {mirror!r}; write {MIRROR}owner/name.")
    if sum(map(bool, (file, cookies, mirror))) > 1:
        raise ConfigError("Choose one of --file, --cookies and --from.")
    at = places(name)
    if at.state == "here":
        raise CheckpointError(f"{name} is here already: {at.model}. Delete that file to fetch it again.")
    if file is not None:
        _check_name(file, row)
    _check_space(row, at, file, storage)
    with _claim(at, name):
        if mirror:
            return _from_hub(row, at, mirror.removeprefix(MIRROR))
        if file is None and not at.complete.is_file():
            download(_wanted(row), at.part, on_progress, cookies)
            os.replace(at.part, at.complete)
        source = file or at.complete
        try:
            digest, imported = _check(row, at, source)
        except CheckpointError as error:
            if file is not None:
                raise
            refused = at.complete.with_suffix(".refused")
            os.replace(at.complete, refused)
            raise CheckpointError(
                f"{error} The download was set aside as {refused}; the same command downloads it again."
            ) from error
        origin = Origin(
            name, source.name if file else row.page, digest, source.stat().st_size, _today(), LICENCE
        )
        _write(row, at, imported, origin, storage)
        if keep and file is None:
            os.replace(at.complete, at.folder.parent / at.complete.name)
    return origin


def released(name: str) -> ReleasedFile:
    """Return a row of the table; CheckpointError lists the names."""
    if name not in RELEASED:
        raise CheckpointError(
            f"{name!r} does not name a released model. Choose one of {', '.join(RELEASED)}."
        )
    return RELEASED[name]


def _wanted(row: ReleasedFile) -> Wanted:
    size = row.megabytes * 10**6
    return Wanted(
        drive.address(row.drive_id),
        (int(size * (1 - TOLERANCE)), int(size * (1 + TOLERANCE))),
        f"Wait and try again; or open {row.page} in a browser (signed in, “Make a copy” helps against a "
        f"quota), download the file there and run `python -m avseg weights get {row.name} --file FILE.pth`; "
        "or pass the browser's cookies.txt with --cookies.",
    )


def _check(row: ReleasedFile, at: Places, source: Path) -> tuple[str, Imported]:
    """Return hash and content of a .pth file; raises CheckpointError where it is not the file of its row."""
    require_weights(source)
    digest = sha256_of(source)
    _compare(row, at, digest, source.name)
    imported = read_released(source, row.task)
    if (c := imported.config) != row.config:
        raise CheckpointError(
            f"{source.name} is a model of edition {c.edition} with {c.backbone} for {c.task}, not {row.name}."
        )
    return digest, imported


def _write(row: ReleasedFile, at: Places, imported: Imported, origin: Origin, storage: Storage) -> None:
    """Write the converted model and its origin."""
    note = (
        f"AVSegFormer {row.config.edition}, {row.config.backbone}, {row.task}, by its authors ({REPOSITORY})."
        f" From {origin.source} on {origin.date}, sha256 {origin.sha256}. {LICENCE}"
    )
    converted = convert(imported, at.folder / at.model.name, note, getattr(torch, storage))
    _record(at, origin)
    os.replace(converted, at.model)


def _compare(row: ReleasedFile, at: Places, digest: str, name: str) -> None:
    """Refuse a file with another hash than the one in the table or of the first fetch."""
    before = read_record(Origin, at.origin)
    why = f"sha256 {digest} instead of {{}}. It is damaged, or its authors replaced it."
    if row.sha256 and digest != row.sha256:
        raise CheckpointError(f"{name} differs from the published file: {why.format(row.sha256)}")
    if before and digest != before.sha256:
        raise CheckpointError(
            f"{name} differs from the one fetched on {before.date}: {why.format(before.sha256)} To accept "
            f"the new one, delete {at.origin}."
        )


def _from_hub(row: ReleasedFile, at: Places, repo: str) -> Origin:
    """Take a converted model from the Hub; its card must name the known hash of the authors' file."""
    from avseg.hub import WEIGHTS, fetch

    folder = at.folder / "hub"
    path = fetch(repo, None, folder) / WEIGHTS
    try:
        digest, mirrored = _check_mirror(row, at, path, repo)
    except CheckpointError:
        shutil.rmtree(folder)
        raise
    origin = Origin(row.name, row.page, digest, path.stat().st_size, _today(), LICENCE, repo, mirrored)
    _record(at, origin)
    os.replace(path, at.model)
    return origin


def _check_mirror(row: ReleasedFile, at: Places, path: Path, repo: str) -> tuple[str, str]:
    """Return the hashes of the authors' file, as its card says, and of a converted one from the Hub."""
    config, card = read_card(path)
    if config != row.config or card.weights != "released":
        raise CheckpointError(
            f"{repo} holds a model of edition {config.edition} with {config.backbone} for {config.task}, "
            f"{card.weights} weights, not {row.name}."
        )
    digest = found[0] if (found := re.search(r"\b[0-9a-f]{64}\b", card.note)) else ""
    _compare(row, at, digest, f"The file that {repo} was converted from")
    mirrored, before = sha256_of(path), read_record(Origin, at.origin)
    if before and before.mirror == repo and before.mirror_sha256 != mirrored:
        raise CheckpointError(
            f"{repo} differs from what was fetched on {before.date}: sha256 {mirrored} instead of "
            f"{before.mirror_sha256}. To accept the new file, delete {at.origin}."
        )
    return digest, mirrored


def _record(at: Places, origin: Origin) -> None:
    write_texts(at.origin.parent, {at.origin.name: json.dumps(asdict(origin), indent=2) + "\n"})


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _check_name(file: Path, row: ReleasedFile) -> None:
    """Refuse a local file whose name says another task: S4 and MS3 cannot be told apart by the content."""
    require_weights(file)
    tasks = tasks_in_name(file)
    if tasks and row.task not in tasks:
        raise CheckpointError(
            f"{file.name} says {' and '.join(sorted(tasks))} in its name, but {row.name} is a model for "
            f"{row.task}. Name the model that the file belongs to; if the file is misnamed, rename it."
        )


def _check_space(row: ReleasedFile, at: Places, file: Path | None, storage: Storage) -> None:
    """Refuse before the work where the disk cannot hold the download and the converted model."""
    folder = next(path for path in (at.model.parent, *at.model.parent.parents) if path.is_dir())
    size = row.megabytes * 10**6
    needed = (0 if file else max(0, size - at.arrived)) + (size if storage == "float32" else size // 2)
    if (free := shutil.disk_usage(folder).free) < needed:
        raise CheckpointError(
            f"{row.name} needs {needed / 1e6:.0f} MB in {folder}, which has {free / 1e6:.0f} MB left. Free "
            "some space, or name another folder in AVSEG_MODELS."
        )


@contextmanager
def _claim(at: Places, name: str) -> Iterator[None]:
    """Make sure that one process at a time fetches a model; remove what killed ones left half written."""
    make_folder(at.folder)
    lock = at.folder / ".lock"
    with lock.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(f"Another process is fetching {name}. Wait until it is done.") from None
        sweep(at.folder)
        try:
            yield
            shutil.rmtree(at.folder)
        finally:
            lock.unlink(missing_ok=True)
            for folder in (at.folder, at.folder.parent):
                with suppress(OSError):  # what a later call continues is kept
                    folder.rmdir()
