"""The kinds of sources that can be converted: how each is recognised and read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from avseg.data.conversion.classes import ClassNames
from avseg.data.conversion.own import OwnFiles, find_own
from avseg.data.conversion.public import is_ddeseg, is_synthetic, read_ddeseg, read_synthetic
from avseg.data.conversion.recording import Recording
from avseg.errors import ConfigError, DatasetError
from avseg.files import visible


@dataclass(frozen=True)
class Kind:
    """One kind of source."""

    expected: str  # what the folder holds
    found: Callable[[Path], bool] | None = None  # of a public layout; the others are found by `find_own`
    read: Callable[[Path, str, ClassNames], list[Recording]] | None = None
    seconds: float = 0.0  # of its clips; 0 where they can be chosen


KINDS: dict[str, Kind] = {
    "ddeseg": Kind("v1s/, v1m/ or v2/ with NAME/frames, labels_semantic and audios", is_ddeseg, read_ddeseg),
    "avs-synthetic": Kind("annotations.csv, images/, masks/ and audios/", is_synthetic, read_synthetic, 1.0),
    "coco": Kind("videos/ (or frames/) and one COCO file"),
    "png": Kind("videos/ (or frames/) and masks/NAME/*.png"),
    "mask-video": Kind("videos/ (or frames/) and masks/NAME.mp4"),
}


def find_kind(
    source: Path, kind: str, videos: Path | None, masks: Path | None, sounds: Path | None
) -> tuple[str, OwnFiles | None]:
    """Return the kind of a folder, and its parts for one's own files; named parts replace those found.

    Raises ConfigError for a kind that does not exist, DatasetError for a folder that is not of that kind.
    """
    if kind and kind not in KINDS:
        raise ConfigError(f"{kind!r} is not a kind of source; kinds are {', '.join(KINDS)}.")
    for name, row in KINDS.items():
        if row.found is not None and kind in ("", name) and row.found(source):
            return name, None
    files = None
    if not kind or KINDS[kind].found is None:
        if masks is not None and videos is None:
            own = find_own(source, "") or OwnFiles(source / "videos", masks, None)
            files = replace(own, masks=masks)
        else:
            files = find_own(source, kind)
    if files is not None:
        files = replace(files, videos=videos or files.videos, sounds=sounds or files.sounds)
        return files.kind, files
    names = [path.name for path in visible(source.iterdir())]
    contents = f"contains {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}" if names else "is empty"
    rows = [kind] if kind else KINDS
    expected = "; or ".join(f"{KINDS[name].expected} ({name})" for name in rows)
    raise DatasetError(f"{source} {contents}. Expected: {expected}. Or name --videos and --masks.")
