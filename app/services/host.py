"""What the host of the page allows: who may open it, and whether strangers may train on it."""

import errno
import os
import re
from pathlib import Path

from avseg.errors import ConfigError, RunError, WriteError
from avseg.files import write_error
from avseg.media.decode import Limits

MODEL_BYTES = 1_000_000_000
NOT_HERE = "Training is off on this host. Copy the command and run it on your own machine."


def logins() -> list[tuple[str, str]] | None:
    """Return names and passwords of AVSEG_LOGIN, "name:password" with spaces between several; None without.

    Raises ConfigError for anything else, so that a typing error leaves no page open.
    """
    value = os.environ.get("AVSEG_LOGIN", "")
    if not value:
        return None
    pairs = [(name, password) for name, _, password in (word.partition(":") for word in value.split())]
    if not pairs or not all(name and password for name, password in pairs):
        raise ConfigError("AVSEG_LOGIN cannot be read: use name:password, with spaces between several.")
    return pairs


def is_space() -> bool:
    """Whether the page is a Hugging Face Space."""
    return bool(os.environ.get("SPACE_ID"))


def source_url() -> str:
    """Return where the source of this page can be read: AVSEG_SOURCE, or the files of a Space; else empty."""
    space = os.environ.get("SPACE_ID", "")
    files = f"https://huggingface.co/spaces/{space}/tree/main" if space else ""
    return os.environ.get("AVSEG_SOURCE", "") or files


def public_host() -> bool:
    """Whether strangers may open the page: on a Space, or where AVSEG_PUBLIC=1."""
    return is_space() or os.environ.get("AVSEG_PUBLIC") == "1"


def upload_bytes() -> int:
    """Return the largest upload: what the decoder takes; on a private host, a released model too."""
    return Limits().file_bytes if public_host() else MODEL_BYTES


def allowed_hosts() -> tuple[str, ...]:
    """Return the names that the page answers to: loopback, the served name, a Space's, and AVSEG_HOSTS.

    AVSEG_HOSTS holds names with spaces or commas between them; "*.example.org" means all names below.
    """
    names = ["localhost", "127.0.0.1", "::1"]
    for variable in ("GRADIO_SERVER_NAME", "SPACE_HOST", "AVSEG_HOSTS"):
        names += re.split(r"[\s,]+", os.environ.get(variable, "").lower())
    return tuple(name for name in names if name)


def error_text(error: Exception) -> str:
    """Return an error as the page shows it; strangers do not learn the path of a file that has no space."""
    if isinstance(error, OSError) and (public_host() or not isinstance(error, WriteError)):
        error = write_error(error.errno or errno.EIO, Path("A file"))
    return str(error)


def may_train() -> bool:
    """Training, adding folders and deleting are off on a public host unless its owner allows them."""
    return not public_host() or os.environ.get("AVSEG_ALLOW_TRAINING") == "1"


def require_training() -> None:
    """Raise RunError where training is off."""
    if not may_train():
        raise RunError(NOT_HERE)
