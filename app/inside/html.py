"""What is above the map: the frames to select from, and clips to start with before any result."""

import numpy as np
from markupsafe import Markup

from app.components.render import render
from app.services.clips import bundled, jpeg_uri, thumbnail
from app.services.session import ClipResult
from app.services.wording import seconds
from avseg.interpret.inspection import Inspection
from avseg.media.draw import resize

THUMBNAILS, THUMBNAIL_WIDTH = 24, 140  # at most, and pixels
OFFERED = 3  # clips of the empty state
TITLE, LINE = "Inside the model", "One frame, followed through every part of the forward pass."


def head(result: ClipResult, inspection: Inspection) -> Markup:
    """Return the title, the row of frames and what was captured."""
    clip, total = result.prediction.clip, len(result.prediction.clip.frames)
    indices = list(range(total))
    if total > THUMBNAILS:  # evenly spaced ones, and the neighbours of the selected frame
        near = {index for index in range(result.frame - 2, result.frame + 3) if 0 <= index < total}
        indices = sorted(near | {int(index) for index in np.linspace(0, total - 1, THUMBNAILS - 5)})
    frames = []
    for index in indices:
        frame = clip.frames[index]
        height = max(1, round(THUMBNAIL_WIDTH * frame.shape[0] / frame.shape[1]))
        uri = jpeg_uri(resize(frame, (height, THUMBNAIL_WIDTH)), quality=75)
        frames.append((index, uri, seconds(float(clip.times[index]))))
    caption = (
        f"{seconds(inspection.moment)} of {result.title} · {inspection.model} · "
        f"{inspection.sites} activations captured in {seconds(inspection.seconds)}"
    )
    return render(
        "inside/templates/head.html", frame=result.frame, total=total, frames=frames, caption=caption
    )


def empty() -> Markup:
    """Return clips to start with."""
    clips = [(clip, thumbnail(clip.name)) for clip in list(bundled().values())[:OFFERED]]
    return render("inside/templates/empty.html", clips=clips)
