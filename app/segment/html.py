"""What the Segment tab draws; all images are inside the HTML, so no further file is served."""

from dataclasses import asdict

import numpy as np
from markupsafe import Markup

from app.components.html import header_html
from app.components.render import macro, render
from app.segment import text
from app.segment.opening import record
from app.segment.run import Timings
from app.services.additions import unimported
from app.services.clips import bundled, jpeg_uri, truth_of
from app.services.models import ADD_MODEL, ignored_files, model_info
from app.services.permalink import address
from app.services.session import MODELS, ClipResult
from avseg.devices import default_device
from avseg.interpret.marked_objects import MarkedObject, marked_objects
from avseg.interpret.marked_objects import finding as objects_finding
from avseg.interpret.mask_statistics import finding, measure
from avseg.interventions.compare import label_maps
from avseg.media.draw import resize

ADD = Markup(f'<button type="button" class="link" data-add-model>{ADD_MODEL}</button>')
POSTER_WIDTH, POSTER_HEIGHT = 536, 240  # pixels, at most; twice what the sidebar shows


def result_heading(result: ClipResult) -> Markup:
    """Return the finding of a result, the line below it, and notices about the clip and the model."""
    prediction, bundle = result.prediction, bundled().get(result.clip)
    objects = objects_of(result)
    drawn = bundle.kind == "drawn" if bundle else None if result.truth is not None else False
    return render(
        "segment/templates/finding.html",
        title=objects_finding(objects) if objects else finding(measure(prediction)),
        caption=text.caption(prediction, result.title),
        notices=[
            *(notice.text for notice in prediction.clip.notices),
            *map(_with_offer, text.model_notices(prediction, model_info(result.model)[0], drawn)),
        ],
    )


def _with_offer(sentence: str) -> Markup:
    """Return a notice about a model with what opens the panel that adds others."""
    return Markup("{} {}").format(sentence, ADD)


def objects_of(result: ClipResult) -> tuple[MarkedObject, ...]:
    """Return the objects of a bundled clip and when they are marked; none for others, and for AVSS."""
    if result.clip not in bundled() or result.truth is not None or result.prediction.task == "avss":
        return ()
    clip = result.prediction.clip
    times = tuple(float(clip.start + time) for time in clip.times)
    truth, in_view = (np.stack(truth_of(result.clip, times, silent)) for silent in (False, True))
    return marked_objects(label_maps(result.prediction), truth, in_view)


def clip_heading(title: str, shows: str) -> Markup:
    """Return the heading of a clip that was selected and not segmented yet."""
    return macro("heading", title, f"{shows} The masks appear here once it is segmented.")


def opening_heading() -> Markup:
    """Return what the page is for, and what made the result that it opens with."""
    clip = bundled()[record()["clip"]]
    kind = "drawn scene" if clip.kind == "drawn" else "composition of photographs"
    return render("segment/templates/opening.html", clip=clip.title, kind=kind, model=record()["model"])


def choice_header(title: str, model: str | None, clip: str | None = None) -> Markup:
    """Return the header for a clip and a model that were not run yet; clip: the name of a bundled one."""
    card = model_info(model)[0]
    where = address(clip=clip, model=model) if clip else ""
    return header_html({"Clip": title, "Model": card.name}, card.weights, where, upload=not where)


def clip_about(sentence: str, frame: np.ndarray | None = None) -> Markup:
    """Return the sentence about the selected clip, below one of its frames uint8 [h, w, 3] where given."""
    image = ""
    if frame is not None:
        scale = min(1.0, POSTER_WIDTH / frame.shape[1], POSTER_HEIGHT / frame.shape[0])
        image = jpeg_uri(resize(frame, (round(frame.shape[0] * scale), round(frame.shape[1] * scale))))
    return render("segment/templates/clip_about.html", text=sentence, image=image)


def model_card(name: str | None, fps: float, automatic: bool = False) -> Markup:
    """Return what is below the selected model: its card, and what a run at this frame rate will use.

    automatic: the page selected the model for the clip.
    """
    card, config = model_info(name)
    ignored = (f"{file} is not offered. {reason}" for file, reason in ignored_files().items())
    waiting = (Markup("{} is not imported yet. {}").format(path.name, ADD) for path in unimported())
    lines = (text.card_text(card, automatic), *ignored, *waiting)
    hint = Markup("").join(macro("hint", line) for line in lines)
    if config is None:
        return hint
    facts = {"cost": MODELS.cost(name), "seconds_per_frame": MODELS.seconds_per_frame(name)}
    facts |= {"measuring": MODELS.lacks_cost(name)}
    facts |= {"device": default_device(), "side": config.image_size, "fps": fps, "card": card}
    return hint + render("segment/templates/run_details.html", **facts)


def last_run(timings: Timings, result: ClipResult) -> Markup:
    """Return how long the parts of the last run took, and the command that does the same."""
    seconds = asdict(timings)
    facts = {"seconds": seconds, "total": sum(seconds.values()), "line": text.command(result)}
    return render("segment/templates/last_run.html", **facts)
