"""The IoU of every class, of one model as bars, of two as dots."""

from collections.abc import Mapping, Sequence
from html import escape

from app.evaluate.charts import card, percent_of
from app.services.reports import Shelved
from avseg.evaluation.report import ClassRow

MANY = 20  # classes; the others are folded away


def by_class(shown: Sequence[Shelved]) -> str:
    """Return the IoU of every class, best first; two models are two dots and the line between them."""
    tables = [{row.name: row for row in one.evaluation.classes} for one in shown]
    names = sorted(tables[0], key=lambda name: -tables[0][name].iou)
    if not names:
        return card("IoU by class", "", '<p class="ev-none">The data do not name what sounds.</p>')
    rows = [_class_row(name, tables) for name in names]
    first, rest = "".join(rows[:MANY]), rows[MANY:]
    more = f"<details><summary>{len(rest)} more</summary>{''.join(rest)}</details>" if rest else ""
    as_class = shown[0].evaluation.report.measured_as == "classes"
    note = "mean over its frames" if as_class else "of the whole mask, over its frames"
    axis = "".join(f'<i style="left:{25 * step}%">{step / 4:g}</i>' for step in range(5))
    return card(
        "IoU by class",
        note,
        f'{_key(shown)}<div class="ev-classes">{first}{more}'
        f'<p class="ev-class ev-axis" aria-hidden="true"><span></span><span>{axis}</span><b></b></p></div>',
    )


def _class_row(name: str, tables: Sequence[Mapping[str, ClassRow]]) -> str:
    found = [table[name].iou if name in table else None for table in tables]
    known = [value for value in found if value is not None]
    line = (
        f'<i class="ev-line" style="left:{percent_of(min(known)):.1f}%;'
        f'width:{percent_of(max(known) - min(known)):.1f}%"></i>'
        if len(tables) > 1
        else ""
    )
    dots = "".join(
        f'<i class="ev-dot v{place}" style="left:{percent_of(value):.1f}%"></i>'
        for place, value in reversed(list(enumerate(found)))
        if value is not None and len(tables) > 1
    )
    bar = f'<i class="ev-fill" style="width:{percent_of(known[0]):.1f}%"></i>' if len(tables) == 1 else ""
    frames = tables[0][name].frames
    said = " / ".join("–" if value is None else f"{value:.2f}" for value in found)
    return (
        f'<button type="button" class="ev-class" data-label="{escape(name)}" '
        f'title="{escape(name)}: IoU {said}, {frames} frames. Show its clips.">'
        f'<span>{escape(name)}</span><span class="ev-lane">{bar}{line}{dots}</span>'
        f"<b>{said}</b></button>"
    )


def _key(shown: Sequence[Shelved]) -> str:
    if len(shown) < 2:
        return ""
    return (
        '<p class="ev-key">'
        + "".join(
            f'<span><i class="ev-dot v{place}"></i>{escape(one.name)}</span>'
            for place, one in enumerate(shown)
        )
        + "</p>"
    )
