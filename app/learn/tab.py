"""The Learn tab: eight steps, each live on a bundled clip, with a question that its own numbers answer."""

from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr

from app.components import html as figures
from app.components.gradio_helpers import failed
from app.components.page_context import PageContext
from app.inside.tab import ENLARGED
from app.inside.tab import SCRIPT as CHOOSING
from app.learn import html as page
from app.learn import text as words
from app.learn.measurements import Runs
from app.learn.state import Place, moved
from app.learn.steps import STEPS, beside, opening_at, question_at, runs_at
from app.services.models import model_file
from app.services.session import MODEL_QUEUE, VISITORS, session_of
from avseg.checkpoints import read_card
from avseg.errors import AvsegError

HERE = Path(__file__).parent
SCRIPT = CHOOSING + HERE.joinpath("script.js").read_text(encoding="utf-8")
LEAD = HERE.joinpath("lead.js").read_text(encoding="utf-8")
# After another step the reader begins at its heading.
TO_TOP = "() => { const top = document.querySelector('#learn-head'); "
TO_TOP += "if (top.getBoundingClientRect().top < 0 || innerWidth < 720) top.scrollIntoView(); }"


@dataclass(frozen=True)
class Stage:
    """The open step, and where the reader stands."""

    place: gr.State
    rail: gr.HTML
    notice: gr.HTML
    head: gr.HTML
    text: gr.Markdown
    live: gr.HTML
    options: gr.Radio
    check: gr.Button
    verdict: gr.HTML
    back: gr.Button
    open: gr.Button
    next: gr.Button

    @property
    def outputs(self) -> list[gr.components.Component]:
        """Everything that `show` returns an update of, but the header's context."""
        return list(vars(self).values())


def show(place: Place) -> tuple:
    """Measure and show a step; returns updates of the stage in its order, and of the header's context.

    Where measuring fails only the rail, the notice and the text change.
    """
    step, question, opening = STEPS[place.step], question_at(place), opening_at(place)
    try:
        runs = runs_at(place)
        before = runs.seconds
        shown = step.live(runs, place)
        found = question.check(runs, place) if place.answer is not None else None
        context = _context(runs)
    except AvsegError as error:
        return place, page.rail(place), failed(error), gr.skip(), step.text, *(gr.skip(),) * 8
    options = gr.update(
        label=question.words,
        choices=[(words, index) for index, words in enumerate(question.options)],
        value=place.answer,
        visible=True,
    )
    return (
        place,
        page.rail(place),
        gr.update(visible=False),
        page.head(place, runs, runs.seconds - before),
        step.text,
        page.live(shown, opening),
        options,
        gr.update(visible=True),
        page.verdict(found, place.answer, question.options),
        gr.update(visible=beside(place, -1) is not None),
        gr.update(value=opening.words, visible=True),
        gr.update(visible=beside(place, 1) is not None),
        context,
    )


def arrive(place: Place) -> tuple:
    """Open the step at which the reader stands; returns what `show` does."""
    return show(place)


def go(place: Place, event: gr.EventData) -> tuple:
    """Open another step, or look at something else in this one; returns what `show` does."""
    return show(moved(place, event._data or {}, STEPS))


def back(place: Place) -> tuple:
    """Open the step before; returns what `show` does."""
    return show(replace(place, step=beside(place, -1) or place.step))


def forward(place: Place) -> tuple:
    """Open the step after; returns what `show` does."""
    return show(replace(place, step=beside(place, 1) or place.step))


def check(place: Place, answer: int | None) -> tuple:
    """Let the numbers answer what was chosen; returns what `show` does."""
    options = question_at(place).options
    if not isinstance(answer, int) or isinstance(answer, bool) or not 0 <= answer < len(options):
        said = figures.notices(["Choose one of the three answers first."])
        return *(gr.skip(),) * 2, gr.update(value=said, visible=True), *(gr.skip(),) * 10
    return show(place.answered(answer))


def hand_over(place: Place, request: gr.Request = None) -> None:
    """Put the step's clip, as it was measured, before the visitor, for the tab that opens next."""
    session, opening = session_of(request), opening_at(place)
    if opening.tab == "train":
        return
    try:
        shown = runs_at(place).at(place.frame if place.step == "hear" else None)
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    VISITORS.set_result(session, shown)
    VISITORS.of(session).look = replace(place.choice, view=opening.view) if opening.view else None


def add(shared: PageContext) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    context = shared.header
    with gr.Row(elem_classes="page", equal_height=False) as row:
        with gr.Column(scale=0, min_width=272, elem_classes=["sidebar", "ln-side"]):
            rail = gr.HTML(page.rail(Place()), elem_id="learn-rail", js_on_load=CHOOSING)
        with gr.Column(elem_classes="content", min_width=0):
            stage = _stage(rail)
    _wire(stage, row.parent, context)


def _stage(rail: gr.HTML) -> Stage:
    notice = gr.HTML(visible=False, elem_id="learn-notice")
    head = gr.HTML(page.waiting(), elem_id="learn-head")
    with gr.Row(elem_classes=["card", "ln-card"], equal_height=False):
        with gr.Column(elem_classes="ln-text", min_width=0):
            text = gr.Markdown(STEPS["task"].text, latex_delimiters=words.LATEX, elem_id="learn-text")
        with gr.Column(elem_classes="ln-figure", min_width=0):
            live = gr.HTML(page.measuring(), elem_id="learn-live", js_on_load=SCRIPT)
    with gr.Column(elem_classes=["card", "ln-ask"]):
        options = gr.Radio([], visible=False, elem_id="learn-options")
        checking = gr.Button(words.CHECK, variant="primary", visible=False, elem_id="learn-check")
        verdict = gr.HTML(elem_id="learn-verdict")
    with gr.Row(elem_classes="ln-turn"):
        back = gr.Button(words.BACK, visible=False, elem_id="learn-back", size="sm")
        opening = gr.Button("", visible=False, elem_id="learn-open", size="sm")
        following = gr.Button(words.NEXT, visible=False, elem_id="learn-next", size="sm")
    gr.HTML(ENLARGED, elem_id="learn-zoom")
    place = gr.State(Place())
    return Stage(place, rail, notice, head, text, live, options, checking, verdict, back, opening, following)


def _wire(stage: Stage, tab: gr.Tab, context: gr.HTML) -> None:
    private = {"api_visibility": "private"}
    model = {
        **private,
        "concurrency_limit": 1,
        "concurrency_id": MODEL_QUEUE,
        "show_progress": "minimal",
        "show_progress_on": stage.live,
        "trigger_mode": "always_last",
    }
    outputs = [*stage.outputs, context]
    tab.select(arrive, stage.place, outputs, **model)
    stage.rail.choose(go, stage.place, outputs, **model).then(None, js=TO_TOP)
    for event in (stage.live.choose, stage.live.frame):
        event(go, stage.place, outputs, **model)
    for button, handler in ((stage.back, back), (stage.next, forward)):
        button.click(handler, stage.place, outputs, **model).then(None, js=TO_TOP)
    stage.check.click(check, [stage.place, stage.options], outputs, **model)
    # A model may have to run before the other tab can show anything.
    handing = {**model, "show_progress_on": stage.open}
    stage.open.click(hand_over, stage.place, None, **handing).success(None, js=LEAD)


def _context(runs: Runs) -> str:
    card = read_card(model_file(runs.model))[1]
    return figures.context(runs.about.title, runs.model, card.weights)
