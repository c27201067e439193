"""The handlers of What if, called without a server."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from app.services.handoff import WhatIfRequest
from app.services.jobs import Cancelled
from app.whatif import effect, handlers, html
from app.whatif.effect import run_changes, segment_bundled
from app.whatif.layout import swept_rows
from app.whatif.presets import PRESETS
from app.whatif.state import WhatIfState
from avseg.config import ModelConfig
from avseg.errors import ConfigError
from avseg.interventions.run import INTERVENTION, INTERVENTIONS, Change
from tests.support.small_model import SMALL

MUTE = [Change("mute")]
BARE = replace(SMALL, mixer="none", learnable_queries=False, encoder_layers=0)


def progress(*_: object, **__: object) -> None:
    """Take progress and do nothing with it."""


def test_mute_changes_headline_tiles_and_pictures(models):
    updates = handlers.run(MUTE, "dog-and-guitar", "me", progress)
    assert updates.play["visible"] and not updates.players["visible"]
    assert handlers.VISITORS.of("me").state(WhatIfState).effect.changes == tuple(MUTE)
    assert updates.notice["visible"] is False and updates.clip["visible"] is False
    assert "Dog and guitar" in updates.header
    assert "<h1>Without sound, the mask disappears (" in updates.finding
    assert "only the sound differs" in updates.finding and updates.stats["visible"]
    pairs = updates.pairs
    assert pairs.count("data:image/jpeg") == 3 * 5 + 2 and "silence" in pairs
    assert pairs.count("<button") == 3 + 5 and "Numbers per frame" in pairs
    result = handlers.VISITORS.of("me").result
    assert result.clip == "dog-and-guitar" and len(result.prediction.labels) == 5


def test_no_change_and_impossible_changes_only_set_the_notice(models):
    for changes, message in (
        ([], "Tick at least one change"),
        ([Change("swap", ("../../etc/passwd",))], "No bundled clip is called"),
        ([Change("checkpoint", ("/etc/passwd",))], "No model is called"),
        ([Change("mixer-off")], "change the sound"),
    ):
        updates = handlers.run(changes, "dog-and-guitar", "me", progress)
        assert message in updates.notice["value"] and 'role="alert"' in updates.notice["value"]
        assert updates.changes().keys() == {"notice"}
    assert "No bundled clip" in handlers.run(MUTE, "gone", "you", progress).notice["value"]


def test_stop_ends_a_run_and_leaves_the_page_as_it_is(models):
    visitor = handlers.VISITORS.of("local")
    visitor.result = segment_bundled("dog-and-guitar", "model")
    run, sweep = (handlers._reporter(visitor.jobs.start(job), progress) for job in ("what-if", "sweep"))
    updates = handlers.cancel("what-if")
    with pytest.raises(Cancelled):
        run(1, 5)
    sweep(1, 5)  # another job of the same visitor goes on
    assert "Stopped" in updates.notice["value"] and "error" not in updates.notice["value"]
    assert updates.changes().keys() == {"notice", "go", "stop"}
    handlers.begin("sweep")
    with pytest.raises(Cancelled):
        sweep(2, 5)


def test_a_request_whose_change_is_reported_again_goes_on(models):
    visitor = handlers.VISITORS.of("local")
    assert {"go", "stop"} <= handlers.begin_requested("what-if", (1, ("mute",))).changes().keys()
    run = handlers._reporter(visitor.jobs.start("what-if"), progress)
    assert handlers.begin_requested("what-if", (1, ("mute",))).changes() == {}
    assert handlers.begin_requested("what-if", None).changes() == {}
    run(1, 5)  # was not cancelled
    handlers.begin_requested("what-if", (2, ("shift=1",)))
    with pytest.raises(Cancelled):
        run(2, 5)


def test_a_sweep_has_a_picture_and_two_points_per_value(models):
    result = replace(segment_bundled("dog-and-guitar", "model"), frame=3)
    handlers.VISITORS.of("me").result = result
    updates = handlers.run_sweep(Change("gain", (5,)), [], None, "me", progress)
    assert updates.notice["visible"] is False
    drawn = updates.sweep
    assert drawn.count('class="wi-column') == 9 and drawn.count("<polyline") == 2
    assert "pictures: frame 4" in drawn and "wi-column wi-neutral" in drawn


def test_a_frame_is_selected_only_when_it_exists(models):
    visitor = handlers.VISITORS.of("local")
    visitor.result = segment_bundled("dog-and-guitar", "model")
    for data, expected in (
        ({"frame": 2}, 2),
        ({"frame": 99}, 2),
        ({"frame": "1"}, 2),
        (None, 2),
        ({"frame": 4}, 4),
    ):
        handlers.choose_frame(SimpleNamespace(_data=data))
        assert visitor.result.frame == expected


def test_rows_that_a_model_lacks_say_why_and_cannot_be_ticked():
    state = WhatIfState()
    ticks = handlers._fit(state, BARE).ticks
    offers = {update["info"]: update["interactive"] for update in ticks.values()}
    assert offers["This model has no mixer."] is False
    assert offers["This model has no encoder layer to skip."] is False
    assert offers[INTERVENTION["decoder-cut"].sentence] is True
    titles = dict(swept_rows(BARE))
    assert INTERVENTION["mixer-head"].title not in titles and INTERVENTION["shift"].title in titles
    fitted = handlers._fit(state, SMALL).ticks
    refused = {name for name, update in fitted.items() if not update["interactive"]}
    assert refused == {"tpavi-off", "tpavi-own"}
    again = handlers._fit(state, SMALL).changes()
    assert again == {"ticks": {}, "values": {}}  # a form that is fitted is left alone


@pytest.fixture
def config(monkeypatch):
    """The config that the form is built with, and the one of every result."""
    monkeypatch.setattr(handlers, "config_of", lambda *_: ModelConfig())
    monkeypatch.setattr(effect, "config_of", lambda *_: ModelConfig())


def test_a_request_ticks_exactly_its_changes_and_starts_their_run(models, config):
    visitor = handlers.VISITORS.of("local")
    visitor.hand_over(WhatIfRequest(("mute", "shift=2", "keep-queries=3")))
    updates = handlers.arrive()
    ticked = {name for name, update in updates.ticks.items() if update.get("value")}
    assert ticked == {"mute", "shift", "keep-queries"}
    assert updates.ticks.keys() == INTERVENTION.keys() and len(updates.ticks) == len(INTERVENTIONS)
    assert updates.values["shift", "seconds"]["value"] == 2
    assert updates.values["keep-queries", "count"]["value"] == 3
    assert updates.requested == (1, ("mute", "shift=2", "keep-queries=3"))
    later = handlers.arrive()  # a request is taken once; a later visit leaves the form alone
    assert not later.ticks and "requested" not in later.changes()
    visitor.hand_over(WhatIfRequest(("mute",), run=False))
    quiet = handlers.arrive()
    assert quiet.ticks["mute"]["value"] and "requested" not in quiet.changes()


def test_a_preset_ticks_exactly_its_change_and_runs_it(models, config):
    bar = html.presets_bar(ModelConfig(), None)
    changes = [preset.change for preset in PRESETS]
    sent = [change for change in changes if f"&#34;{change}&#34;" in bar]
    assert sent == ["mute", "swap=street-siren", "shift=1", "mixer-off"]
    for change in (*sent, "loud", ["mute"], None):
        event = SimpleNamespace(_data={"action": "preset", "value": change})
        updates = handlers.choose_preset(event)
        if change not in sent:
            assert not updates.changes()
            continue
        ticked = {name for name, update in updates.ticks.items() if update.get("value")}
        assert ticked == {change.split("=")[0]} and updates.requested[1] == (change,)
    bare = html.presets_bar(BARE, None)
    assert "mixer-off" not in bare and "mute" in bare


def test_a_preset_takes_the_sound_of_another_clip(models):
    result = segment_bundled("street-siren", "model")
    bar = html.presets_bar(ModelConfig(), result, [Change("mute")])
    assert "swap=dog-and-guitar" in bar and "swap=street-siren" not in bar
    assert bar.count('aria-pressed="true"') == 1


def test_the_tab_opens_with_a_sweep_that_makes_way(models, monkeypatch):
    visitor = handlers.VISITORS.of("local")
    visitor.result = segment_bundled("dog-and-guitar", "model")
    seconds = iter([9.0, 0.01, 0.01, 0.01])
    monkeypatch.setattr(effect.MODELS, "seconds_per_frame", lambda name: next(seconds))
    assert "requested_sweep" not in handlers.arrive().changes()  # it would take long
    assert handlers.arrive().requested_sweep[1] == "shift"
    state = visitor.state(WhatIfState)
    assert "requested_sweep" not in handlers.arrive().changes() and state.unasked  # it runs already
    token = visitor.jobs.start("sweep")
    handlers.begin("what-if")
    assert token.cancelled  # a run that was asked for goes first; the sweep follows it
    assert handlers.run(MUTE, None, "local", progress).requested_sweep[1] == "shift"
    assert not state.unasked or handlers.run_sweep(Change("shift"), (), None, "local", progress).sweep
    assert not state.unasked and state.swept is visitor.result.prediction
    state.swept = None
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert "requested_sweep" not in handlers.arrive().changes()


def test_the_sweep_of_a_link_is_run_with_its_row_selected(models, config):
    handlers.VISITORS.of("local").hand_over(WhatIfRequest((), run=False, sweep="gain=3"))
    updates = handlers.arrive()
    assert updates.requested_sweep[1] == "gain=3" and updates.swept_row["value"] == "gain"
    assert "requested" not in updates.changes()


def test_a_request_for_another_model_ticks_only_what_it_has(models, monkeypatch):
    configs = iter([BARE, ModelConfig()])
    monkeypatch.setattr(handlers, "config_of", lambda *_: next(configs))
    handlers.VISITORS.of("local").hand_over(WhatIfRequest(("mixer-off", "mute")))
    ticks = handlers.arrive().ticks
    assert ticks["mute"]["value"] and not ticks["mixer-off"]["value"]
    assert not ticks["mixer-off"]["interactive"] and not ticks["gain"]["value"]


def test_an_impossible_request_is_an_error(models, config):
    visitor = handlers.VISITORS.of("local")
    for words in ("shift=99", "loud"):
        visitor.hand_over(WhatIfRequest((words,)))
        updates = handlers.arrive()
        assert 'role="alert"' in updates.notice["value"] and not updates.ticks
        assert "requested" not in updates.changes()


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [("fps", value, "choose 1, 2, 4 or 8") for value in (30, 0.2, float("nan"), None, [1])]
    + [("clip", [], "No bundled clip"), ("clip", None, "No bundled clip")]
    + [("changes", value, "list of changes") for value in ([], "mute", None, [1], {"mute": 1})]
    + [("changes", ["mute", "mute"], "only once"), ("changes", ["shift=99"], "out of range")]
    + [("changes", ["swap=x"], "No bundled clip")],
)
def test_the_endpoint_checks_every_argument_before_work(argument, value, words, models, monkeypatch):
    monkeypatch.setattr(effect, "read_clip", None)
    with pytest.raises(gr.Error, match=words):
        handlers.what_if(**{"changes": ["mute"], "model": "model", argument: value})


def test_the_endpoint_answers_with_numbers(models):
    answer = handlers.what_if(["mute", "gain=-6"], "dog-and-guitar", "model")
    assert answer["finding"].startswith("With the sound at -6 dB and without sound")
    assert len(answer["frames"]) == 5 and answer["frames"][0]["after"] == 0
    with pytest.raises(ConfigError):
        run_changes(segment_bundled("dog-and-guitar", "model"), [Change("swap", ("/etc/passwd",))])


def test_players_get_new_files_while_the_earlier_ones_are_still_streamed(models):
    handlers.run(MUTE, "dog-and-guitar", "local", progress)
    first, second = handlers.play().after, handlers.play().after
    assert first.video != second.video and first.video.is_file() and second.video.is_file()
    assert first.pack != second.pack and first.pack.is_file()


def test_a_result_that_made_room_for_others_is_named_once(models):
    handlers.run(MUTE, "dog-and-guitar", "local", progress)
    visitor = handlers.VISITORS.of("local")
    visitor.release()
    assert visitor.state(WhatIfState).effect is None and visitor.held == 0
    updates = handlers.run(MUTE, "street-siren", "local", progress)
    assert "Your last result was removed" in updates.notice["value"] and updates.clip["visible"]
    assert not handlers.play().changes() and "notice" not in handlers.arrive().changes()
    assert "Street siren" in handlers.run(MUTE, "street-siren", "local", progress).header
