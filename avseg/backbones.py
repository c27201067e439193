"""Fetches pretrained backbones into the caches where training looks for them."""

import hashlib
import os
import shutil
from pathlib import Path

from avseg.errors import CheckpointError
from avseg.files import atomic_write
from avseg.hub import translate_hub_errors
from avseg.models.zoo import PretrainedBackbone


def cached_backbone(backbone: PretrainedBackbone) -> Path | None:
    """Return the file that training would use, None where it would download it."""
    if backbone.name == "vggish":
        path = _torch_cache() / backbone.file
        return path if path.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(backbone.repo, backbone.file)
    return Path(found) if isinstance(found, str) else None


def fetch_backbone(backbone: PretrainedBackbone) -> Path:
    """Download a backbone, unless it is cached, and return its file; raises CheckpointError."""
    if (here := cached_backbone(backbone)) is not None:
        return here
    from huggingface_hub import hf_hub_download

    with translate_hub_errors(backbone.repo):
        path = Path(hf_hub_download(backbone.repo, backbone.file, library_name="avseg"))
    if backbone.name != "vggish":
        return path
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(backbone.file.split("-")[1].split(".")[0]):  # torch.hub's rule
        raise CheckpointError(
            f"{backbone.file} of {backbone.repo} is damaged or another file: sha256 {digest}."
        )
    with atomic_write(_torch_cache() / backbone.file) as copy:
        shutil.copyfile(path, copy)
    return _torch_cache() / backbone.file


def _torch_cache() -> Path:
    """Return where torch.hub keeps checkpoints, which is found without importing torch."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints"
