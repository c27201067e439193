"""Checkpoints: one safetensors file with the weights, their config and a card that says what they are.

Nothing is unpickled: models are read with safetensors, released .pth files with
`torch.load(weights_only=True)`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError, safe_open

from avseg.config import Card, ModelConfig, from_dict
from avseg.errors import CheckpointError, ConfigError
from avseg.file_kinds import CONVERT, WEIGHTS_SUFFIXES, require_weights
from avseg.files import ASSETS, UNREADABLE, atomic_write, visible
from avseg.late import torch
from avseg.models.build import SegmentationModel, build_model
from avseg.models.pretrained import AUDIO, BACKBONES, load_audio_weights
from avseg.models.released import Imported, find_state_dict, rename_released
from avseg.models.zoo import RELEASED

FORMAT = "avseg-1"
DRAWN, FILMED = "tiny-ms3", "small-real"  # bundled models for drawn scenes and for filmed video
DTYPES = {  # of torch, by safetensors' names
    **{"F64": "float64", "F32": "float32", "BF16": "bfloat16", "F16": "float16"},
    **{"I64": "int64", "I32": "int32", "U8": "uint8", "BOOL": "bool"},
}
BUNDLED, CLIPS = ASSETS / "models", ASSETS / "clips"
SAME_LOOKS = (
    "Models for S4 and MS3 look the same, and the file's name does not say which one this is: add --task s4 "
    "or --task ms3."
)


def save_model(
    path: Path, model: SegmentationModel, card: Card, dtype: torch.dtype | None = None, backbones: str = ""
) -> Path:
    """Write weights, config and card to `path` atomically; floats as `dtype` (None: float32).

    backbones: the name of bundled backbones (assets/backbones) that the model has unchanged; they are left
    out, and the file refers to them. Raises CheckpointError where the model's differ.
    """
    from safetensors.torch import save_file

    dtype = dtype or torch.float32
    tensors = {
        k: (v.to(dtype) if v.is_floating_point() else v).detach().cpu().contiguous()
        for k, v in model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "config": json.dumps(dataclasses.asdict(model.config)),
        "card": json.dumps(dataclasses.asdict(card)),
    }
    if backbones:
        metadata["backbones"] = backbones
        for name, tensor in _read_tensors(_bundled_backbones(backbones, path)).items():
            if name not in tensors or not torch.equal(tensor, tensors.pop(name).to(tensor.dtype)):
                raise CheckpointError(f"{name} of this model is not that of the backbones {backbones!r}.")
    path = Path(path)
    with atomic_write(path) as unfinished:
        save_file(tensors, unfinished, metadata=metadata)
    return path


def read_card(path: Path) -> tuple[ModelConfig, Card]:
    """Return config and card of a checkpoint without reading its weights.

    Raises CheckpointError for a missing or damaged file and for one that avseg did not write.
    """
    path = Path(path)
    try:
        about = path.stat()
    except OSError:
        return _read_card(path)  # which says what is wrong
    return _card_of(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=64)
def _card_of(path: Path, _written: int, _size: int) -> tuple[ModelConfig, Card]:
    """Return what a file holds, read again when it was written anew."""
    return _read_card(path)


def _read_card(path: Path) -> tuple[ModelConfig, Card]:
    if require_weights(path) == "torch":
        command = CONVERT.format(file=path.name, stem=path.stem)
        raise CheckpointError(f"{path.name} is a PyTorch file, not a model of this app. {command}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path.name} is not a complete safetensors file: damaged, or still being copied ({error})."
            + ("" if path.suffix == ".safetensors" else f" {CONVERT.format(file=path.name, stem=path.stem)}")
        ) from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path.name} has no avseg config: avseg did not write it. Import the .pth file of the release "
            "with `python -m avseg import-weights FILE.pth --out MODEL.safetensors`."
        )
    try:
        config = from_dict(ModelConfig, json.loads(metadata["config"]))
        return config, from_dict(Card, json.loads(metadata["card"]))
    except (KeyError, ValueError, RecursionError, ConfigError) as error:
        raise CheckpointError(f"The config inside {path.name} cannot be read: {error}") from error


def load_model(name_or_path: str | Path, device: str | torch.device = "cpu") -> SegmentationModel:
    """Return a model in eval mode by the name of a bundled model (`tiny-ms3`) or by file.

    Raises CheckpointError for a name or file that does not exist and for weights that do not fit.
    """
    path = find_model(name_or_path)
    config, card = check_model(path)
    with torch.device("meta"):  # the weights are assigned: memory for one copy of them
        model = build_model(config)
    tensors = {name: tensor for part in _parts(path) for name, tensor in _read_tensors(part).items()}
    model.load_state_dict(tensors, strict=True, assign=True)
    model.card = card
    return model.to(device).eval()


def check_model(path: Path) -> tuple[ModelConfig, Card]:
    """Return config and card of a checkpoint whose weights fit its config; raises CheckpointError.

    Only the shapes are read, and no memory is taken: a config may ask for more than the file holds.
    """
    config, card = read_card(path)
    shapes: dict[str, tuple[int, ...]] = {}
    for part in _parts(path):
        with safe_open(part, framework="numpy") as file:
            shapes |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    try:
        expected = parameter_shapes(config)
    except ConfigError as error:
        raise CheckpointError(f"The config in {path.name} makes no model. {error}") from error
    if texts := _differences(expected, shapes):
        raise CheckpointError(f"The weights in {path.name} do not fit their own config. {texts}.")
    return config, card


def _parts(path: Path) -> list[Path]:
    """Return the files with a checkpoint's tensors: itself, and the bundled backbones that it refers to."""
    with safe_open(path, framework="numpy") as file:
        name = (file.metadata() or {}).get("backbones", "")
    return [_bundled_backbones(name, path), path] if name else [path]


def _bundled_backbones(name: str, path: Path) -> Path:
    file = BACKBONES / f"{name}.safetensors"
    if not re.fullmatch(r"[a-z0-9-]{1,40}", name) or not file.is_file():
        raise CheckpointError(
            f"{Path(path).name} needs the backbones {name[:40]!r}, which are not in assets/backbones. Use "
            "the version of this project that the file was made with."
        )
    return file


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file, floats as float32.

    They are read, not mapped: whoever overwrites a mapped file ends the process that uses it. Format: 8 bytes
    with the length of a JSON header, the header with each tensor's type, shape and place, the data.
    """
    tensors = {}
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.tell()
        for name, about in header.items():
            if name == "__metadata__":
                continue
            if about["dtype"] not in DTYPES:
                raise CheckpointError(
                    f"{path.name} stores {name} as {about['dtype']}, which is not supported."
                )
            start, end = about["data_offsets"]
            raw = torch.empty(end - start, dtype=torch.uint8)
            file.seek(data + start)
            if file.readinto(raw.numpy().data) != end - start:
                raise CheckpointError(f"{path.name} was cut while it was read. Load it again.")
            tensor = raw.view(getattr(torch, DTYPES[about["dtype"]])).reshape(about["shape"])
            tensors[name] = tensor.float() if tensor.is_floating_point() else tensor
    return tensors


def find_model(name_or_path: str | Path) -> Path:
    """Return the file of a bundled or imported model by its name, or of a path.

    CheckpointError lists the names, and says which command fetches a released model that is not here.
    """
    name, bundled, imported = str(name_or_path), bundled_models(), imported_models()
    path = Path(name_or_path).expanduser()
    if known := bundled.get(name) or bundled_rows().get(name):
        return known
    if path.is_file():
        return path
    if name in imported:
        return imported[name]
    if name in RELEASED:
        raise CheckpointError(
            f"{name} is a released model that is not on this computer. Fetch it "
            f"({RELEASED[name].megabytes} MB) with `python -m avseg weights get {name}`."
        )
    raise CheckpointError(
        f"{name!r} is neither a model's name nor a file. Bundled models: {', '.join(bundled) or 'none'}. "
        f"Imported: {', '.join(imported) or 'none'}. Released: see `python -m avseg weights`."
    )


def imported_models() -> dict[str, Path]:
    """Return the files in the folder of imported models by name; they are not opened."""
    return {path.stem: path for path in visible(imported_root().glob("*.safetensors"))}


def bundled_models() -> dict[str, Path]:
    """Return the files of the bundled models by name, the default model first."""
    return dict(_bundled(BUNDLED, BUNDLED.stat().st_mtime_ns)) if BUNDLED.is_dir() else {}


def bundled_rows() -> dict[str, Path]:
    """Return the models of bundled ablation studies by STUDY-ROW; lists of models leave them out."""
    files = visible(BUNDLED.glob("*/*.safetensors"))
    return {f"{path.parent.name}-{path.stem}": path for path in files}


@lru_cache(maxsize=2)
def _bundled(folder: Path, _changed: int) -> Mapping[str, Path]:
    files = sorted(visible(folder.glob("*.safetensors")), key=lambda path: (path.stem != DRAWN, path.stem))
    return {path.stem: path for path in files}


def recommended_model(video: Path) -> str:
    """Return the bundled model for a video: `tiny-ms3` for a drawn scene, otherwise `small-real`."""
    return FILMED if FILMED in bundled_models() and not is_drawn(video) else DRAWN


def is_drawn(video: Path) -> bool:
    """Return whether a video is a bundled drawn clip, whose SynthAVS scene is described beside it."""
    about = Path(video).with_suffix(".json")
    if about.resolve().parent != CLIPS or not about.is_file():
        return False
    return "scene" in json.loads(about.read_text(encoding="utf-8"))


def imported_root() -> Path:
    """Return the folder of imported models: AVSEG_MODELS, or `models` in the repository."""
    return Path(os.environ.get("AVSEG_MODELS", ASSETS.parent / "models")).expanduser()


def read_released(path: Path, task: str | None = None) -> Imported:
    """Read a released .pth file, without running pickled code, and rename its parameters."""
    path = Path(path)
    if require_weights(path) == "safetensors":
        raise CheckpointError(f"{path.name} is a safetensors file, not a .pth file of the release.")
    try:
        # Mapped, not read: a conversion needs little memory. Only the format since PyTorch 1.6 can be.
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except UNREADABLE as error:
        # torch's own message is left out: it recommends loading the file in the unsafe way.
        blocked = re.search(r"GLOBAL ([\w.]+)", str(error))
        more = f"Python objects ({blocked[1]})" if blocked else "more than tensors"
        raise CheckpointError(
            f"{path.name} cannot be read as plain weights: it is damaged or contains {more}, and only "
            "tensors are ever loaded. Where the file was made, save the state dict alone: "
            'torch.save(model.state_dict(), "weights.pth").'
        ) from error
    state, source = find_state_dict(saved)
    imported = import_released(state, task)
    return replace(imported, source=source)


def read_named(path: Path, task: str | None = None, out: Path = Path()) -> Imported:
    """Read a released .pth file; S4 and MS3 are told apart by `task`, or by the name of the file or of `out`.

    Raises CheckpointError where none of them says it.
    """
    imported = read_released(path, task)
    if task is not None or imported.config.task != "s4":
        return imported
    named = tasks_in_name(path) or tasks_in_name(out)
    if named not in ({"s4"}, {"ms3"}):
        raise CheckpointError(SAME_LOOKS)
    return imported if "s4" in named else replace(imported, config=replace(imported.config, task="ms3"))


def import_released(state: dict[str, torch.Tensor], task: str | None = None) -> Imported:
    """Rename a released state dict and compare it with the model, which is built without storage.

    task: tells S4 from MS3, whose models look the same (default s4). Raises CheckpointError with the
    parameters that are missing, unexpected or of another shape.
    """
    imported = rename_released(state, task)
    config, weights = imported.config, imported.weights
    shapes = {name: tuple(v.shape) for name, v in weights.items()}
    expected = parameter_shapes(config)
    if config.architecture == "tpavi":
        expected = {name: shape for name, shape in expected.items() if not name.startswith(AUDIO)}
    if texts := _differences(expected, shapes, imported.unknown):
        raise CheckpointError(
            f"This looks like a released {config.task} model ({config.backbone}, {config.edition}), but does "
            f"not match it. {texts}."
        )
    return imported


Shapes = dict[str, tuple[int, ...]]


@lru_cache(maxsize=32)
def parameter_shapes(config: ModelConfig) -> Shapes:
    """Return the shapes of a model's weights by name; it is built without storage."""
    with torch.device("meta"):
        return {name: tuple(v.shape) for name, v in build_model(config).state_dict().items()}


def _differences(expected: Shapes, found: Shapes, unknown: tuple[str, ...] = ()) -> str:
    """Say how the shapes found differ from those expected, "" if they do not; unknown: further names."""
    shapes = [
        f"{name} has shape {shape} instead of {expected[name]}"
        for name, shape in found.items()
        if name in expected and shape != expected[name]
    ]
    problems = {
        "missing": sorted(set(expected) - set(found)),
        "unexpected": sorted({*unknown, *(set(found) - set(expected))}),
        "of another shape": shapes,
    }
    texts = [f"{len(names)} {problem}: {_first(names)}" for problem, names in problems.items() if names]
    return "; ".join(texts)


def _first(names: list[str], count: int = 4) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def import_weights(
    path: Path,
    out: Path,
    task: str | None = None,
    dtype: torch.dtype | None = None,
    audio: str = "vggish",
) -> Imported:
    """Convert a released .pth file to a checkpoint at `out`; return what was imported.

    task: for a model of S4 or MS3, which look the same; by default the one that a file name contains. dtype:
    of the floats in the file. audio: where VGGish comes from, which AVSBench's files do not hold: "vggish"
    (downloaded), or a file. Raises CheckpointError where neither name says the task.
    """
    path, out = Path(path), Path(out)
    if out.suffix != ".safetensors":
        raise CheckpointError(f"--out is {out.name}; its extension must be .safetensors.")
    from avseg.models.vggish import AUDIO_BACKBONES

    imported = read_named(path, task, out)
    c, name = imported.config, "AVSegFormer"
    if c.architecture == "tpavi":
        network, name = AUDIO_BACKBONES[c.audio_backbone](), "TPAVI"
        load_audio_weights(network, audio)
        weights = {f"{AUDIO}{key}": value for key, value in network.state_dict().items()}
        imported = replace(imported, weights=imported.weights | weights)
    source = f" ({imported.source})" if imported.source else ""
    convert(
        imported,
        out,
        f"Imported from {path.name}{source}: {name} {c.edition}, {c.backbone}, {c.task}.",
        dtype,
    )
    return imported


def convert(imported: Imported, out: Path, note: str, dtype: torch.dtype | None = None) -> Path:
    """Write what was read from a released file as a checkpoint; note: of its card.

    For 16 bits, what that changes in the masks is measured, and its card says it.
    """
    with torch.device("meta"):  # the weights are assigned, not copied
        model = build_model(imported.config)
    model.load_state_dict(imported.weights, strict=True, assign=True)
    storage = ""
    if dtype is not None and dtype != torch.float32:
        from avseg.storage import measure_storage

        difference = measure_storage(imported.config, imported.weights, dtype)
        storage = difference.sentence if difference else str(dtype).removeprefix("torch.")
    return save_model(out, model, Card(out.stem, "released", note, storage=storage), dtype)


def tasks_in_name(path: Path) -> set[str]:
    """Return the tasks that a file's name contains as words: AVSegFormer_pvt2_ms3.pth."""
    return set(re.findall(r"(?<![a-z0-9])(s4|ms3|avss)(?![a-z0-9])", path.stem.lower()))


def foreign_weights(folder: Path) -> dict[str, str]:
    """Return by file name why files in a folder of models are not offered as one, and what helps.

    A file that avseg wrote and can read is not listed. Nothing is loaded.
    """
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
