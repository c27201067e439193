"""Figures 6 and 7 of the paper for chosen clips, as PNG and PDF, at the foot of Inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from app.components.gradio_helpers import LIGHT, ONE_MODEL, error_notice, progress_report
from app.components.page_context import PageContext
from app.components.render import macro, render
from app.components.updates import UNCHANGED, Updates, connect
from app.services.clips import bundled, jpeg_uri
from app.services.models import available_models
from app.services.session import MODELS, VISITORS, Visitor, session_of
from avseg.errors import AvsegError, ConfigError
from avseg.figures.channels import channel_panel, draw_channels
from avseg.figures.clips import FigureClip, file_clip
from avseg.figures.drawing import write_figure
from avseg.figures.sheet import draw_sheet
from avseg.media.draw import shrink

CURRENT = "current"  # instead of the name of a bundled clip: the clip that the other tabs show
MOST_CLIPS, MOST_MODELS = 4, 6
SHOWN = 1800  # pixels, width of the picture on the page
JOB = "inside-figure"
TITLE = "Figures 6 and 7 of the paper, with your clips"
CAPTION = (
    "Figure 6: a frame with its ground truth, nine channels before and after the mixer, the mask with and "
    "without it. Figure 7: raw frames, ground truth and the masks of each model. On the command line: "
    "python -m avseg figure 6 CLIP CLIP."
)


@dataclass(frozen=True)
class FiguresLayout:
    """The components of the panel."""

    clips: gr.Dropdown
    models: gr.Dropdown
    six: gr.Button
    seven: gr.Button
    notice: gr.HTML
    picture: gr.HTML
    files: tuple[gr.DownloadButton, ...]  # PNG, PDF


@dataclass(frozen=True)
class FigureUpdates(Updates):
    """A drawn figure, or why there is none."""

    models: object = UNCHANGED
    notice: object = UNCHANGED
    picture: object = UNCHANGED
    files: object = UNCHANGED


def add(shared: PageContext) -> None:
    """Put the panel at the current place of the tab, and wire it."""
    layout = _build()
    for number, button in (("6", layout.six), ("7", layout.seven)):
        connect(
            button.click,
            draw,
            [gr.State(number), layout.clips, layout.models],
            FigureUpdates,
            layout,
            show_progress_on=shared.progress,
            api_visibility="private",
            **ONE_MODEL,
        )
    connect(shared.tab.select, list_models, None, FigureUpdates, layout, **LIGHT)


def _build() -> FiguresLayout:
    choices = [("The clip above", CURRENT), *((clip.title, name) for name, clip in bundled().items())]
    models, other = list(available_models()), list(bundled())[1]
    several = {"multiselect": True, "min_width": 240}
    with gr.Accordion(TITLE, open=False, elem_id="paper-figures"):
        gr.HTML(macro("hint", CAPTION))
        with gr.Row():
            clips = gr.Dropdown(
                choices, value=[CURRENT, other], label="Clips", max_choices=MOST_CLIPS, **several
            )
            label = "Models of Figure 7; Figure 6 takes the first"
            offered = gr.Dropdown(models, value=models[:1], label=label, max_choices=MOST_MODELS, **several)
        with gr.Row():
            size = {"size": "sm", "scale": 0, "min_width": 150}
            six, seven = gr.Button("Draw Figure 6", **size), gr.Button("Draw Figure 7", **size)
            files = tuple(gr.DownloadButton(kind, visible=False, **size) for kind in ("PNG", "PDF"))
        notice, picture = gr.HTML(visible=False), gr.HTML(visible=False)
    return FiguresLayout(clips, offered, six, seven, notice, picture, files)


def list_models() -> FigureUpdates:
    """Offer the models that exist now."""
    return FigureUpdates(models=gr.update(choices=list(available_models())))


def draw(
    number: str,
    clips: Sequence[str] | None,
    models: Sequence[str] | None,
    request: gr.Request = None,
    progress: gr.Progress = gr.Progress(),
) -> FigureUpdates:
    """Draw Figure 6 or 7 of the chosen clips and models; a failed one changes the notice only."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    report = progress_report(visitor.jobs.start(JOB), progress)
    try:
        if not clips or not models:
            raise ConfigError("Select at least one clip and one model.")
        names = list(models)[: 1 if number == "6" else MOST_MODELS]
        for name in names:
            MODELS.config(name)
        chosen, rows = [_clip(visitor, name) for name in clips[:MOST_CLIPS]], []
        for name in names:
            row = []
            for clip, index in chosen:
                done = len(rows) * len(chosen) + len(row)
                report(done / (len(names) * len(chosen)), f"{clip.title}, {name}")
                if number == "6":
                    row.append(MODELS.run(name, channel_panel, clip, index))
                else:
                    row.append(MODELS.predict(name, clip.clip))
            rows.append(row)
        figure = draw_channels(rows[0]) if number == "6" else draw_sheet([clip for clip, _ in chosen], rows)
        files = write_figure(figure, VISITORS.new_files(session, "figures"), f"figure-{number}")
    except AvsegError as error:
        return FigureUpdates(notice=error_notice(error))
    return FigureUpdates(
        notice=gr.update(visible=False),
        picture=gr.update(value=_shown(files[0], number), visible=True),
        files=[gr.update(value=str(path), visible=True) for path in files],
    )


def _clip(visitor: Visitor, name: str) -> tuple[FigureClip, int | None]:
    """Return a clip, and the frame that is selected in it: None for a bundled one."""
    result = visitor.result
    if name == CURRENT and result is not None and result.clip not in bundled():
        return FigureClip(result.title, result.prediction.clip, result.truth), result.frame
    index = None
    if name == CURRENT and result is not None:
        name, index = str(result.clip), result.frame
    if name not in bundled():
        raise ConfigError("There is no clip above yet. Select a bundled one.")
    if index is not None and result is not None and result.prediction.clip.fps != 1:
        index = None  # of other frames
    return file_clip(bundled()[name].path), index


def _shown(png: Path, number: str) -> str:
    with Image.open(png) as image:
        picture = shrink(np.asarray(image.convert("RGB")), SHOWN)
    return render("inside/templates/figure.html", uri=jpeg_uri(picture, 88), number=number)
