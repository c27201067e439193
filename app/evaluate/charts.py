"""The charts of a report as HTML and SVG; every number in them stands there as text too."""

from collections.abc import Sequence
from html import escape

import numpy as np

from app.components.text import share_words
from app.evaluate import text as words
from app.evaluate.published import published
from app.services.evaluation_requests import plain
from app.services.reports import Shelved


def card(title: str, note: str, body: str, kind: str = "") -> str:
    """Return a card with a title and the unit of what it shows; the body is HTML."""
    return (
        f'<section class="card ev-card {kind}"><div class="ev-top"><h2>{escape(title)}</h2>'
        f"<span>{escape(note)}</span></div>{body}</section>"
    )


def stats(one: Shelved) -> str:
    """Return the large numbers."""
    cells = "".join(
        f"<div><b>{escape(number)}</b><span>{escape(name)}</span><small>{escape(note)}</small></div>"
        for number, name, note in words.figures(one.evaluation.report)
    )
    return f'<div class="card ev-stats">{cells}</div>'


def table_one(shown: Sequence[Shelved]) -> str:
    """Return the paper's Table 1, and below it, by itself, what was measured."""
    report = shown[0].evaluation.report
    groups = published(report.task)
    task = words.TASK_WORDS[report.task]
    printed = "".join(
        _row(
            f"{row.method} <small>{escape(row.backbone)}</small>", row.miou, row.f, _strong(row.method), True
        )
        for row in groups[0].rows
    )
    measured = "".join(
        _row(escape(one.name), *_percent(one), True, False) for one in shown if one.evaluation.report.miou
    )
    head = '<p class="ev-row ev-heads"><span></span><span></span><span>mIoU</span><span>F</span></p>'
    ticks = "".join(f'<i style="left:{25 * step}%">{25 * step}</i>' for step in range(5))
    axis = f'<p class="ev-row ev-axis" aria-hidden="true"><span></span><span>{ticks}</span></p>'
    since = "".join(
        f'<tr><td>{escape(row.method)}</td><td>{escape(row.backbone)}</td><td class="num">{row.miou:.2f}</td>'
        f'<td class="num">{row.f:.1f}</td><td>{escape(row.source)}</td></tr>'
        for row in groups[1].rows
    )
    later = (
        f'<details class="ev-since"><summary>{escape(groups[1].title)}</summary><div><table class="plain">'
        '<tr><th>method</th><th>backbone</th><th class="num">mIoU</th><th class="num">F</th>'
        "<th>source</th></tr>"
        f"{since}</table></div><p>Published. {escape(groups[1].note)} Source: {escape(groups[1].source)}.</p>"
        "</details>"
    )
    commands = "".join(_command(one) for one in shown)
    return card(
        "Beside the paper's Table 1",
        f"{task}, mIoU and F in %",
        f"<h3><b>Published</b> {escape(groups[0].source)}. {escape(groups[0].note)}</h3>{head}"
        f'<div class="ev-rows">{printed}{axis}</div>{later}'
        f'<h3 class="ev-rule"><b>Measured</b> {escape(words.measured_line(report))}</h3>'
        f'<div class="ev-rows">{measured}{axis}</div>{commands}',
    )


def percent_of(value: float) -> float:
    """Return where a value of 0 to 1 lies on a lane, per cent; beyond its ends, at the end."""
    return 100 * min(1.0, max(0.0, value))


def _percent(one: Shelved) -> tuple[float, float | None]:
    report = one.evaluation.report
    return 100 * report.miou, None if report.f_score is None else 100 * report.f_score


def _strong(method: str) -> bool:
    return method.startswith("AVSegFormer")


def _row(name: str, miou: float, f: float | None, strong: bool, printed: bool) -> str:
    """Return a line with a dot on a scale of 0 to 100; `name` is HTML."""
    kind = "printed" if printed else "ours"
    number = f"{miou:.2f}" if printed else f"{miou:.1f}"
    return (
        f'<p class="ev-row {kind}{" strong" if strong else ""}"><span>{name}</span>'
        f'<i class="ev-track" aria-hidden="true"><i style="left:{miou:.2f}%"></i></i>'
        f"<b>{number}</b><b>{'–' if f is None else f'{f:.1f}'}</b></p>"
    )


def _command(one: Shelved) -> str:
    command = plain(one.evaluation.report.command)
    return f'<p class="ev-how">Measured by <code>{escape(command)}</code></p>' if command else ""


def listening(shown: Sequence[Shelved]) -> str:
    """Return what is marked under sounds of nothing in view, and how the mask follows the sound."""
    if all(one.evaluation.report.robustness.silence is None for one in shown):
        body = '<p class="ev-none">Other sounds were not tried in this evaluation.</p>'
        return card("Does it listen?", "", body)
    most = max([_share(one, field) or 0 for one in shown for _, field, _ in words.SHARES] + [_own(shown[0])])
    top = max(most, 0.01)
    blocks = [_heard("Own sound", "", shown, [_own(one) for one in shown], top, own=True)]
    for name, field, what in words.SHARES:
        blocks.append(_heard(name, what, shown, [_share(one, field) for one in shown], top))
    scores = [
        ("IoU, own sound", "", [one.evaluation.report.miou_with_ground_truth for one in shown]),
        ("IoU, swapped sound", words.SWAP, [_share(one, "swapped_miou") for one in shown]),
        ("Swap sensitivity", words.SENSITIVITY, [_share(one, "swap_sensitivity") for one in shown]),
        ("Target switch IoU", words.SWITCH, [_share(one, "target_switch_iou") for one in shown]),
    ]
    rows = [
        _heard(name, what, shown, values, 1.0, own=not what, score=True)
        for name, what, values in scores
        if any(value is not None for value in values)
    ]
    return card(
        "Does it listen?",
        "share of the frame that is marked; lower is better",
        f'<div class="ev-heard">{"".join(blocks)}</div>'
        f'<h3 class="ev-rule">Does the mask follow the sound? <span>0 to 1</span></h3>'
        f'<div class="ev-heard">{"".join(rows)}</div>',
    )


def _share(one: Shelved, field: str) -> float | None:
    return getattr(one.evaluation.report.robustness, field)


def _own(one: Shelved) -> float:
    """Return the share of the frame marked under the clips' own sound, mean over clips."""
    shares = [row.foreground_share for row in one.evaluation.clips if row.foreground_share is not None]
    return float(np.mean(shares)) if shares else 0.0


def _heard(
    name: str,
    what: str,
    shown: Sequence[Shelved],
    values: Sequence[float | None],
    top: float,
    own: bool = False,
    score: bool = False,
) -> str:
    bars = "".join(
        f'<span class="ev-bar{" own" if own else ""} v{place}" title="{escape(one.name)}">'
        f'<i style="width:{100 * min(1, (value or 0) / top):.2f}%"></i></span>'
        f"<b>{'–' if value is None else f'{value:.2f}' if score else share_words(value)}</b>"
        for place, (one, value) in enumerate(zip(shown, values, strict=True))
    )
    said = f"<small>{escape(what)}</small>" if what else ""
    return f'<div class="ev-sound"><span>{escape(name)}</span><div>{bars}</div>{said}</div>'
