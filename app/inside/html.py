"""What stands above the map: the frames to pick from; and what stands there before any result."""

from html import escape

import numpy as np

from app.components.text import time_words
from app.inside.elements import pick
from app.services.clips import bundled, jpeg_uri, thumbnail
from app.services.session import ClipResult
from avseg.interpret.inspection import Inspection
from avseg.media.draw import resize

THUMBNAILS = 24  # in the row, at most
OFFERED = 3  # clips in the empty state
THUMBNAIL_WIDTH = 140

EMPTY = "One frame, followed through the model"
EMPTY_LINE = (
    "There is no result to look into yet. Pick a clip: it is segmented at one frame per second, and its "
    "frame with the largest mask opens here. Or segment a clip of your own in the first tab."
)


def head(shown: ClipResult, seen: Inspection) -> str:
    """Return the title, the row of frames and what was recorded."""
    total = len(shown.prediction.clip.frames)
    title = f"<h1>Frame {shown.frame + 1} of {total}, one forward pass</h1>"
    line = (
        f"{time_words(seen.moment)} of {shown.title} · {seen.model} · {seen.sites} places recorded in "
        f"{time_words(seen.seconds)}"
    )
    thumbs = "".join(_thumb(shown, index) for index in _row(total, shown.frame))
    return (
        f'<div class="inside-head">{title}<div class="frames" role="group" aria-label="Frame">{thumbs}</div>'
        f'<p class="caption">{escape(line)}</p></div>'
    )


def empty() -> str:
    """Return what stands on the tab before a first result."""
    return f'<div class="inside-head"><h1>{EMPTY}</h1></div>'


def offers() -> str:
    """Return the clips that can be looked into at once."""
    clips = list(bundled().values())[:OFFERED]
    buttons = "".join(
        pick(
            "clip",
            clip.name,
            f'<img src="{thumbnail(clip.name)}" alt=""><b>Look inside {escape(clip.title)}</b>'
            f"<span>{escape(clip.shows)}</span>",
            False,
            kind="offer",
        )
        for clip in clips
    )
    return f'<div class="offers"><p class="says">{EMPTY_LINE}</p><div>{buttons}</div></div>'


def _row(total: int, chosen: int) -> list[int]:
    """Return the frames in the row: all of them, or evenly spaced ones and the chosen one's neighbours."""
    if total <= THUMBNAILS:
        return list(range(total))
    near = {index for index in range(chosen - 2, chosen + 3) if 0 <= index < total}
    return sorted(near | {int(index) for index in np.linspace(0, total - 1, THUMBNAILS - 5)})


def _thumb(shown: ClipResult, index: int) -> str:
    clip = shown.prediction.clip
    frame = clip.frames[index]
    height = max(1, round(THUMBNAIL_WIDTH * frame.shape[0] / frame.shape[1]))
    uri = jpeg_uri(resize(frame, (height, THUMBNAIL_WIDTH)), quality=75)
    words = f"Look inside frame {index + 1}, at {time_words(float(clip.times[index]))}"
    return pick("frame", index, f'<img src="{uri}" alt="">', index == shown.frame, words, kind="thumb")
