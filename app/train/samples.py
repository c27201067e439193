"""The fixed validation clips as a run predicted them: one sheet of frames per validation."""

import base64
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from app.components.render import render
from app.train.snapshot import Snapshot
from avseg.data.avsbench.layout import LAYOUTS


def sample_sheets(run: Snapshot) -> list[Path]:
    """Return the sheets of a run in order, one per validation."""
    return sorted(path for path in run.run.samples.glob("*.jpg") if path.stem.isdigit())


def samples_html(run: Snapshot, sheets: list[Path], number: int) -> Markup:
    """Return the clips at validation `number`, from 1; 0 and numbers beyond the end give the newest.

    Every clip is a strip of its own, so that strips wrap as the page allows.
    """
    text, error, clips, picture = "", "", 0, ("", 1, 1)
    if sheets:
        number = number if 0 < number < len(sheets) else len(sheets)
        path = sheets[number - 1]
        text = _description(run, int(path.stem), number, len(sheets))
        try:
            picture = _data_uri(path, path.stat().st_mtime_ns)
            seconds = LAYOUTS[run.config.model.task].seconds if run.config else 0
            clips = max(1, round(picture[2] * seconds / picture[1]))
        except (OSError, SyntaxError, ValueError):
            error = f"The picture {path.name} cannot be read."
    uri, width, height = picture
    values = {"text": text, "error": error, "clips": clips, "uri": uri, "width": width, "height": height}
    return render("train/templates/samples.html", **values)


def _description(run: Snapshot, step: int, number: int, count: int) -> str:
    steps = run.history.validation_values("step").tolist()
    text = f"Validation {number} of {count}, after step {step:,}"
    if step not in steps:
        return text
    index = len(steps) - 1 - steps[::-1].index(step)
    miou, epoch = (run.history.validation_values(name)[index] for name in ("miou", "epoch"))
    return f"{text}, epoch {epoch + 1:.0f}: mIoU {miou:.2f} over all validation clips"


@lru_cache(maxsize=32)
def _data_uri(path: Path, _modified: int) -> tuple[str, int, int]:
    """Return a JPEG as a data URI with its width and height; raises ValueError, OSError or SyntaxError."""
    data = path.read_bytes()
    with Image.open(BytesIO(data)) as image:
        width, height = image.size
        image.verify()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode(), width, height
