"""Fetches the files of a record on Zenodo: resumes what was cut off, compares checksums, unpacks archives."""

import hashlib
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from avseg.downloads import OnBytes, Wanted, download, fetch_json
from avseg.errors import CheckpointError, DatasetError
from avseg.files import UNFINISHED, make_folder, read_json, write_texts, writing

RECORDS = "https://zenodo.org/api/records/"
DONE = "zenodo.json"  # in the folder: checksum of every file that is complete
CHUNK = 2**20  # bytes


@dataclass(frozen=True)
class RecordFile:
    """One file of a record."""

    name: str
    size: int  # bytes
    md5: str
    address: str


def read_files(record: str) -> tuple[RecordFile, ...]:
    """Return the files of a record by its number; raises DatasetError."""
    try:
        found = fetch_json(f"{RECORDS}{record}")
        files = [
            RecordFile(
                Path(str(file["key"])).name,
                int(file["size"]),
                str(file["checksum"]).removeprefix("md5:"),
                str(file["links"]["self"]),
            )
            for file in found["files"]
        ]
    except CheckpointError as error:
        raise DatasetError(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"Zenodo describes record {record} in another way than expected ({error!r}). Download its files "
            f"from https://zenodo.org/records/{record} in a browser."
        ) from error
    if not files:
        raise DatasetError(f"Zenodo lists no files of record {record}: they may be restricted.")
    return tuple(files)


def fetch_record(
    record: str, folder: Path, on_progress: OnBytes = lambda *_: None, keep: bool = False
) -> tuple[RecordFile, ...]:
    """Download the files of a record into a folder, unpack its archives there, and return the files.

    What an earlier call completed is left as it is. keep: keep the archives. on_progress: called with the
    bytes of all files, done and in all. Raises DatasetError and WriteError; another call goes on.
    """
    files = read_files(record)
    done = _read_done(folder)
    missing = [file for file in files if done.get(file.name) != file.md5]
    make_folder(folder)
    _check_space(missing, folder)
    total, before = sum(file.size for file in files), sum(file.size for file in files if file not in missing)
    for file in missing:
        path = folder / file.name
        if not path.is_file() or _md5(path) != file.md5:
            _download(file, path, record, lambda count, _, start=before: on_progress(start + count, total))
        if _unpack(path, folder) and not keep:
            path.unlink()
        done[file.name] = file.md5
        write_texts(folder, {DONE: json.dumps(done, indent=1)})
        before += file.size
        on_progress(before, total)
    return files


def _download(file: RecordFile, path: Path, record: str, on_progress: OnBytes) -> None:
    part = path.with_name(f".{file.name}{UNFINISHED}")
    otherwise = f"Wait and try again, or download it from https://zenodo.org/records/{record} in a browser."
    try:
        download(Wanted(file.address, (file.size, file.size), otherwise), part, on_progress)
    except CheckpointError as error:
        raise DatasetError(str(error)) from error
    if (found := _md5(part)) != file.md5:
        part.unlink()
        raise DatasetError(
            f"{file.name} is damaged: MD5 {found} instead of {file.md5}. Run the same command again, which "
            "downloads it anew."
        )
    os.replace(part, path)


def _unpack(path: Path, folder: Path) -> bool:
    """Unpack an archive into the folder; return False for a file that is none.

    Members that would lead out of the folder are refused. Raises DatasetError for a damaged archive.
    """
    kind = "zip" if zipfile.is_zipfile(path) else "tar" if tarfile.is_tarfile(path) else ""
    try:
        with writing(folder / path.name):
            if kind == "zip":
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(folder)  # without absolute paths and ..
            elif kind:
                with tarfile.open(path) as archive:
                    archive.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise DatasetError(f"{path} cannot be unpacked: {error}. Unpack it by hand.") from error
    return bool(kind)


def _check_space(files: Sequence[RecordFile], folder: Path) -> None:
    """Refuse before the work where the disk cannot hold the downloads and what is unpacked of them."""
    arrived = sum(
        path.stat().st_size
        for file in files
        for path in (folder / file.name, folder / f".{file.name}{UNFINISHED}")
        if path.is_file()
    )
    needed = 2 * sum(file.size for file in files) - arrived
    if (free := shutil.disk_usage(folder).free) < needed:
        raise DatasetError(
            f"About {needed / 1e9:.1f} GB are needed in {folder}, which has {free / 1e9:.1f} GB left. Free "
            "some space, or choose another folder with --out."
        )


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read_done(folder: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        found = read_json(folder / DONE)
        return {str(name): str(md5) for name, md5 in found.items()} if isinstance(found, dict) else {}
    return {}
