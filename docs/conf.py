"""Sphinx settings: `make docs` builds the pages of this repository and an API reference from the docstrings.

The source folder is the repository itself, so that links between pages work on GitHub and in the site alike.
Nothing is fetched: theme, fonts and search index are files of the installed packages.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

project = "AVSeg Explorer"
author = "the AVSeg Explorer authors"
copyright = "the AVSeg Explorer authors"
root_doc = "docs/README"
include_patterns = ["*.md", "docs/**", "notebooks/README.md", "assets/models/README.md"]
exclude_patterns = ["docs/conf.py", "build/**", ".venv/**"]

extensions = ["myst_parser", "sphinx.ext.apidoc", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
# Links to folders and source files lead to the repository, which the site does not copy.
suppress_warnings = ["myst.xref_missing"]

apidoc_modules = [
    {
        "path": "../avseg",
        "destination": "docs/api",
        "separate_modules": True,
        "module_first": True,
        "implicit_namespaces": True,
        "include_private": False,
    }
]
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
default_role = "code"
nitpicky = False

html_theme = "furo"
html_title = "AVSeg Explorer"
html_favicon = "../app/components/favicon.svg"
html_show_sphinx = False
pygments_style = "friendly"


def docstring_to_rst(
    _app: object, _what: str, _name: str, _obj: object, _opts: object, lines: list[str]
) -> None:
    """Turn our plain docstrings into reStructuredText: indented parts are code, other signs are text."""
    result: list[str] = []
    block = False
    for line in lines:
        indented = line.startswith("    ")
        if indented and not block and (not result or not result[-1]):
            result += [".. code-block:: text", ""]
            block = True
        elif line and not indented:
            block = False
        result.append(line if block else escape(line))
    lines[:] = result


def escape(text: str) -> str:
    """Escape what reStructuredText would read as markup, outside of code spans."""
    spans = re.split(r"(``[^`]*``|`[^`]*`)", text)
    return "".join(
        span if span.startswith("`") else re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", span) for span in spans
    )


def setup(app: object) -> None:
    """Register the hook."""
    app.connect("autodoc-process-docstring", docstring_to_rst)
