"""Addresses: what a link says, and the requests that restore it."""

from dataclasses import replace

import pytest

from app.segment.opening import opening_result
from app.services import restore
from app.services.handoff import (
    ClipRequest,
    ExploreRequest,
    InsideRequest,
    LearnRequest,
    ReportRequest,
    RunRequest,
    SegmentRequest,
    TrainRequest,
    WhatIfRequest,
)
from app.services.permalink import address, clip_address, conditions_text, read_link
from app.services.restore import restore_clip
from app.services.session import DatasetSource, Visitor
from avseg.errors import AvsegError


def test_a_result_and_a_selection_come_back_from_their_address():
    result = replace(opening_result(), frame=2)
    text = clip_address(replace(result, prediction=result.prediction.at_threshold(0.4)))
    link = read_link(f"?tab=inside&{text}&part=decoder&layer=2&head=0&query=17")
    clip, inside = link.requests
    assert (link.tab, link.problems) == ("inside", ())
    assert clip == ClipRequest(result.clip, result.model, frame=3, threshold=0.4)
    assert inside.view == "decoder" and {("layer", 2), ("head", 0), ("query", 17)} <= set(inside.selection)


def test_a_clip_of_a_data_set_has_an_address_and_an_upload_has_none():
    source = DatasetSource("sample-ms3", "test", "te41_000003")
    data = replace(opening_result(), clip=None, source=source)
    (clip,) = read_link(f"?tab=segment&{clip_address(data)}").requests
    assert (clip.data, clip.split, clip.clip) == ("sample-ms3", "test", "te41_000003")
    assert clip_address(replace(data, source=None)) == ""


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        ("?tab=whatif&changes=mute;shift=2&sweep=gain", (WhatIfRequest(("mute", "shift=2"), sweep="gain"),)),
        ("?tab=learn&step=mixer", (LearnRequest("mixer"),)),
        ("?tab=segment&model=tiny-avss", (SegmentRequest("tiny-avss"),)),
        (
            "?tab=explore&data=x&clip=a&split=test&filter=label:male%2520speech;area:3&page=2",
            (ExploreRequest("x", "a", "test", "", (("label", "male speech"), ("area", 3)), 2),),
        ),
        ("?clip=dog-and-guitar&frame=x&from=inf", (ClipRequest("dog-and-guitar"),)),
        (
            "?clip=dog-and-guitar&letterbox=1&precision=fast",
            (ClipRequest("dog-and-guitar", letterbox=True, precision="fast"),),
        ),
        ("?clip=dog-and-guitar&letterbox=x&precision=x", (ClipRequest("dog-and-guitar"),)),
        ("?tab=evaluate&report=bundled:tiny&compared=a", (ReportRequest("bundled:tiny", "a"),)),
        ("?tab=train&run=a%20b&preset=tiny", (RunRequest("a b"), TrainRequest("tiny"))),
        ("?tab=inside&part=<b>&layer=-1", (InsideRequest("<b>", selection=()),)),
    ],
)
def test_an_address_is_read(query, requests):
    link = read_link(query)
    assert not link.problems
    for found, wanted in zip(link.requests, requests, strict=True):
        assert replace(found, selection=()) == wanted if isinstance(found, InsideRequest) else found == wanted


@pytest.mark.parametrize("query", ["", "?", "?tab=nothing", "?%ff=%00&&==", "?tab", "?" + "x" * 9000])
def test_what_is_no_address_asks_for_nothing(query):
    assert read_link(query).requests == () and read_link(query).problems == ()


def test_what_does_not_exist_here_is_said():
    assert "no-such" in read_link("?tab=train&preset=no-such").problems[0]
    link = read_link("?tab=segment&clip=../../etc&model=no-such")
    assert link.requests == () and "no-such" in link.problems[0] and "../../etc" in link.problems[1]


def test_values_survive_the_address():
    conditions = (("search", "a;b:c&d=e %"), ("below", "0.5"))
    text = address(data="x", filter=conditions_text(conditions), page=None, split="")
    (request,) = read_link(f"?tab=explore&{text}").requests
    assert request.conditions == conditions and request.page == 1


def test_how_a_clip_was_segmented_is_in_its_address_and_comes_back(tmp_path, monkeypatch):
    letterboxed = replace(opening_result().prediction.clip, letterbox=True)
    prediction = replace(opening_result().prediction, clip=letterboxed)
    result = replace(opening_result(), prediction=prediction, precision="exact")
    (wanted,) = read_link(f"?tab=segment&{clip_address(result)}").requests
    assert wanted.letterbox and wanted.precision == "exact"
    visitor, asked = Visitor(tmp_path), {}

    def predict(model, clip, on_frame, **options):
        asked.update(options, letterbox=clip.letterbox)
        return prediction

    monkeypatch.setattr(restore.MODELS, "predict", predict)
    visitor.result = opening_result()  # the same clip and model, segmented otherwise
    visitor.hand_over(wanted)
    assert restore_clip(visitor) and asked["letterbox"] and asked["precision"] == "exact"
    visitor.hand_over(wanted)
    asked.clear()
    assert restore_clip(visitor) and not asked  # the visitor has it


def test_only_another_clip_is_segmented_again(tmp_path, monkeypatch):
    visitor, opening = Visitor(tmp_path), opening_result()
    monkeypatch.setattr(restore.MODELS, "predict", None)  # no model runs
    visitor.result = opening
    assert not restore_clip(visitor)
    visitor.hand_over(ClipRequest(opening.clip, opening.model, frame=99, threshold=0.7))
    assert restore_clip(visitor) and visitor.result.frame == len(opening.prediction.labels) - 1
    assert visitor.result.prediction.threshold == 0.7 and not visitor.result.shared
    for wrong in ({"fps": 3.0}, {"start": 1e9}, {"end": -1.0}, {"model": "gone"}, {"data": "gone"}):
        visitor.hand_over(replace(ClipRequest("dog-and-guitar"), **wrong))
        with pytest.raises(AvsegError):
            restore_clip(visitor)
    assert visitor.result.clip == opening.clip
