"""What a file of weights is by its first bytes: a download that went wrong looks like a model by its name."""

from pathlib import Path

from avseg.errors import CheckpointError
from avseg.files import visible

FIRST_BYTES = 512
WEIGHTS_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
CONVERT = "Convert it: python -m avseg import-weights {file} --out {stem}.safetensors"


def require_weights(path: Path) -> str:
    """Return what a file is: safetensors, torch or unknown.

    Raises CheckpointError for one that is missing, unreadable, empty, a web page or a Git LFS pointer.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist.")
    try:
        with path.open("rb") as file:
            start = file.read(FIRST_BYTES)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise CheckpointError(f"{path.name} is empty: the download was cut off. Download it again.")
    if text.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"{path.name} is a Git LFS pointer, not the file itself. Run `git lfs pull` in its repository, "
            "or download the file from the repository's page."
        )
    if text.startswith((b"<", b'{"error', b'{"message')):
        raise CheckpointError(
            f"{path.name} is a web page or a server's error message, not a model: the download was refused, "
            "or waits for a confirmation. Open the link in a browser, confirm, and save the file from there; "
            "after a message about a quota, try again a day later."
        )
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return "torch"
    if len(start) > 8 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**27:
        return "safetensors"
    return "unknown"


def foreign_weights(folder: Path) -> dict[str, str]:
    """Return by file name why files in a folder of models are not offered as one, and what helps.

    A file that avseg wrote and can read is not listed. Nothing is loaded.
    """
    from avseg.checkpoints import read_card

    reasons = {}
    for path in visible(Path(folder).glob("*")):
        if path.suffix.lower() not in WEIGHTS_SUFFIXES:
            continue
        try:
            if require_weights(path) == "torch":
                command = CONVERT.format(file=path.name, stem=path.stem)
                reasons[path.name] = f"A PyTorch file, not a model of this app. {command}"
            else:
                read_card(path)
        except CheckpointError as error:
            reasons[path.name] = str(error)
    return reasons
