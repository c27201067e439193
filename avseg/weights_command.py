"""The command `weights`: lists the released weights and fetches them by name."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avseg.config import Storage, Task
from avseg.downloads import OnBytes
from avseg.errors import AvsegError, ConfigError


def weights(
    action: tyro.conf.Positional[Literal["list", "get", "add"]] = "list",
    name: tyro.conf.Positional[str] = "",
    file: Path | None = None,
    cookies: Path | None = None,
    mirror: Annotated[str, tyro.conf.arg(name="from")] = "",
    storage: Storage = "float32",
    keep: bool = False,
    task: Task | None = None,
    status: Path | None = None,
) -> int:
    """List the authors' released weights, fetch one (`weights get NAME`), or add a file (`weights add FILE`).

    A download that was cut off or stopped continues when the same command runs again. The converted model is
    a file in `models/` (or AVSEG_MODELS): `--model NAME` and every model list of the app find it there.

    Args:
        action: list, get or add.
        name: A released model or a backbone; for add, a .pth or .safetensors file, or hub:owner/name.
        file: A .pth file that is here already, in place of the download.
        cookies: cookies.txt of a browser that is signed in to Google, for a file whose quota is reached.
        mirror: hub:owner/name, a repository on the Hub that `push_to_hub` made of the converted model.
        storage: bfloat16 and float16 halve the converted file; the model computes in float32 all the same.
        keep: Keep the downloaded .pth file in models/downloads.
        task: Tells S4 from MS3, for add; by default the one that the file's name contains.
        status: Folder in which the page follows this command.
    """
    if action == "list":
        if name:
            raise ConfigError(f"To fetch {name}: python -m avseg weights get {name}")
        return _list()
    if not name:
        if action == "add":
            raise ConfigError("Name the file to add: python -m avseg weights add FILE.")
        raise ConfigError("Name what to fetch: python -m avseg weights get NAME. `weights` lists the names.")
    from avseg.additions import track_addition

    with track_addition(status) as (on_progress, on_added):
        if action == "add":
            from avseg.additions import add

            if cookies or mirror or file or keep:
                raise ConfigError("`weights add FILE` takes only --task and --storage.")
            name = add(name, task, storage)
        elif not _fetch(name, file, cookies, mirror, storage, keep, on_progress):
            return 0  # a backbone
        _describe(name, measure=status is not None)
        on_added(name)
    print(f"  python -m avseg predict my_video.mp4 --model {name}")
    return 0


def _describe(name: str, measure: bool) -> None:
    """Print how a model that was added is stored and what it costs; measure: also the cost of a small one."""
    from avseg.checkpoints import find_model, read_card
    from avseg.cost import is_large, measure_cost

    path = find_model(name)
    if storage := read_card(path)[1].storage:
        print(f"  Stored as {storage}")
    with suppress(AvsegError):  # the model is here all the same
        if measure or is_large(path):
            print(f"  It takes {measure_cost(path).sentence}.")


def _fetch(
    name: str,
    file: Path | None,
    cookies: Path | None,
    mirror: str,
    storage: Storage,
    keep: bool,
    follow: OnBytes,
) -> bool:
    """Fetch a model with a progress bar and print its origin; False for a backbone."""
    from tqdm import tqdm

    from avseg.backbones import fetch_backbone
    from avseg.models.zoo import BACKBONES, LICENCE
    from avseg.weights import get, places

    if name in BACKBONES and (cookies or mirror):
        raise ConfigError(f"{name} is a backbone, not on Drive: leave out --cookies and --from.")
    with tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1000, leave=False) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            follow(done, total)

        if name in BACKBONES:
            path = fetch_backbone(BACKBONES[name], file, advance)
            bar.close()
            print(f"{name}: {path}")
            return False
        origin = get(name, file, cookies, mirror, storage, keep, advance)
    print(f"{name}: {places(name).model}")
    print(f"  from {origin.mirror or origin.source}, sha256 {origin.sha256 or 'unknown'}")
    print(f"  {LICENCE}")
    return True


def _list() -> int:
    from avseg.backbones import cached_backbone
    from avseg.models.zoo import BACKBONES, LICENCE, RELEASED, REPOSITORY
    from avseg.weights import places

    print("Released models (python -m avseg weights get NAME, then --model NAME):")
    for name, row in RELEASED.items():
        at = places(name)
        state = {
            "here": f"here, {at.model}",
            "partly": f"partly downloaded, {at.arrived / 1e6:.0f} of {row.megabytes} MB",
            "absent": "not here",
        }[at.state]
        miou, f_score = row.published
        print(
            f"  {name:17} {row.megabytes} MB, {row.config.image_size} px, published mIoU {miou:.2f}, "
            f"F {f_score:.1f}: {state}"
        )
    print(f"  mIoU and F in % on AVSBench's test splits, by the authors. {REPOSITORY}\n  {LICENCE}")
    print(
        "Pretrained backbones, which training downloads by itself (weights get NAME for a later run offline):"
    )
    for name, backbone in BACKBONES.items():
        state = f"here, {path}" if (path := cached_backbone(backbone)) else "not here"
        print(f"  {name:17} {backbone.megabytes} MB, {backbone.licence}: {state}")
    return 0
