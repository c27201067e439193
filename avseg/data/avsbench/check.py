"""Checks a folder of AVSBench: its table, and every frame, mask and WAV file that the table requires."""

import string
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from avseg.data.avsbench.check_clip import ClipCheck
from avseg.data.avsbench.check_report import KINDS, CheckReport, Finding, summary, write_report
from avseg.data.avsbench.index import layout_of, locate, read_index
from avseg.data.avsbench.layout import SCENES, SPLITS, Entry
from avseg.files import is_visible

__all__ = ["KINDS", "CheckReport", "Finding", "check", "summary", "write_report"]


def check(
    root: Path | str, task: str, workers: int = 2, on_progress: Callable[[int, int], None] | None = None
) -> CheckReport:
    """Check one task of a data folder; every file is decoded, none is changed.

    workers: threads that read (decoding releases the GIL). on_progress: called with (clips done, clips in
    all). Raises ConfigError and DatasetError as `AVSBench` does.
    """
    folder = locate(root, task)
    entries = read_index(folder, task)
    findings = [*_of_counts(folder, task, entries), *_of_table(entries), *_of_videos(entries)]
    findings += _unlisted(folder, task, entries)
    valid = list({entry.name: entry for entry in reversed(entries) if _valid(entry)}.values())[::-1]
    files = Counter(frames=0, masks=0, sounds=0)
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        for done, result in enumerate(pool.map(lambda entry: ClipCheck(folder, entry).run(), valid), 1):
            findings += result.findings
            files += result.files
            if on_progress is not None:
                on_progress(done, len(valid))
    finally:
        pool.shutdown(cancel_futures=True)
    if files["masks"] and not files["filled"]:
        findings.append(
            Finding("no foreground", "", "", "", f"none of {files['masks']:,} masks has foreground")
        )
    listed = Counter(entry.split for entry in entries)
    return CheckReport(
        folder=str(folder),
        task=task,
        clips={split: listed[split] for split in dict.fromkeys((*SPLITS, *listed))},
        files={kind: files[kind] for kind in ("frames", "masks", "sounds")},
        findings=tuple(findings),
    )


def _valid(entry: Entry) -> bool:
    return entry.split in SPLITS and entry.subset in entry.layout.frames


def _of_counts(folder: Path, task: str, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield the splits whose size differs from AVSBench's; a note only for data that are plainly others."""
    listed, official = Counter(entry.split for entry in entries), layout_of(folder, task).official
    other = (folder / SCENES).exists() or 2 * len(entries) < sum(official.values())
    for split, count in official.items():
        if listed[split] != count:
            kind = "subset of clips" if other else "clip count"
            yield Finding(kind, split, "", "", f"{listed[split]:,} clips, AVSBench has {count:,}")


def _of_table(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield the findings about single rows of the table."""
    names: set[str] = set()
    for entry in entries:
        for kind, detail in _of_row(entry, entry.name in names):
            yield Finding(kind, entry.split, entry.name, "", detail)
        names.add(entry.name)


def _of_row(entry: Entry, repeated: bool) -> Iterator[tuple[str, str]]:
    if repeated:
        yield "listed twice", "an earlier row has the same name"
    if entry.split not in SPLITS:
        yield "unknown split", f"{entry.split!r}, expected {', '.join(SPLITS)}"
    if entry.subset not in entry.layout.frames:
        yield "unknown subset", f"{entry.subset!r}, expected {', '.join(entry.layout.frames)}"
    for name in () if entry.layout.own_classes else entry.unknown:
        yield "unknown label", f"{name!r} in {entry.annotation!r} is not one of AVSBench's 71 classes"
    if entry.layout.annotation and not entry.labels and not entry.unknown:
        yield "no label", f"{entry.annotation!r} names no visible sounding object"
    if not entry.layout.own_classes and set(entry.annotation) - set(string.ascii_lowercase + "-_"):
        yield "odd label", f"{entry.annotation!r} is read as {', '.join(entry.labels) or 'nothing'}"


def _of_videos(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield the clips of val and test whose source video has clips in another split."""
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in entries:
        names[entry.video].setdefault(entry.split, entry.name)
    for entry in entries:
        others = {split: name for split, name in names[entry.video].items() if split != entry.split}
        if others and entry.split != "train":
            clips = ", ".join(f"{name} in {split}" for split, name in others.items())
            detail = f"its video {entry.video} is also the source of {clips}"
            yield Finding("shared video", entry.split, entry.name, "", detail)


def _unlisted(folder: Path, task: str, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield folders of frames and masks, and WAV files, that belong to no clip of the table."""
    layout = layout_of(folder, task)
    if layout.shared_folders:
        return
    listed = {entry.sound for entry in entries}
    for entry in entries:
        listed.update(path.rpartition("/")[0] for path in (entry.frame(0), *(p for p, _ in entry.masks(0))))
    folders = (pattern.rpartition("/")[0] for pattern in (layout.frame, *(p for p, _ in layout.masks)))
    wildcards = dict.fromkeys(("name", "split", "annotation", "subset"), "*")
    for pattern in (*folders, layout.sound):
        for path in sorted(folder.glob(pattern.format(**wildcards))):
            relative = path.relative_to(folder).as_posix()
            if relative not in listed and all(is_visible(Path(name)) for name in relative.split("/")):
                yield Finding("unlisted files", "", "", relative, "the table does not list this clip")
