"""The fixed validation clips as a run predicted them: one sheet of pictures per evaluation."""

import base64
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image

from app.components.html import notices
from app.train.html import titled
from app.train.watched import Watched
from avseg.data.avsbench.layout import LAYOUTS

TITLE = "The same validation clips at every evaluation"
KEY = (
    "A strip per clip, a picture per second; ground truth in white. "
    '<span class="tr-click">A click makes them larger or smaller.</span>'
)
TO_COME = "Up to four validation clips appear here after every evaluation, always the same."


def evaluations(one: Watched) -> list[Path]:
    """Return the pictures of the fixed validation clips, one per evaluation, in order."""
    return sorted(path for path in one.run.samples.glob("*.jpg") if path.stem.isdigit())


def sheet(one: Watched, there: list[Path], number: int) -> str:
    """Return the clips at evaluation `number` (from 1, 0 or beyond takes the last) of those there are.

    Every clip is a strip of its own, so that they stand beside each other or below, as there is room.
    """
    if not there:
        return titled(TITLE, "", f'<p class="tr-hint">{TO_COME}</p>')
    number = number if 0 < number < len(there) else len(there)
    path = there[number - 1]
    said = _words(one, int(path.stem), number, len(there))
    seconds = LAYOUTS[one.config.model.task].seconds if one.config else 0
    try:
        uri, width, height = _picture(path, path.stat().st_mtime_ns)
    except (OSError, SyntaxError, ValueError):
        return titled(TITLE, said, notices([f"The picture {path.name} cannot be read."], "error"))
    clips = max(1, round(height * seconds / width)) if seconds else 1
    strips = "".join(
        f'<i style="aspect-ratio:{width * clips}/{height};background-size:100% {100 * clips}%;'
        f'background-position-y:{100 * clip / max(1, clips - 1):.2f}%"></i>'
        for clip in range(clips)
    )
    return titled(
        TITLE,
        said,
        f'<button type="button" class="tr-sheet" data-larger aria-label="{escape(said)}" '
        f'style="--sheet:url({uri})">{strips}</button><p class="tr-hint">{KEY}</p>',
    )


def _words(one: Watched, step: int, number: int, count: int) -> str:
    steps = one.course.of_checks("step").tolist()
    said = f"Evaluation {number} of {count}, after step {step:,}"
    if step not in steps:
        return said
    place = len(steps) - 1 - steps[::-1].index(step)
    found, epoch = (one.course.of_checks(name)[place] for name in ("miou", "epoch"))
    return f"{said}, epoch {epoch + 1:.0f}: mIoU {found:.2f} over all validation clips"


@lru_cache(maxsize=32)
def _picture(path: Path, _written: int) -> tuple[str, int, int]:
    """Return a picture as a data URI, its width and its height; raises for anything that is no picture."""
    data = path.read_bytes()
    with Image.open(BytesIO(data)) as image:
        width, height = image.size
        image.verify()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode(), width, height
