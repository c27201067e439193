"""Jinja templates, autoescaped: every value that reaches the page through one is text unless it is `Markup`.

A tab keeps its templates in `app/<tab>/templates/` and names them from `app/`:

    render("segment/templates/finding.html", title=title)

Macros that the tabs share are in `components/templates/macros.html`.
"""

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from app.services.wording import byte_size, plural, seconds
from avseg.interpret.mask_statistics import percent
from avseg.web.templates import make_environment

APP = Path(__file__).resolve().parents[1]


@cache
def environment() -> jinja2.Environment:
    """Return the one environment of the page; a name that a template uses and nobody gave is an error."""
    made = make_environment(APP)
    made.filters["size"] = byte_size
    made.filters["percent"] = percent
    made.filters["plural"] = plural
    made.filters["seconds"] = seconds
    return made


def render(template: str, **values: object) -> Markup:
    """Return the HTML of a template; raises jinja2.TemplateError if it does not exist or lacks a value."""
    return Markup(environment().get_template(template).render(**values))


def macro(name: str, *args: object, **kwargs: object) -> Markup:
    """Return the HTML of one shared macro: `macro("notice", error, kind="error")`."""
    module = environment().get_template("components/templates/macros.html").module
    return Markup(getattr(module, name)(*args, **kwargs))
