"""Patching between two clips, at the foot of Inside: which site carries the difference of their masks."""

from dataclasses import dataclass

import gradio as gr
import numpy as np

from app.components.gradio_helpers import ONE_MODEL, error_notice, progress_report
from app.components.page_context import PageContext
from app.components.render import macro, render
from app.components.updates import UNCHANGED, Updates, connect
from app.services.clips import MAX_SECONDS, bundled
from app.services.session import MODELS, VISITORS, session_of
from avseg.errors import AvsegError, ConfigError
from avseg.figures.patching import grid_of, write_patching
from avseg.interpret.patching import PAIRS, Patching, findings, patch
from avseg.media.clip import read_clip

JOB = "inside-patching"
FIRST = "street-siren"
TITLE = "Patch this frame with another clip: where is the mask decided?"
CAPTION = (
    "The model runs on the frame above, with one activation at a time replaced by what the same place "
    "computes on the other clip. A cell says which share of the change of the mask this recovers: at 1 the "
    "mask becomes that of the other clip, at 0 nothing changes. On the command line: python -m avseg patch "
    "CLIP_A CLIP_B."
)


@dataclass(frozen=True)
class PatchLayout:
    """The components of the panel."""

    clip: gr.Dropdown
    trace: gr.Button
    notice: gr.HTML
    grid: gr.HTML
    files: tuple[gr.DownloadButton, ...]  # CSV, PNG


@dataclass(frozen=True)
class PatchUpdates(Updates):
    """A grid, or why there is none."""

    notice: object = UNCHANGED
    grid: object = UNCHANGED
    files: object = UNCHANGED


def add(shared: PageContext) -> None:
    """Put the panel at the current place of the tab, and wire it."""
    with gr.Accordion(TITLE, open=False, elem_id="patching"):
        gr.HTML(macro("hint", CAPTION))
        with gr.Row():
            titles = [(clip.title, name) for name, clip in bundled().items()]
            clip = gr.Dropdown(titles, value=FIRST, label="Activations of", filterable=False)
            size = {"size": "sm", "scale": 0, "min_width": 150}
            trace = gr.Button("Patch every site", elem_id="patch-run", **size)
            files = tuple(gr.DownloadButton(kind, visible=False, **size) for kind in ("CSV", "PNG"))
        notice, grid = gr.HTML(visible=False), gr.HTML(visible=False, elem_id="patch-grid")
    layout = PatchLayout(clip, trace, notice, grid, files)
    options = {"show_progress_on": shared.progress, "api_visibility": "private", **ONE_MODEL}
    connect(trace.click, run, clip, PatchUpdates, layout, **options)


def run(clip: str | None, request: gr.Request = None, progress: gr.Progress = gr.Progress()) -> PatchUpdates:
    """Patch every site from a bundled clip into the selected frame of the visitor's result."""
    session = session_of(request)
    visitor = VISITORS.of(session)
    report = progress_report(visitor.jobs.start(JOB), progress)
    result = visitor.result
    try:
        if result is None:
            raise ConfigError("There is no frame above yet. Segment a clip first.")
        if clip not in bundled():
            raise ConfigError("Select the clip whose activations are taken.")
        target = result.prediction.clip
        source = read_clip(bundled()[clip].path, fps=target.fps, seconds=MAX_SECONDS)
        found = MODELS.run(
            result.model,
            patch,
            source,
            target,
            result.frame,
            on_frame=lambda done, total: report(done / total, f"Pass {done} of {total}"),
        )
        files = write_patching(found, VISITORS.new_files(session, "patching"))
    except AvsegError as error:
        return PatchUpdates(notice=error_notice(error))
    return PatchUpdates(
        notice=gr.update(visible=False),
        grid=gr.update(value=grid_html(found, bundled()[clip].title, result.title), visible=True),
        files=[gr.update(value=str(path), visible=True) for path in files],
    )


def grid_html(patching: Patching, source: str, target: str) -> str:
    """Return the grid as a table for each pair, with what it says above."""
    tables = []
    for index, pair in enumerate(patching.pairs):
        if np.isnan(patching.recovered[index]).all():  # the masks are the same, as a finding says
            continue
        sites, grid = grid_of(patching, index)
        shares = [[None if np.isnan(share) else float(share) for share in row] for row in grid]
        rows = list(zip(sites, shares))
        tables.append((PAIRS[pair], f"{patching.change[index]:.1%}", grid.shape[1], rows))
    return render(
        "inside/templates/patching.html",
        title=f"{source} into frame {patching.index + 1} of {target}, {patching.model}",
        findings=list(findings(patching)),
        tables=tables,
    )
