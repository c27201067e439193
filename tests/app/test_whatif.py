"""The What if tab: its handlers without a server, and the page in a browser."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from app.services import session
from app.services.jobs import Cancelled
from app.services.session import Visitor
from app.whatif import effect, tab
from app.whatif import html as figures
from app.whatif import sidebar as rail
from app.whatif import text as words
from app.whatif.effect import ask, first_look, mean_where, try_range
from avseg.checkpoints import Card
from avseg.errors import ConfigError
from avseg.interventions.run import INTERVENTION, INTERVENTIONS, Change
from avseg.predict import Predictor
from tests.browser.test_page import QUICK, WAIT, page  # noqa: F401 (a fixture)
from tests.support.small_model import SMALL
from tests.support.stand_in_model import BrightAndLoud

SKIP = {"__type__": "update"}
MUTE = [Change("mute")]


@pytest.fixture
def models(monkeypatch):
    """Two models: `model` masks what is bright while it hears something, `other` never marks anything."""
    monkeypatch.setattr(tab, "VISITORS", session.Visitors())
    deaf = BrightAndLoud()
    forward = deaf.forward

    def nothing(frames, log_mel):
        output = forward(frames, log_mel)
        output.logits = output.logits - 99
        return output

    deaf.forward, deaf.card = nothing, Card("other", "random")
    found = {"model": Predictor(BrightAndLoud(), "cpu"), "other": Predictor(deaf, "cpu")}
    monkeypatch.setattr(session.MODELS, "_predictor", found.__getitem__)
    for module in (tab, effect, rail):
        monkeypatch.setattr(module, "available_models", lambda: dict.fromkeys(found))
    found["model"].model.card = Card("model", "random")


def told(*_: object, **__: object) -> None:
    """Take progress and do nothing with it."""


def test_mute_in_words_figures_and_pictures(models):
    clip, context, notice, finding, stats, pairs, listen, players, found = tab.see(
        MUTE, "dog-and-guitar", "me", told
    )
    assert listen["visible"] and not players["visible"] and found.changes == tuple(MUTE)
    assert notice == SKIP | {"visible": False} and clip["visible"] is False and "Dog and guitar" in context
    assert "<h1>Without sound, " in finding and "no longer marked" in finding
    assert "only the sound is another one" in finding and stats["visible"]
    assert pairs.count("data:image/jpeg") == 3 * 5 + 2 and "silence" in pairs
    assert pairs.count("<button") == 3 + 5 and "Numbers of 5 frames" in pairs
    shown = tab.VISITORS.of("me").result
    assert shown.clip == "dog-and-guitar" and len(shown.prediction.labels) == 5


def test_nothing_chosen_and_impossible_changes_are_said(models):
    for changes, said in (
        ([], "Nothing is chosen yet"),
        ([Change("swap", ("../../etc/passwd",))], "No bundled clip is called"),
        ([Change("checkpoint", ("/etc/passwd",))], "No model is called"),
        ([Change("mixer-off")], "change the sound"),
    ):
        result = tab.see(changes, "dog-and-guitar", "me", told)
        assert said in result[2]["value"] and 'role="alert"' in result[2]["value"]
        assert all(update == SKIP for update in (*result[:2], *result[3:]))
    assert "No bundled clip" in tab.see(MUTE, "gone", "you", told)[2]["value"]


def test_stop_ends_a_run_and_leaves_the_page_as_it_is(models):
    tab.VISITORS.of("me").result = first_look("dog-and-guitar", "model")
    tick = effect.listener(tab.VISITORS.of("me"), told)
    tab.VISITORS.of("me").run = None
    with pytest.raises(Cancelled):
        tick(1, 5)
    assert "Stopped" in tab.stop()[2]["value"]


def test_another_checkpoint_is_one_more_change(models):
    shown = first_look("stage-duo", "model")
    found = ask(shown, [Change("checkpoint", ("other",))])
    assert found.before.model == "model" and found.after.model == "other" and not found.after.labels.any()
    assert words.finding(found).startswith(
        "As other sees it, "
    ) and "the weights are others" in words.caption(found)


def test_a_range_has_a_picture_and_two_points_per_value(models):
    tab.VISITORS.of("me").result = replace(first_look("dog-and-guitar", "model"), frame=3)
    notice, swept = tab.see_range(Change("gain", (5,)), [], None, "me", told)
    assert notice == SKIP | {"visible": False} and swept["visible"]
    assert swept["value"].count('class="wi-column') == 9 and swept["value"].count("<polyline") == 2
    assert "pictures: frame 4" in swept["value"] and "wi-column wi-own" in swept["value"]
    trial = try_range(tab.VISITORS.of("me").result, Change("gain"), MUTE)
    assert "Gain in dB" not in words.range_title(trial) or "without sound" in words.range_title(trial)
    assert not trial.sweep.predictions[0].labels.any()


def test_a_frame_is_believed_only_when_it_is_there(models):
    from types import SimpleNamespace

    visitor = tab.VISITORS.of("local")
    visitor.result = first_look("dog-and-guitar", "model")
    for data, expected in (
        ({"frame": 2}, 2),
        ({"frame": 99}, 2),
        ({"frame": "1"}, 2),
        (None, 2),
        ({"frame": 4}, 4),
    ):
        tab.choose_frame(SimpleNamespace(_data=data))
        assert visitor.result.frame == expected


def test_the_mean_is_over_frames_that_are_marked():
    iou, before, after = np.array([0.5, 1, 0]), np.array([0.1, 0, 0]), np.array([0.2, 0, 0.3])
    assert mean_where(iou, before, after) == pytest.approx(0.25)
    assert mean_where(iou, np.zeros(3), np.zeros(3)) == 1


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ([1, 1, 0, 0], [0, 1, 1, 1], "leaves frame 1 and appears in frames 3 and 4"),
        ([1, 1, 1, 1], [1, 0, 1, 1], "leaves frame 2"),
        ([0] * 9, [1] * 6 + [0] * 3, "appears in 6 frames"),
    ],
)
def test_frames_in_words(was, now, said):
    assert words._moves(np.array(was, bool), np.array(now, bool)) == said


def test_a_visitors_own_clip_has_no_ground_truth(models):
    shown = replace(first_look("dog-and-guitar", "model"), clip=None)
    found = ask(shown, [Change("gain", (0,))])
    assert found.known is None and words.stats(found)[2][:2] == ("none", "IoU with ground truth")
    assert "stays as it is (IoU 1.00)" in words.finding(found)
    assert "ground truth" not in figures.effect_page(found)


def test_labels_of_a_data_set_are_its_ground_truth(models):
    shown = replace(first_look("dog-and-guitar", "model"), clip=None)
    labels = tuple(np.full((9, 16), k % 2, np.uint8) for k in range(5))
    found = ask(replace(shown, truth=labels), [Change("gain", (0,))])
    assert found.known.in_view is None and found.comparison.truth.tolist() == [0, 1, 0, 1, 0]
    assert len(words.stats(found)) == 3 and words.stats(found)[2][1] == "IoU with ground truth"
    assert ask(replace(shown, truth=(*labels[:4], None)), [Change("gain", (0,))]).known is None


def test_rows_that_a_model_lacks_say_why_and_cannot_be_ticked():
    bare = replace(SMALL, mixer="none", learnable_queries=False, encoder_layers=0)
    offers = {
        update["info"]: update["interactive"]
        for update in tab._fit(Visitor(Path()), bare)
        if isinstance(update.get("info"), str)
    }
    assert (
        offers["This model has no mixer."] is False
        and offers["This model has no encoder layer to skip."] is False
    )
    assert offers[INTERVENTION["decoder-cut"].sentence] is True
    titles = dict(tab._ranged(bare))
    assert INTERVENTION["mixer-head"].title not in titles and INTERVENTION["shift"].title in titles
    visitor = Visitor(Path(), fitted=bare)
    assert all(update.get("interactive", True) for update in tab._fit(visitor, SMALL))
    assert all(update == gr.skip() for update in tab._fit(visitor, SMALL))  # what is fitted is left alone


def test_the_endpoint_answers_with_numbers(models):
    answer = tab.what_if(["mute", "gain=-6"], "dog-and-guitar", "model")
    assert answer["finding"].startswith("With the sound at -6 dB and without sound")
    assert len(answer["frames"]) == 5 and answer["frames"][0]["after"] == 0
    with pytest.raises(ConfigError):
        ask(first_look("dog-and-guitar", "model"), [Change("swap", ("/etc/passwd",))])


# In a browser


def open_tab(page) -> None:  # noqa: F811
    page.click("button[role=tab]:has-text('What if')")
    page.wait_for_selector("#wi-go", timeout=QUICK)


def tick(page, *names: str) -> None:  # noqa: F811
    for name in names:
        page.click(f"#wi-{name} input[type=checkbox]")


def see(page) -> str:  # noqa: F811
    """Press the button; returns the sentence of the screen."""
    before = page.inner_text("#wi-finding .prose")
    page.click("#wi-go")
    page.wait_for_function(
        "before => document.querySelector('#wi-finding .prose').innerText !== before",
        arg=before,
        timeout=WAIT,
    )
    page.wait_for_selector("#wi-go", timeout=QUICK)
    return page.inner_text("#wi-finding .prose")


def test_every_row_stands_on_the_page_and_mute_empties_the_mask(page):  # noqa: F811
    open_tab(page)
    for row in INTERVENTIONS:
        assert row.title in page.inner_text(f"#wi-{row.name}")
    tick(page, "mute")
    assert "Without sound" in see(page) and "no longer marked" in page.inner_text("#wi-finding h1")
    assert page.inner_text("#wi-stats b >> nth=0") == "0.00"
    assert page.locator(".wi-before img[data-frame]:visible").count() == 1
    colours = page.evaluate(
        """() => ['before', 'after'].map(side => {
            const image = document.querySelector(`.wi-${side} img[data-frame]:not([hidden])`);
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const paint = canvas.getContext('2d');
            paint.drawImage(image, 0, 0);
            const data = paint.getImageData(0, 0, canvas.width, canvas.height).data;
            let orange = 0;
            for (let i = 0; i < data.length; i += 4)
                if (data[i] > 190 && data[i + 1] > 110 && data[i + 2] < 60) orange += 1;
            return orange;
        })"""
    )
    assert colours[0] > 500 > 100 > colours[1]
    # Another frame, then the other views: all without a model.
    page.click(".wi-cells button[data-frame='2']")
    assert page.inner_text(".wi-where").startswith("Frame 3")
    page.click(".wi-views [data-view=split]")
    page.locator(".wi-at").fill("20")
    assert page.evaluate("document.querySelector('.wi').style.getPropertyValue('--at')") == "20%"
    page.click(".wi-views [data-view=change]")
    assert page.is_visible(".wi-change") and not page.is_visible(".wi-before")


def test_changes_combine_and_a_checkpoint_is_one_of_them(page):  # noqa: F811
    open_tab(page)
    tick(page, "checkpoint")
    assert "As tiny-avss sees it, the mask changes" in see(page)  # the other bundled model
    tick(page, "checkpoint", "mixer-off", "decoder-cut")
    assert "Without the mixer and with the decoder cut after layer 1" in see(page)
    tick(page, "mixer-off", "decoder-cut", "channels")
    page.fill("#wi-channels-channels :is(input, textarea)", "900")
    page.click("#wi-go")
    page.wait_for_selector("#wi-notice [role=alert]", timeout=WAIT)
    assert "900" in page.inner_text("#wi-notice") and "Without the mixer" in page.inner_text(
        "#wi-finding .prose"
    )


def test_a_sweep_and_no_sideways_scroll_on_a_phone(page):  # noqa: F811
    open_tab(page)
    page.click("#wi-try")
    page.wait_for_selector("#wi-range .wi-column", timeout=WAIT)
    assert page.locator("#wi-range .wi-column").count() == 9
    assert page.inner_text(".wi-own b") == "1.00"
    tick(page, "shift")
    see(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_other_programs_can_call_it(app_server):
    from gradio_client import Client

    client = Client(app_server, verbose=False)
    answer = client.predict(["mute"], "dog-and-guitar", "tiny-ms3", 1, api_name="/what_if")
    assert "no longer marked" in answer["finding"] and len(answer["frames"]) == 5
    assert max(frame["after"] for frame in answer["frames"]) < 0.002
    with pytest.raises(Exception, match="Nothing is called 'loud'"):
        client.predict(["loud"], "dog-and-guitar", "tiny-ms3", 1, api_name="/what_if")
