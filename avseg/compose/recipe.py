"""A folder that describes composed clips: `compose.json` tells where the photographs and recordings are.

`--data FOLDER` then generates clips on the fly in training and evaluation, as `--data synth` does.
"""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from avseg.compose.dataset import Compositions
from avseg.compose.sources import Sources, read_sources
from avseg.errors import DatasetError
from avseg.files import atomic_write, read_json

FILE = "compose.json"


@dataclass(frozen=True)
class Recipe:
    """Where the sources are, and how clips are composed of them."""

    images: str
    masks: str  # folder of masks by class, or COCO's json file
    sounds: str
    backgrounds: str = ""
    index: str = ""  # table of originals; by default index.csv beside the images
    takes: int = 2  # training clips that share a view and differ in their audio


def write_recipe(folder: Path, recipe: Recipe) -> Path:
    """Check the sources, write the recipe into a folder and return its file."""
    _sources(recipe)
    with atomic_write(Path(folder) / FILE) as file:
        file.write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
    return Path(folder) / FILE


def has_recipe(folder: Path | str) -> bool:
    """Return whether a folder holds a recipe."""
    return (Path(folder).expanduser() / FILE).is_file()


def compositions(
    folder: Path | str,
    task: str,
    split: str,
    seed: int,
    clips: int,
    size: int,
    resample: bool = False,
    takes: int = 1,
    seconds: int = 0,
) -> Compositions:
    """Return the clips of a recipe's folder; DatasetError for an unreadable recipe or unreadable sources.

    takes: training clips that share a view; 1: as the recipe says. seconds: of a clip, 0: as
    the task says.
    """
    path = Path(folder).expanduser() / FILE
    try:
        recipe = Recipe(**read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}. Write it again with `compose`.") from error
    takes = (takes if takes > 1 else recipe.takes) if split == "train" else 1
    return Compositions(
        _sources(recipe), task, split, seed, clips, size, takes, resample, seconds, root=str(Path(folder))
    )


@lru_cache(maxsize=4)
def _sources(recipe: Recipe) -> Sources:
    return read_sources(
        Path(recipe.images).expanduser(),
        Path(recipe.masks).expanduser(),
        Path(recipe.sounds).expanduser(),
        Path(recipe.backgrounds).expanduser() if recipe.backgrounds else None,
        Path(recipe.index).expanduser() if recipe.index else None,
    )
