"""What the panel that adds models draws."""

from collections.abc import Sequence

from markupsafe import Markup

from app.components.add_model.state import AddModelState
from app.components.render import render
from app.services import additions
from app.services.additions import NOT_HERE, Addition
from avseg.models.zoo import LICENCE, RELEASED

TASKS = {"s4": "One sounding object", "ms3": "Several sounding objects", "avss": "71 classes"}
BACKBONES = {"pvt": "PVTv2-B5", "r50": "ResNet-50"}


def released(state: AddModelState, known: Sequence[Addition] | None = None) -> Markup:
    """Return the released models with their state, and what can be done with each."""
    return render(
        "components/add_model/templates/released.html",
        offers=additions.offers(known),
        allowed=additions.may_add(),
        not_here=NOT_HERE,
        licence=LICENCE,
        tasks=TASKS,
        backbones=BACKBONES,
        expanded=state.expanded,
        older=state.older,
        half=state.half,
        free=additions.free_bytes(),
    )


def others(known: Sequence[Addition]) -> Markup:
    """Return files that are not imported yet, and additions of other models."""
    other = [addition for addition in known if addition.key not in RELEASED]
    return render(
        "components/add_model/templates/others.html",
        files=additions.unimported(),
        others=other,
        going=[addition.key for addition in other],
    )


def strip(state: AddModelState, known: Sequence[Addition]) -> Markup:
    """Return what goes on while the panel is closed."""
    spoken = () if state.opened else [a for a in known if a.under_way or a.key in state.ended]
    return render("components/add_model/templates/strip.html", additions=spoken, selected=state.selected)


def own_heading(text: str) -> Markup:
    """Return the heading of a way to add a model."""
    return Markup("<h2>{}</h2>").format(text)
