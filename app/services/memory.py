"""How many bytes of arrays an object holds, the budget for all visitors, and arrays that lie on disk."""

import mmap
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from avseg.errors import ConfigError
from avseg.media.clip import Clip
from avseg.predict import Prediction

DEFAULT_BUDGET = "2GB"
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
SPILLED = 4_000_000  # bytes from which an array of a result goes to disk
OURS = ("app.", "avseg.")


def budget() -> int:
    """Return the bytes that all visitors' results may hold together: AVSEG_MEMORY, such as 800MB or 4GB.

    Raises ConfigError for anything else.
    """
    return size_of(os.environ.get("AVSEG_MEMORY") or DEFAULT_BUDGET)


def size_of(text: str) -> int:
    """Return the bytes of a size such as 800MB; raises ConfigError for anything else."""
    number, unit = text.strip().upper()[:-2].strip(), text.strip().upper()[-2:]
    if unit not in UNITS or not number.replace(".", "", 1).isdecimal() or float(number) <= 0:
        raise ConfigError(f"AVSEG_MEMORY is {text!r}, which is not a size such as 800MB or 4GB.")
    return int(float(number) * UNITS[unit])


def array_bytes(*roots: object) -> int:
    """Return the bytes of all arrays and tensors that objects of ours hold, each buffer once.

    Looks into containers and into instances of the classes of this project, not into modules or functions.
    """
    seen: set[int] = set()
    buffers: dict[int, int] = {}  # of the largest view of each
    pending: list[object] = list(roots)
    while pending:
        item = pending.pop()
        if item is None or isinstance(item, str | bytes | int | float | bool | Path) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            owner = id(_owner(item))
            buffers[owner] = max(buffers.get(owner, 0), item.nbytes)
        elif isinstance(item, dict):
            pending += [*list(item), *list(item.values())]  # a copy: other threads may change it
        elif isinstance(item, list | tuple | set | frozenset):
            pending += list(item)
        elif type(item).__module__.startswith("torch") and hasattr(item, "untyped_storage"):
            buffers[id(item)] = item.untyped_storage().nbytes()
        elif type(item).__module__.startswith(OURS) and not isinstance(item, type):
            pending += list(getattr(item, "__dict__", {}).values())
    return sum(buffers.values())


def spilled(prediction: Prediction, folder: Path) -> Prediction:
    """Return a prediction whose big arrays are maps of temporary files: their memory can be reclaimed.

    The files are in `folder` without a name, and go with the last array that uses them. Where the disk is
    full, the arrays stay in memory.
    """
    clip = on_disk(prediction.clip, folder)
    probability, labels = (_to_disk(a, folder) for a in (prediction.probability, prediction.labels))
    return replace(prediction, clip=clip, probability=probability, labels=labels)


def on_disk(clip: Clip, folder: Path) -> Clip:
    """Return a clip whose frames are on disk where they are big; see `spilled`."""
    return replace(clip, frames=_to_disk(clip.frames, folder))


def _to_disk(array: np.ndarray, folder: Path) -> np.ndarray:
    if array.nbytes < SPILLED or isinstance(_owner(array).base, mmap.mmap):
        return array
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            array.tofile(file)  # a full disk is an error here, and would end the process in a map
            file.flush()
            return np.asarray(np.memmap(file, array.dtype, "c", shape=array.shape))
    except OSError:
        return array


def _owner(array: np.ndarray) -> np.ndarray:
    """Return the array whose memory this one uses."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
