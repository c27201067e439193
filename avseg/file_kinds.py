"""What a file of weights is by its first bytes: a download that went wrong looks like a model by its name."""

from pathlib import Path

from avseg.errors import CheckpointError

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
