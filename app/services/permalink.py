"""The address of the page: what it shows, as a query string that a reload or another person can open.

    ?tab=inside&clip=dog-and-guitar&model=tiny-ms3&frame=2&part=decoder&layer=6&head=1&query=5

What a tab draws carries its part of the address in `data-address`; components/toolbar.js joins the parts.
`read_link` turns an address into the requests that clicks make; what it does not know it ignores or says.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

from app.services.clips import bundled
from app.services.handoff import (
    AblationRequest,
    ClipRequest,
    ExploreRequest,
    InsideRequest,
    LearnRequest,
    ReportRequest,
    Request,
    RunRequest,
    SegmentRequest,
    TrainRequest,
    WhatIfRequest,
)
from app.services.models import model_exists
from app.services.reports import UPLOADED, StoredReport
from app.services.session import ClipResult
from avseg.devices import PRECISIONS
from avseg.presets import PRESETS

TABS = ("segment", "inside", "whatif", "explore", "evaluate", "train", "learn")
LONGEST = 4000  # characters of an address
NAMED = 60  # characters of a value that a message repeats


@dataclass(frozen=True)
class Link:
    """What an address asks for."""

    tab: str  # empty where it names none
    requests: tuple[Request, ...]
    problems: tuple[str, ...]  # sentences


def address(**values: object) -> str:
    """Return values as part of an address; those that are None or empty are left out."""
    pairs = {name: value for name, value in values.items() if value is not None and value != ""}
    return urlencode(pairs, safe=",;:=", quote_via=quote)


def clip_address(result: ClipResult) -> str:
    """Return the address of a result, empty for a visitor's own file: a link cannot carry it."""
    clip, prediction = result.prediction.clip, result.prediction
    where: dict[str, str | None]
    if result.source is not None:
        where = {"data": result.source.data, "split": result.source.split, "clip": result.source.name}
        span: dict[str, str] = {}
    elif result.clip in bundled():
        end = clip.start + clip.duration
        whole = clip.start == 0 and end > bundled()[result.clip].seconds - 0.05
        where = {"clip": result.clip, "fps": f"{clip.fps:g}" if clip.fps != 1 else None}
        span = {} if whole else {"from": f"{clip.start:g}", "to": f"{round(end, 2):g}"}
    else:
        return ""
    other = prediction.task != "avss" and prediction.threshold != 0.5
    threshold = f"{prediction.threshold:g}" if other else None
    how = {
        "letterbox": 1 if clip.letterbox else None,
        "precision": None if result.precision == "auto" else result.precision,
    }
    return address(**where, model=result.model, frame=result.frame + 1, **span, threshold=threshold, **how)


def report_address(report: StoredReport, compared: StoredReport | None = None) -> str:
    """Return the address of a report and what it is compared with; a link cannot carry an opened file."""
    if report.key == UPLOADED:
        return ""
    other = compared.key if compared is not None and compared.key != UPLOADED else None
    return address(report=report.key, compared=other)


def conditions_text(conditions: tuple[tuple[str, int | str], ...]) -> str:
    """Return the conditions of a filter as one value of an address: "label:dog;below:0.5"."""
    return ";".join(f"{field}:{quote(str(value), safe=' ')}" for field, value in conditions)


def read_link(query: str) -> Link:
    """Return what the query string of an address asks for; what cannot be meant is left out."""
    values = dict(parse_qsl(query.removeprefix("?")[:LONGEST]))
    tab, problems = values.get("tab", ""), []
    if tab not in TABS:
        tab = "segment" if "clip" in values else ""
    model = values.get("model", "")
    if model and not model_exists(model):
        problems.append(f"The link names the model {model[:NAMED]}, which does not exist here.")
        model = ""
    requests: list[Request] = []
    if tab in ("segment", "inside", "whatif"):
        requests += _clip_requests(values, model, problems)
    if tab == "inside":
        known = tuple((name, _whole_or_text(value)) for name, value in values.items())
        requests.append(InsideRequest(values.get("part", ""), selection=known))
    elif tab == "whatif":
        changes = tuple(part for part in values.get("changes", "").split(";") if part)
        requests.append(WhatIfRequest(changes, run=bool(changes), sweep=values.get("sweep", "")))
    elif tab == "explore" and "data" in values:
        page, conditions = int(_number(values, "page", 1)), read_conditions(values.get("filter", ""))
        clip, split = values.get("clip", ""), values.get("split", "")
        shown = values.get("map", "")
        requests.append(ExploreRequest(values["data"], clip, split, model, conditions, page, shown))
    elif tab == "evaluate" and values.get("view") == "ablations":
        clips, rows = (tuple(filter(None, values.get(n, "").split(","))) for n in ("clips", "rows"))
        requests.append(AblationRequest(values.get("study", ""), clips, rows))
    elif tab == "evaluate" and "report" in values:
        requests.append(ReportRequest(values["report"], values.get("compared", "")))
    elif tab == "train":
        requests += _train_requests(values, problems)
    elif tab == "learn" and "step" in values:
        requests.append(LearnRequest(values["step"]))
    return Link(tab, tuple(requests), tuple(problems))


def _clip_requests(values: Mapping[str, str], model: str, problems: list[str]) -> list[Request]:
    clip, data = values.get("clip", ""), values.get("data", "")
    if not clip:
        return [SegmentRequest(model)] if model else []
    if not data and clip not in bundled():
        problems.append(f"The link names the clip {clip[:NAMED]}, which does not exist here.")
        return []
    end = _number(values, "to", math.nan)
    return [
        ClipRequest(
            clip,
            model,
            max(1, int(_number(values, "frame", 1))),
            data,
            values.get("split", ""),
            _number(values, "fps", 1.0),
            _number(values, "from", 0.0),
            None if math.isnan(end) else end,
            min(max(0.0, _number(values, "threshold", 0.5)), 1.0),
            values.get("letterbox") == "1",
            precision if (precision := values.get("precision", "")) in PRECISIONS else "auto",
        )
    ]


def _train_requests(values: Mapping[str, str], problems: list[str]) -> list[Request]:
    requests: list[Request] = [RunRequest(values["run"])] if "run" in values else []
    preset = values.get("preset", "")
    if preset in PRESETS:
        requests.append(TrainRequest(preset))
    elif preset:
        problems.append(f"The link names the preset {preset[:NAMED]}, which does not exist.")
    return requests


def read_conditions(text: str) -> tuple[tuple[str, int | str], ...]:
    """Return the conditions of a filter that `conditions_text` wrote."""
    pairs = (part.partition(":") for part in text.split(";") if part)
    return tuple((field, _whole_or_text(unquote(value))) for field, _, value in pairs)


def _number(values: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(values.get(name, ""))
    except ValueError:
        return default
    return value if math.isfinite(value) else default


def _whole_or_text(value: str) -> int | str:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value
