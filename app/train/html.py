"""What the Train tab draws of runs."""

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from app.components.html import header_html
from app.components.render import macro, render
from app.services.clips import data_uri
from app.services.host import may_train
from app.services.permalink import address
from app.train.snapshot import Snapshot, finding, progress, speed
from avseg.files import read_bytes, visible

LOG_LINES = 40
DAMAGED = "Other runs are not affected. Restore the file from a copy, or delete the run."


def run_header(run: Snapshot) -> Markup:
    """Return the page's header for a run."""
    items = {"Run": run.name, "Epoch": f"{run.epoch} of {run.epochs}"}
    header = header_html(items, address=address(run=run.name))
    return header + macro("tag", run.state.name, run.state.state)


def run_head(run: Snapshot, live: bool) -> Markup:
    """Return the headline of a run, its state, its progress, and what to do about an error.

    live: some run is running, so the page asks for updates often.
    """
    return render(
        "train/templates/run.html",
        finding=finding(run),
        tag=macro("tag", run.state.name, run.state.state),
        progress=progress(run),
        percent=100 * run.share if run.state.status else 0,
        state=run.state,
        live=live if may_train() else None,  # where training is off, nothing changes
        example=run.example,
        damage=f"{run.damage} {DAMAGED}" if run.damage else "",
    )


def log(run: Snapshot) -> Markup:
    """Return the end of a run's log, and the last line of its console."""
    text = run.run.log_tail(LOG_LINES)
    if run.state.alive:
        text = "\n".join(filter(None, (text, run.run.console_tail(1))))
    elif run.state.state in ("failed", "killed"):
        text = text or run.run.console_tail()
    return render("train/templates/log.html", text=text or "The log is empty.", speed=speed(run))


def sample_sheets(run: Snapshot) -> list[Path]:
    """Return the pictures of the fixed validation clips in order, one sheet of frames per validation."""
    return [path for path in visible(run.run.samples.glob("*.jpg")) if path.stem.isdecimal()]


def samples(run: Snapshot, sheets: Sequence[Path], number: int) -> Markup:
    """Return the clips as predicted at validation `number`, from 1; 0 and numbers beyond the end: the newest.

    Every clip is a strip of its own, so that strips wrap as the page allows.
    """
    text, error, clips, picture = "", "", 0, ("", 1, 1)
    if sheets:
        number = number if 0 < number < len(sheets) else len(sheets)
        path = sheets[number - 1]
        step, steps = int(path.stem), run.history.validation_values("step").tolist()
        text = f"Validation {number} of {len(sheets)}, after step {step:,}"
        if step in steps:
            index = len(steps) - 1 - steps[::-1].index(step)
            miou, epoch = (run.history.validation_values(name)[index] for name in ("miou", "epoch"))
            text += f", epoch {epoch + 1:.0f}: mIoU {miou:.2f} over all validation clips"
        try:
            picture = _data_uri(path, path.stat().st_mtime_ns)
            clips = max(1, round(picture[2] / run.config.model.image_size)) if run.config else 1
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            error = f"The picture {path.name} cannot be read."
    uri, width, height = picture
    values = {"text": text, "error": error, "clips": clips, "uri": uri, "width": width, "height": height}
    return render("train/templates/samples.html", **values)


@lru_cache(maxsize=32)
def _data_uri(path: Path, _modified: int) -> tuple[str, int, int]:
    """Return a JPEG as a data URI with its width and height; raises ValueError, OSError or SyntaxError."""
    data = read_bytes(path)
    with Image.open(BytesIO(data)) as image:
        width, height = image.size
        image.verify()
    return data_uri(data), width, height
