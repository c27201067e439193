"""AVS-Synthetic: single images with a mask and the sound of their class, read as S4 clips of one frame.

Sources: the configuration and the loader of its authors' code (anno-free-AVS, WACV 2024), not the data.

    annotations.csv                      a row per mask; nine columns, see POSITIONS, and `split`
    images/{image}.jpg                   several masks may share an image
    masks/{name}.png                     black and white
    audios/{audio}.wav                   10 s, of VGGSound; the model hears the second window of 0.96 s
    category_for_vggsound_audios.pkl     class id: names of sounds, for the rows of train, which name none

The authors draw another sound of the class in every epoch; here a training image always has the same one.
"""

import pickletools
import zlib
from collections.abc import Mapping
from pathlib import Path

from avseg.errors import DatasetError
from avseg.files import read_bytes

SOUNDS = "category_for_vggsound_audios.pkl"
POSITIONS = {"inst_id": 0, "img_id": 1, "cls_name": 4, "cls_id": 5, "audio_name": 8}
COLUMNS = 9
SPLITS = {"validate": "val"}  # its name of a split: ours

SoundNames = Mapping[int, tuple[str, ...]]
"""By class id, the sounds that a training image of the class may have."""


def name_columns(columns: list[str]) -> list[str]:
    """Return the columns of its table with the names of POSITIONS, which its loader takes by position."""
    if len(columns) < COLUMNS:
        return columns
    placed = {position: name for name, position in POSITIONS.items() if name not in columns}
    return [placed.get(position, name) for position, name in enumerate(columns)]


def sound_of(row: Mapping[str, str], sounds: SoundNames) -> str:
    """Return the sound of a row: its own, or one of its class that its name decides; "" without any."""
    if own := row["audio_name"]:
        return own.removesuffix(".wav")
    number = row["cls_id"].partition(".")[0]  # pandas writes 3.0
    names = sounds.get(int(number), ()) if number.isdigit() else ()
    return names[zlib.crc32(row["inst_id"].encode()) % len(names)] if names else ""


def read_sound_names(folder: Path) -> SoundNames:
    """Return the sounds of every class, {} without the file; nothing of it is executed.

    Raises DatasetError for a file that holds anything but names by number.
    """
    path = folder / SOUNDS
    try:
        found = _plain(read_bytes(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path} cannot be read as lists of names ({error}). Download it again, or remove it: train then "
            "has no sound."
        ) from None
    return {key: tuple(name.removesuffix(".wav") for name in names) for key, names in found.items()}


def _plain(data: bytes) -> dict[int, list[str]]:
    """Return the dictionary of a pickle by reading its instructions: no object is made, no function called.

    Raises ValueError, LookupError, TypeError or AttributeError for anything but lists of text by number.
    """
    stack: list = []
    memo: dict[int, object] = {}
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            break
        if name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
            stack.append({"EMPTY_DICT": {}, "EMPTY_LIST": [], "EMPTY_TUPLE": ()}[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("LIST", "DICT"):
            values = _to_mark(stack)
            stack.append(values if name == "LIST" else dict(zip(values[::2], values[1::2], strict=True)))
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name.endswith("PUT"):
            memo[argument] = stack[-1]
        elif name.endswith("GET"):
            stack.append(memo[argument])
        elif name in ("APPEND", "APPENDS"):
            values = _to_mark(stack) if name == "APPENDS" else [stack.pop()]
            stack[-1].extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            values = _to_mark(stack) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            stack[-1].update(zip(values[::2], values[1::2], strict=True))
        elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            count = 0 if name == "TUPLE" else int(name[-1])
            values = [stack.pop() for _ in range(count)][::-1] if count else _to_mark(stack)
            stack.append(tuple(values))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(argument if argument else " ".join([stack.pop(-2), stack.pop()]))
        elif name == "REDUCE":
            stack.append(_reduced(stack.pop(-2), stack.pop()))
        elif name == "BUILD":
            stack.pop()
        elif isinstance(argument, int | str | bytes) or name == "NONE":
            stack.append(argument)
        elif name in ("NEWTRUE", "NEWFALSE"):
            stack.append(name == "NEWTRUE")
        else:
            raise ValueError(f"it contains {name}")
    (found,) = stack
    return {int(key): [str(value) for value in values] for key, values in found.items()}


def _reduced(function: str, arguments: tuple) -> object:
    """Return what a call would make: a dictionary, a NumPy integer, or nothing that matters (its type)."""
    if function == "collections defaultdict":
        return {}
    if function.endswith("multiarray scalar"):
        return int.from_bytes(arguments[1], "little", signed=True)
    if function == "_codecs encode":  # bytes, in the oldest formats
        return str(arguments[0]).encode("latin-1")
    if function == "numpy dtype":
        return arguments
    raise ValueError(f"it calls {function}")


_MARK = object()


def _to_mark(stack: list) -> list:
    """Take what follows the last mark from the stack."""
    place = len(stack) - 1 - stack[::-1].index(_MARK)
    values = stack[place + 1 :]
    del stack[place:]
    return values
