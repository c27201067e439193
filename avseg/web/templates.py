"""Jinja templates, autoescaped: every value that reaches HTML through one is text unless it is `Markup`."""

import json
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

PACKAGE = Path(__file__).resolve().parents[1]


def make_environment(*folders: Path) -> jinja2.Environment:
    """Return an environment of the templates in `folders`, and of those in avseg by their path in it.

    A name that a template uses and nobody gave is an error.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, PACKAGE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Compact JSON; escaped like any other text when it is put into an attribute.
    made.filters["json"] = lambda value: json.dumps(value, separators=(",", ":"))
    return made


@cache
def environment() -> jinja2.Environment:
    """Return the environment of the templates in avseg."""
    return make_environment()


def render(template: str, **values: object) -> Markup:
    """Return the HTML of a template; raises jinja2.TemplateError if it does not exist or lacks a value."""
    return Markup(environment().get_template(template).render(**values))
