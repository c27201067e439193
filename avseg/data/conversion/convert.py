"""Writes the clips of a plan in AVSBench's folder format.

A clip that is in the table and newer than its sources is not written again, so that a conversion continues
where it was interrupted.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from avseg.data.avsbench.layout import CONVERSION, VIDEO_ID, Entry
from avseg.data.avsbench.write import GeneratedClip, write_split
from avseg.data.conversion.plan import Piece, Plan, Source, Target, description, listed, plan
from avseg.files import make_folder, write_texts

CHUNK = 32  # clips per process after which the table is written


def write(
    made: Plan, workers: int = 1, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, int]:
    """Write the clips of a plan; return how many of each split were not there yet."""
    target, written = made.target, Counter[str]()
    earlier = description(target)
    done = listed(target.task_folder, target.task)
    same = earlier.get("settings") == made.settings
    since = float(earlier.get("since", 0.0)) if same else time.time()
    origins = {piece.name[:VIDEO_ID]: made.origin for pieces in made.pieces.values() for piece in pieces}
    about = {
        "task": target.task,
        "frames": made.frames,
        "rate": target.fps,
        "settings": made.settings,
        "since": since,  # clips written earlier have other settings
        "origins": {**earlier.get("origins", {}), **origins},
    }
    make_folder(target.task_folder)
    write_texts(target.task_folder, {CONVERSION: json.dumps(about)})
    total, ready = sum(made.counts.values()), 0
    for split, pieces in made.pieces.items():
        new = [
            piece for piece in pieces if not _is_done(piece, done.get(piece.row), target.task_folder, since)
        ]
        ready += len(pieces) - len(new)
        for first in range(0, len(new), CHUNK * workers):
            chunk = new[first : first + CHUNK * workers]

            def advance(count: int, _: int, before: int = ready) -> None:
                if on_progress is not None:
                    on_progress(before + count, total)

            write_split(
                target.task, split, target.folder, len(chunk), partial(_clip, chunk), advance, workers
            )
            ready += len(chunk)
            written[split] += len(chunk)
    return dict(written)


def convert(
    videos: Path,
    masks: Path,
    out: Path,
    task: str,
    split: str = "",
    label: str = "",
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write the clips of a folder of videos with masks below `out`; return how many each split has.

    split: train, val or test; by default a tenth of the videos each go to val and test, chosen by the hash of
    their names. label: class of all foreground. Raises DatasetError, before anything is written, for missing
    masks and unreadable videos.
    """
    made = plan(Source(videos=videos, masks=masks, label=label), Target(out, task, split))
    write(made, workers, on_progress)
    return made.counts


def _clip(pieces: Sequence[Piece], index: int) -> GeneratedClip:
    return pieces[index].read()


def _is_done(piece: Piece, entry: Entry | None, folder: Path, since: float) -> bool:
    """Return whether a clip is complete and newer than its sources and the settings."""
    if entry is None or entry.split != piece.split:
        return False
    files = [folder / entry.sound]
    files += [folder / entry.frame(moment) for moment in range(entry.frames)]
    files += [folder / entry.masks(moment)[0][0] for moment in range(entry.labelled)]
    try:
        return min(path.stat().st_mtime for path in files) > max(since, piece.recording.modified)
    except OSError:
        return False
