"""The bundled clips: what they are called, what they show, and a small picture of each."""

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from avseg.arguments import printed
from avseg.errors import ClipError
from avseg.figures.clips import truth_beside
from avseg.files import visible
from avseg.media.clip import read_clip
from avseg.media.draw import resize
from avseg.player.value import Lane, audible_lanes
from avseg.web.pictures import data_uri, jpeg_uri

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "clips"
# The first ones shown; clips that are not named here follow by name.
ORDER = ("kitchen-switch", "dog-and-guitar", "street-siren", "stage-duo", "bird-in-the-park")
THUMBNAIL_QUALITY = 80
THUMBNAIL = (148, 264)  # height, width; twice what the rail shows
POSTER_MOMENT = 1.2  # seconds
MAX_SECONDS = 60.0  # of a clip that the page takes
RATES = (1, 2, 4, 8)  # frames per second that the page offers
Kind = Literal["drawn", "photographs"]  # a drawn scene, or composed from photographs and recordings


@dataclass(frozen=True)
class Bundled:
    """One bundled clip."""

    name: str
    title: str
    shows: str  # one sentence
    seconds: float
    path: Path
    visible: tuple[str, ...]  # classes in view
    heard: tuple[tuple[str, ...], ...]  # audible classes of every second, on screen or not
    kind: Kind = "drawn"


@cache
def bundled() -> dict[str, Bundled]:
    """Return the clips of assets/clips by name, in the order of the page."""
    clips = {}
    rank = {name: number for number, name in enumerate(ORDER)}
    names = (path.stem for path in visible(FOLDER.glob("*.json")))
    for name in sorted(names, key=lambda name: (rank.get(name, len(rank)), name)):
        about = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        clips[name] = Bundled(
            name=name,
            title=about["title"],
            shows=about["shows"],
            seconds=float(about["seconds"]),
            path=FOLDER / f"{name}.mp4",
            visible=tuple(about["visible"]),
            heard=tuple(map(tuple, about["heard"])),
            kind=about.get("kind", "drawn"),
        )
    return clips


def source_of(clip: str | None, upload: str | None) -> Bundled | Path:
    """Return the selected clip, an upload first; only names of the table count as bundled clips.

    Raises ClipError when neither is given.
    """
    if upload:
        return Path(upload)
    if not isinstance(clip, str) or clip not in bundled():
        raise ClipError("No clip is selected. Select a bundled clip or upload a video.")
    return bundled()[clip]


def check_offered_rate(fps: object) -> None:
    """Raise ClipError unless the page offers this frame rate."""
    if isinstance(fps, bool) or fps not in RATES:
        raise ClipError(f"{printed(fps)} frames per second is not available here: choose 1, 2, 4 or 8.")


@cache
def thumbnail(name: str) -> str:
    """Return the small picture of a bundled clip, made by assets/clips/thumbnails.py, as a data URI."""
    try:
        data = (FOLDER / "thumbnails" / f"{name}.jpg").read_bytes()
    except OSError:  # a clip that was just added
        return jpeg_uri(draw_thumbnail(bundled()[name].path), THUMBNAIL_QUALITY)
    return data_uri(data)


def draw_thumbnail(video: Path) -> np.ndarray:
    """Return the small picture of a clip, uint8 [H, W, 3]."""
    clip = read_clip(video, fps=2, start=POSTER_MOMENT, seconds=0.5)
    return resize(clip.frames[0], THUMBNAIL)


@lru_cache(maxsize=32)
def truth_of(name: str, moments: tuple[float, ...], silent: bool = False) -> tuple[np.ndarray, ...]:
    """Return the ground truth of a bundled clip at moments of its file, s: classes, uint8 [360, 640].

    silent: of everything in view, sounding or not.
    """
    found = truth_beside(bundled()[name].path, moments, silent=silent)
    assert found is not None  # every bundled clip has a description
    return found


def lanes_of(clip: Bundled, start: float, duration: float) -> tuple[Lane, ...]:
    """Return the audible classes in a range of a bundled clip."""
    return audible_lanes(clip.heard, clip.visible, start, duration)
