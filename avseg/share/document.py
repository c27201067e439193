"""The one file: style, script, pictures and sound inside, no network, and no more than MAX_BYTES.

Every value passes a Jinja template that escapes it; data for the script are JSON without "<". A policy in the
file lets browsers load nothing but what is inside, and run no other script than its own.
"""

import base64
import hashlib
import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

import avseg
from avseg.errors import ConfigError
from avseg.files import atomic_write
from avseg.web.style import CHARTS, token_rules
from avseg.web.templates import render

MAX_BYTES = 10_000_000  # what mail and chat programs take
HERE = Path(__file__).parent
STYLE, SCRIPT = HERE / "share.css", HERE / "host.js"
# Nothing from elsewhere: blob: and data: are parts of the file itself.
POLICY = (
    "default-src 'none'; img-src data: blob:; media-src data: blob:; connect-src blob:; "
    "style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Document:
    """What a file shows."""

    kind: str  # "Result", "Evaluation", "Ablation study" or "Training run"
    title: str  # the finding, one sentence
    caption: str  # of what, with what
    body: Markup
    record: object  # all numbers, JSON, which a reader can save
    record_name: str  # as this file
    command: str = ""  # gives the same numbers
    styles: tuple[Path, ...] = ()
    script: str = ""  # runs after host.js
    data: Mapping[str, object] = field(default_factory=dict)  # JSON for the script, by the id of its element
    files: Mapping[str, bytes] = field(default_factory=dict)  # likewise, of any content


def to_html(document: Document) -> str:
    """Return the whole file."""
    script = SCRIPT.read_text(encoding="utf-8") + document.script
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = "\n".join(path.read_text(encoding="utf-8") for path in (CHARTS, *document.styles, STYLE))
    record = json.dumps(document.record, indent=2, allow_nan=False).encode()
    return render(
        "share/templates/document.html",
        document=document,
        policy=POLICY.format(digest=digest),
        style=Markup(f"{token_rules()}\n{style}"),
        script=Markup(script),
        data={name: Markup(_json(value)) for name, value in document.data.items()},
        files={name: Markup(base64.b64encode(content).decode()) for name, content in document.files.items()},
        record=base64.b64encode(record).decode(),
        record_size=len(record),
        version=avseg.__version__,
        versions=versions(),
        date=time.strftime("%Y-%m-%d"),
    )


def write_document(document: Document, path: Path, most: int = MAX_BYTES) -> Path:
    """Write the file; raises ConfigError for more than `most` bytes, WriteError on a full disk."""
    content = to_html(document).encode("utf-8", "backslashreplace")  # names of files need not be UTF-8
    if len(content) > most:
        raise ConfigError(
            f"The web page would have {len(content) / 1e6:.1f} MB; the limit is {most / 1e6:g} MB. Share a "
            "shorter range, or fewer frames per second."
        )
    with atomic_write(path, durable=False) as unfinished:
        unfinished.write_bytes(content)
    return path


def checked_path(path: Path) -> Path:
    """Return the path of a file to be; raises ConfigError unless it ends in .html, before any work."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--out is {path.name}; its extension must be .html.")
    return path


def versions() -> str:
    """Return the versions of what computed the numbers."""
    from importlib.metadata import version

    return f"Python {platform.python_version()}, PyTorch {version('torch')}"


def _json(value: object) -> str:
    """Return JSON that can end no script element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
