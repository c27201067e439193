"""Plans a conversion: reads a source as far as is needed to know which clips it gives, and checks all of it.

Recordings are cut into clips of one length; an incomplete rest is left out.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from avseg.data.avsbench.files import fit
from avseg.data.avsbench.index import read_index
from avseg.data.avsbench.layout import CONVERSION, LAYOUTS, SPLITS, VIDEO_ID, Entry
from avseg.data.avsbench.write import TASK_FOLDERS, GeneratedClip
from avseg.data.conversion.classes import ClassNames, read_classes
from avseg.data.conversion.kinds import KINDS, find_kind
from avseg.data.conversion.masks import VideoMasks, misfit
from avseg.data.conversion.own import OwnFiles, read_own
from avseg.data.conversion.pictures import NoSound, VideoPictures
from avseg.data.conversion.recording import Recording, digest
from avseg.data.labels import CLASSES
from avseg.errors import ConfigError, DatasetError
from avseg.files import is_visible, printable, read_json
from avseg.media.clip import FPS_RANGE, RELEASED_SLACK, fit_sound

HELD_OUT = 0.1  # of the recordings, for each of val and test
CHUNK = 32  # clips per process after which the table is written
MAX_FRAMES = 600  # of a clip


@dataclass(frozen=True)
class Source:
    """Where data come from, and how they are read."""

    folder: Path | None = None  # holds all parts under their usual names
    kind: str = ""  # a key of KINDS; "" for the one that the folder shows
    videos: Path | None = None  # a folder of videos, or of folders of frames
    masks: Path | None = None  # a folder of PNG folders or mask videos, or COCO's file
    sounds: Path | None = None  # a folder of sound files
    label: str = ""  # class of all foreground
    classes: Path | None = None  # a table of class names
    frame_rate: float = 0.0  # of folders of frames; 0: spread over their sound
    silence: bool = False  # recordings without sound are silent


@dataclass(frozen=True)
class Target:
    """What is written."""

    folder: Path
    task: str
    split: str = ""  # of all recordings; "": as the source says, else a tenth each in val and test
    seconds: float = 0.0  # of a clip; 0: those of the task's format
    fps: float = 1.0  # labelled frames per second

    @property
    def task_folder(self) -> Path:
        return self.folder / TASK_FOLDERS[self.task]


@dataclass(frozen=True)
class Piece:
    """One clip: a part of a recording."""

    recording: Recording
    name: str
    split: str
    start: float  # seconds
    seconds: float
    rate: float
    task: str

    @property
    def row(self) -> str:
        """Name of the clip in the table."""
        return f"{self.name}_0_{round(1000 * self.seconds)}" if self.task == "avss" else self.name

    def read(self) -> GeneratedClip:
        """Return the clip for `write_split`; raises ClipError and DatasetError."""
        part = self.recording.pictures.read(self.start, self.seconds, self.rate)
        size = LAYOUTS[self.task].size or part.frames.shape[1:3]
        frames = np.stack([fit(frame, size, smooth=True) for frame in part.frames])
        classes = self.recording.masks.read(part.moments, size)
        found = [CLASSES[k] for k in np.unique(classes) if 0 < k < len(CLASSES)]
        sounding = (self.recording.label,) if self.task == "s4" else tuple(found)
        sound, waveform = self.recording.sound, part.waveform
        if sound is not None or waveform is None:
            waveform = (sound or NoSound()).read(self.start, self.seconds)
        return GeneratedClip(
            self.name,
            frames,
            classes,
            fit_sound(waveform, self.seconds),
            sounding,
            rate=self.rate,
            every_mask=True,
            subset=self.recording.subset or "v2",
        )


@dataclass(frozen=True)
class Plan:
    """What a conversion will write, known before anything is written."""

    kind: str
    origin: str  # path of the source
    target: Target
    frames: int  # of a clip; 0: those of AVSS's subsets
    pieces: dict[str, list[Piece]]  # by split
    unused: tuple[str, ...]  # recordings too short for a clip
    notices: tuple[str, ...]
    settings: str  # what else decides the files of a clip

    @property
    def counts(self) -> dict[str, int]:
        """Clips of every split that has any."""
        return {split: len(pieces) for split, pieces in self.pieces.items() if pieces}

    @property
    def lines(self) -> list[str]:
        """The plan in words."""
        recordings = {piece.recording.identity for pieces in self.pieces.values() for piece in pieces}
        first = next(piece for pieces in self.pieces.values() for piece in pieces)
        counts = ", ".join(f"{split} {count}" for split, count in self.counts.items())
        lines = [
            f"{self.kind}: {len(recordings)} recordings, {sum(self.counts.values())} clips of "
            f"{self.target.task}, {first.seconds:g} s at {first.rate:g} frames per second: {counts}"
        ]
        for split, pieces in self.pieces.items():
            clips = Counter(piece.recording.name for piece in pieces)
            lines += [f"  {split}: {name}, {count} clips" for name, count in list(clips.items())[:LISTED]]
            lines += [f"  {split}: {len(clips) - LISTED} more"] if len(clips) > LISTED else []
        if self.unused:
            lines.append(f"  too short for a clip: {', '.join(self.unused[:LISTED])}")
        return [*lines, *(f"  {notice}" for notice in self.notices)]


LISTED = 20  # recordings of each split in the words of a plan


def plan(source: Source, target: Target) -> Plan:
    """Read a source as far as is needed to know what will be written, and check everything; writes nothing.

    Raises ConfigError and DatasetError.
    """
    _check_target(target)
    classes = read_classes(source.classes, source.label)
    kind, recordings = _read(source, target.task, classes)
    _check(recordings, source)
    if source.silence:
        recordings = [
            item if item.sound or item.pictures.has_sound else replace(item, sound=NoSound())
            for item in recordings
        ]
    whole = kind == "ddeseg" and target.task == "avss" and not target.seconds and target.fps == 1
    own_length = KINDS[kind].seconds or LAYOUTS[target.task].seconds
    seconds = target.seconds or own_length
    frames = 0 if whole else round(seconds * target.fps)
    if KINDS[kind].seconds and seconds * target.fps != KINDS[kind].seconds:
        raise ConfigError(
            f"{kind} has single images: its clips have {own_length:g} s. Leave out --seconds and --fps."
        )
    pieces: dict[str, list[Piece]] = {split: [] for split in SPLITS}
    unused: list[str] = []
    used: set[str] = set()
    for recording, split in zip(recordings, _splits(recordings, target.split), strict=True):
        length = float(LAYOUTS["avss"].frames[recording.subset]) if whole else seconds
        cut = _pieces(recording if whole else replace(recording, subset=""), length, split, target)
        pieces[split] += cut
        unused += [] if cut else [recording.name]
        if used & (names := {piece.name for piece in cut}):
            raise DatasetError(f"Two recordings would both become {min(used & names)}: rename one.")
        used |= names
    if not used:
        raise DatasetError(
            f"No recording lasts {seconds:g} s, the length of a clip of {target.task}. Choose --seconds."
        )
    settings = json.dumps([asdict(classes), kind, source.silence, source.frame_rate], default=str)
    notices = (*_notices(recordings), *_shared(pieces))
    made = Plan(kind, str(_place(source)), target, frames, pieces, tuple(unused), notices, settings)
    _check_folder(made)
    return made


def _check_target(target: Target) -> None:
    if target.split and target.split not in SPLITS:
        raise ConfigError(f"The split {target.split!r} does not exist; splits are {', '.join(SPLITS)}.")
    low, high = FPS_RANGE
    if not low <= target.fps <= high:
        raise ConfigError(f"--fps is {target.fps:g}; choose {low:g} to {high:g} frames per second.")
    seconds = target.seconds or LAYOUTS[target.task].seconds
    frames = seconds * target.fps
    if target.seconds < 0 or abs(frames - round(frames)) > 1e-6 or not 1 <= round(frames) <= MAX_FRAMES:
        raise ConfigError(
            f"Clips of {seconds:g} s at {target.fps:g} frames per second would have {frames:g} frames; "
            f"choose --seconds and --fps whose product is a whole number, 1 to {MAX_FRAMES}."
        )


def _read(source: Source, task: str, classes: ClassNames) -> tuple[str, list[Recording]]:
    """Return the kind of a source and its recordings."""
    if source.videos is not None and source.masks is not None:
        files = OwnFiles(source.videos, source.masks, source.sounds)
        if not files.masks.exists():
            raise DatasetError(f"There is neither a folder nor a COCO file {files.masks}.")
        return files.kind, read_own(files, task, classes, source.frame_rate)
    if source.folder is None:
        raise ConfigError("Name --source, a folder with everything, or both --videos and --masks.")
    if not source.folder.is_dir():
        raise DatasetError(f"The folder {source.folder} does not exist.")
    kind, own = find_kind(source.folder, source.kind, source.videos, source.masks, source.sounds)
    if own is not None:
        return kind, read_own(own, task, classes, source.frame_rate)
    read = KINDS[kind].read
    assert read is not None
    return kind, read(source.folder, task, classes)


def _check(recordings: Sequence[Recording], source: Source) -> None:
    """Raise DatasetError, which names them all, for recordings whose masks do not fit, or without sound."""
    problems = [f"{item.name}: {text}." for item in recordings if (text := misfit(item.masks, item.pictures))]
    if problems:
        raise DatasetError("\n".join(problems))
    silent = [item.name for item in recordings if item.sound is None and not item.pictures.has_sound]
    if silent and not source.silence:
        raise DatasetError(
            f"No sound was found for {', '.join(silent[:5])}{' ...' if len(silent) > 5 else ''}: put a sound "
            "file of the same name into a folder (--sounds), or make such clips silent (--silence)."
        )


def _check_folder(made: Plan) -> None:
    """Raise an error unless the output is empty, or holds conversions to clips of the same format."""
    target = made.target
    if not target.folder.exists():
        return
    if not target.folder.is_dir():
        raise ConfigError(f"{target.folder} is not a folder. Choose another output.")
    for path in target.folder.iterdir():
        own = path.name in TASK_FOLDERS.values() and (path / CONVERSION).is_file()
        if is_visible(path) and not own:
            raise ConfigError(
                f"{target.folder} contains {path.name}, which no conversion wrote. Choose an empty folder; "
                "`train` takes several: --data FIRST --data SECOND."
            )
    earlier = description(target)
    if earlier and (earlier.get("frames"), earlier.get("rate")) != (made.frames, target.fps):
        raise ConfigError(
            f"{target.task_folder} has clips of {earlier.get('frames')} frames at {earlier.get('rate')} per "
            f"second, not {made.frames} at {target.fps:g}. Choose another folder."
        )
    if not earlier:
        return
    split_of = {entry.video: entry.split for entry in listed(target.task_folder, target.task).values()}
    origins = earlier.get("origins", {})
    for split, pieces in made.pieces.items():
        for piece in pieces:
            name, video = piece.recording.name, piece.name[:VIDEO_ID]
            if (other := origins.get(video, made.origin)) != made.origin:
                raise DatasetError(
                    f"{target.folder} has clips of another {name}, from {other}. Rename one, or choose an "
                    "empty folder."
                )
            if not piece.recording.split and split_of.get(video, split) != split:
                raise DatasetError(
                    f"{name} is in {target.folder} already, in split {split_of[video]}, not {split}: a "
                    "source stays in one split. Name that split, or choose an empty folder."
                )


def description(target: Target) -> dict:
    """Return what an earlier conversion to the same folder says, {} without one."""
    path = target.task_folder / CONVERSION
    try:
        found = read_json(path)
        return found if isinstance(found, dict) else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is damaged ({error}). Choose another folder.") from None


def listed(folder: Path, task: str) -> dict[str, Entry]:
    """Return the clips that are in the table, by their names in it."""
    if not (folder / LAYOUTS[task].table).is_file():
        return {}
    return {entry.name: entry for entry in read_index(folder.resolve(), task)}


def _pieces(recording: Recording, seconds: float, split: str, target: Target) -> list[Piece]:
    """Return the clips of a recording; their names begin with eleven characters of its source's own."""
    stem = re.sub(r"[^\w-]+", "-", printable(recording.name, 100))
    origin = recording.identity
    own = origin if re.fullmatch(rf"[\w-]{{{VIDEO_ID}}}", origin) else digest(origin).hex()
    name = stem if stem == own else f"{own[:VIDEO_ID]}-{stem}"
    count = int((recording.pictures.duration + RELEASED_SLACK) / seconds + 1e-6)
    return [
        Piece(recording, f"{name}_{number}", split, number * seconds, seconds, target.fps, target.task)
        for number in range(count)
    ]


def _splits(recordings: Sequence[Recording], split: str) -> list[str]:
    """Return the split of every recording; those of one origin are in one."""
    if split:
        return [split] * len(recordings)
    free = dict.fromkeys(item.identity for item in recordings if not item.split)
    order = sorted(free, key=digest)
    count = max(1, round(HELD_OUT * len(order))) if len(order) >= 3 else 0
    chosen = dict.fromkeys(order[:count], "val") | dict.fromkeys(order[count : 2 * count], "test")
    return [item.split or chosen.get(item.identity, "train") for item in recordings]


def _shared(pieces: Mapping[str, Sequence[Piece]]) -> list[str]:
    """Return what to know about origins that the source's own splits put into several of them."""
    where: dict[str, set[str]] = defaultdict(set)
    for split, of_split in pieces.items():
        for piece in of_split:
            where[piece.recording.identity].add(split)
    several = [name for name, found in where.items() if len(found) > 1]
    if not several:
        return []
    return [
        f"{len(several)} origins, such as {several[0]}, are in several splits of the source, which are kept; "
        "val-leakfree and test-leakfree leave out their clips."
    ]


def _place(source: Source) -> Path:
    """Return what identifies a source."""
    place = source.videos or source.folder
    assert place is not None
    return place.resolve()


def _notices(recordings: Iterable[Recording]) -> tuple[str, ...]:
    """Return what whoever converts should know of the recordings."""
    notices = []
    for item in recordings:
        if isinstance(item.masks, VideoMasks) and item.masks.grey:
            notices.append(
                f"{item.name}: {item.masks.grey:.2%} of the mask video is neither black nor white, as after "
                "lossy compression; a brightness of 128 and more of 255 is foreground."
            )
        if isinstance(item.pictures, VideoPictures) and not item.pictures.is_steady:
            matched = "one per frame, matched by number" if len(item.masks) == item.pictures.count else ""
            timed = "matched by time" if isinstance(item.masks, VideoMasks) else matched
            notices.append(
                f"{item.name}: variable frame rate; its masks are {timed or 'spread evenly over its time'}."
            )
    return tuple(notices)
