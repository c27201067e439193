"""The What if tab: change the sound or the model, and see the masks before and after beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr

from app.components import html as parts
from app.components.gradio_helpers import PRIVATE, TO_RESULT, failed
from app.components.page_context import PageContext
from app.components.player.player import WITH_THRESHOLD, Player
from app.components.text import STOPPED
from app.services.jobs import Cancelled
from app.services.models import available_models
from app.services.session import MODEL_QUEUE, VISITORS, Visitor, session_of
from app.whatif import html as figures
from app.whatif import text as words
from app.whatif.effect import Effect, ask, first_look, listener, mean_where, try_range
from app.whatif.players import both_players
from app.whatif.sidebar import Rail, build_rail, config_of, offer
from avseg.config import ModelConfig
from avseg.errors import AvsegError
from avseg.interventions.run import INTERVENTION, INTERVENTIONS, Change, Intervention, Parameter, read_change

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
FIRST_RANGE = "shift"


@dataclass(frozen=True)
class Stage:
    """The result."""

    notice: gr.HTML
    finding: gr.HTML
    stats: gr.HTML
    pairs: gr.HTML
    listen: gr.Button
    players: gr.Row
    both: tuple[Player, Player]
    effect: gr.State  # the last one, for the players
    row: gr.Dropdown
    try_all: gr.Button
    stop: gr.Button
    range: gr.HTML


def see(changes: Sequence[Change], clip: str | None, session: str, progress: gr.Progress) -> tuple:
    """Run the visitor's clip again under the changes, or `clip` when there is no result yet.

    Returns updates of the clip's dropdown, the header's context, notice, finding, stats, pairs, of the button
    and the row of the players and of the last effect; a failed run changes the notice only.
    """
    visitor = VISITORS.of(session)
    tick = listener(visitor, lambda share, said: progress(share, desc=said))
    try:
        if changes and visitor.result is None:
            visitor.result = first_look(clip or "", next(iter(available_models()), ""), tick)
        effect = ask(visitor.result, changes, tick)
    except AvsegError as error:
        return gr.skip(), gr.skip(), failed(error), *(gr.skip(),) * 6
    return (
        gr.update(visible=False),
        parts.context_of(effect.shown),
        gr.update(visible=False),
        figures.head(words.finding(effect), words.caption(effect)),
        gr.update(value=figures.stats(effect), visible=True),
        figures.effect_page(effect),
        gr.update(visible=True),
        gr.update(visible=False),
        effect,
    )


def listen(effect: Effect, request: gr.Request = None) -> tuple:
    """Show the players before and after; returns updates of notice, button, their row and both of them."""
    folder = VISITORS.of(session_of(request)).folder / "what-if"
    try:
        players = both_players(effect, folder)
    except AvsegError as error:
        return failed(error), *(gr.skip(),) * 4
    return gr.update(visible=False), gr.update(visible=False), gr.update(visible=True), *players


def see_range(
    change: Change, rest: Sequence[Change], clip: str | None, session: str, progress: gr.Progress
) -> tuple:
    """Run the visitor's clip over the whole range of one change; returns updates of notice and sweep."""
    visitor = VISITORS.of(session)
    tick = listener(visitor, lambda share, said: progress(share, desc=said))
    try:
        if visitor.result is None:
            visitor.result = first_look(clip or "", next(iter(available_models()), ""), tick)
        trial = try_range(visitor.result, change, rest, tick)
    except AvsegError as error:
        return failed(error), gr.skip()
    return gr.update(visible=False), gr.update(value=figures.range_page(trial), visible=True)


def choose_frame(event: gr.EventData, request: gr.Request = None) -> None:
    """Remember the frame that was chosen, for the sweep and the other tabs."""
    visitor = VISITORS.of(session_of(request))
    frame = (event._data or {}).get("frame")
    if visitor.result and isinstance(frame, int) and 0 <= frame < len(visitor.result.prediction.labels):
        visitor.result = replace(visitor.result, frame=frame)


def arrive(threshold: float | None = None, request: gr.Request = None) -> tuple:
    """Fit the tab to the visitor's result: threshold, ranges and rows; a clip to choose without one."""
    VISITORS.cut(session_of(request), threshold)
    visitor = VISITORS.of(session_of(request))
    fitted = _fit(visitor, config_of(visitor.result))
    return gr.update(visible=visitor.result is None), gr.update(choices=list(available_models())), *fitted


def choose_model(ticked: bool, other: str | None, request: gr.Request = None) -> list:
    """Fit ranges and rows to the model that will run: the other checkpoint while it is ticked."""
    visitor = VISITORS.of(session_of(request))
    return _fit(visitor, config_of(visitor.result, other if ticked else None))


def _fit(visitor: Visitor, config: ModelConfig) -> list:
    """Return updates of the sliders, of the model rows' ticks and of the sweep's rows for a model.

    They skip what is fitted already: an update that comes late takes back a tick made meanwhile.
    """
    bound = [one for row in INTERVENTIONS for one in row.parameters if _bound(one)]
    known, visitor.fitted = visitor.fitted or config_of(None), config
    if config == known:
        return [gr.skip()] * (len(bound) + sum(row.kind == "model" for row in INTERVENTIONS) + 1)
    sliders = [gr.update(maximum=one.range_in(config)[1]) for one in bound]
    ticks = [_offer(row, config) for row in INTERVENTIONS if row.kind == "model"]
    return [*sliders, *ticks, gr.update(choices=_ranged(config))]


def _bound(parameter: Parameter) -> bool:
    """Say whether the model decides the largest value."""
    return parameter.numeric and bool(parameter.high_from)


def _offer(row: Intervention, config: ModelConfig) -> dict:
    offered = offer(row, config)
    return gr.update(**offered) if offered["interactive"] else gr.update(value=False, **offered)


def _ranged(config: ModelConfig) -> list[tuple[str, str]]:
    return [(row.title, row.name) for row in INTERVENTIONS if row.swept and not row.lacks(config)]


def choose_range(name: str, request: gr.Request = None) -> str:
    """Return the words of the sweep's button for a row."""
    config = config_of(VISITORS.of(session_of(request)).result)
    return words.range_button(len(INTERVENTION[name].swept.values_in(config)))


def what_if(
    changes: list[str], clip: str = "dog-and-guitar", model: str = "tiny-ms3", fps: float = 1
) -> dict:
    """Segment a bundled clip as it is and under changes such as "mute", "shift=2", "swap=street-siren".

    Returns the finding in words, the mean IoU of before and after, and every frame's numbers. The changes are
    those of `python -m avseg what-if CLIP`; sounds come from the bundled clips.
    """
    try:
        effect = ask(first_look(clip, model, fps=fps), [read_change(change) for change in changes])
    except AvsegError as error:
        raise gr.Error(str(error)) from error
    c = effect.comparison
    names = [name for name in c.__dataclass_fields__ if getattr(c, name) is not None]
    frames = zip(*(getattr(c, name).round(6).tolist() for name in names), strict=True)
    return {
        "finding": words.finding(effect),
        "iou": round(mean_where(c.iou, c.before, c.after), 6),
        "frames": [dict(zip(names, frame, strict=True)) for frame in frames],
    }


def begin(request: gr.Request = None) -> tuple[dict, dict]:
    """Show Stop in place of a button, and let any earlier run of the visitor end."""
    VISITORS.of(session_of(request)).run = None
    return gr.update(visible=False), gr.update(visible=True)


def stop(request: gr.Request = None) -> tuple[dict, dict, dict]:
    """End the visitor's run at its next step; returns updates of the two buttons and the notice."""
    VISITORS.of(session_of(request)).run = None
    return *rest(), failed(Cancelled(STOPPED))


def rest() -> tuple[dict, dict]:
    """Show the button in place of Stop."""
    return gr.update(visible=True), gr.update(visible=False)


def add(shared: PageContext) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    context = shared.header
    with gr.Row(elem_classes="page", equal_height=False) as page:
        with gr.Column(scale=0, min_width=296, elem_classes=["sidebar", "wi-rail"]):
            rail = build_rail()
        with gr.Column(elem_classes="content", min_width=0):
            stage = _stage()
    _wire(rail, stage, page.parent, context)
    gr.api(what_if, api_name="what_if", concurrency_limit=1, concurrency_id=MODEL_QUEUE)


def _stage() -> Stage:
    notice = gr.HTML(visible=False, elem_id="wi-notice")
    finding = gr.HTML(figures.head(words.TITLE, words.FIRST_LINE), elem_id="wi-finding")
    stats = gr.HTML(visible=False, elem_id="wi-stats")
    with gr.Column(elem_classes=["card", "wi-card"]):
        pairs = gr.HTML(figures.empty(), elem_id="wi-pairs", js_on_load=SCRIPT)
    listen_to = gr.Button(words.LISTEN, visible=False, elem_id="wi-listen", size="sm")
    with gr.Row(visible=False, elem_id="wi-players", equal_height=False) as row_of_players:
        both = tuple(Player(label=name, min_width=0, together="what-if") for name in ("Before", "After"))
    with gr.Column(elem_classes=["card", "wi-card"], elem_id="wi-sweep"):
        with gr.Row(elem_classes="wi-ask"):
            row = gr.Dropdown(
                _ranged(config_of(None)),
                value=FIRST_RANGE,
                label="One change over its whole range",
                filterable=False,
                min_width=180,
            )
            count = len(INTERVENTION[FIRST_RANGE].swept.values_in(config_of(None)))
            try_all = gr.Button(words.range_button(count), scale=0, min_width=130, elem_id="wi-try")
            stopping = gr.Button("Stop", variant="stop", visible=False, scale=0, min_width=130)
        swept = gr.HTML(visible=False, elem_id="wi-range")
    listening = (listen_to, row_of_players, both, gr.State())
    return Stage(notice, finding, stats, pairs, *listening, row, try_all, stopping, swept)


def _wire(rail: Rail, stage: Stage, tab: gr.Tab, context: gr.HTML) -> None:
    model = {"concurrency_limit": 1, "concurrency_id": MODEL_QUEUE, "api_visibility": "private"}

    def run(form: dict, request: gr.Request, progress: gr.Progress = gr.Progress()) -> tuple:
        return see(rail.read(form), form[rail.clip], session_of(request), progress)

    def run_range(form: dict, request: gr.Request, progress: gr.Progress = gr.Progress()) -> tuple:
        change = rail.change(form[stage.row], form)
        return see_range(change, rail.read(form), form[rail.clip], session_of(request), progress)

    given = rail.inputs()
    page = [
        *(rail.clip, context, stage.notice, stage.finding, stage.stats, stage.pairs),
        *(stage.listen, stage.players, stage.effect),
    ]
    for handler, inputs, outputs, shown, pair in (
        (run, given, page, stage.pairs, [rail.go, rail.stop]),
        (
            run_range,
            {*given, stage.row},
            [stage.notice, stage.range],
            stage.range,
            [stage.try_all, stage.stop],
        ),
    ):
        started = pair[0].click(begin, None, pair, queue=False, **PRIVATE)
        running = started.then(handler, inputs, outputs, show_progress_on=shown, **model)
        to_result = TO_RESULT % "#wi-finding" if handler is run else None
        running.then(rest, None, pair, queue=False, js=to_result, **PRIVATE)
        pair[1].click(stop, None, [*pair, stage.notice], queue=False, cancels=[running], **PRIVATE)
    shown = [stage.notice, stage.listen, stage.players, *stage.both]
    stage.listen.click(listen, stage.effect, shown, api_visibility="private", show_progress_on=stage.listen)
    stage.row.input(choose_range, stage.row, stage.try_all, **PRIVATE)
    for told in (stage.pairs.select, *(player.seek for player in stage.both)):
        told(choose_frame, None, None, **PRIVATE)
    ticked, other = rail.ticks["checkpoint"], rail.values["checkpoint"][0]
    fitted = [
        *(
            rail.values[row.name][i]
            for row in INTERVENTIONS
            for i, one in enumerate(row.parameters)
            if _bound(one)
        ),
        *(rail.ticks[row.name] for row in INTERVENTIONS if row.kind == "model"),
        stage.row,
    ]
    threshold = gr.Number(visible=False)
    tab.select(arrive, threshold, [rail.clip, other, *fitted], js=WITH_THRESHOLD, **PRIVATE)
    for part in (ticked, other):
        part.input(choose_model, [ticked, other], fitted, **PRIVATE)
