"""Fetches pretrained backbones into the caches where training looks for them."""

import os
import shutil
from pathlib import Path

from avseg.downloads import OnBytes, Wanted, download
from avseg.errors import CheckpointError, ConfigError
from avseg.file_kinds import require_weights
from avseg.files import UNFINISHED, atomic_write, sha256_of
from avseg.models.zoo import PretrainedBackbone


def cached_backbone(backbone: PretrainedBackbone) -> Path | None:
    """Return the file that training would use, None where it would download it."""
    if backbone.url:
        path = _torch_cache() / backbone.file
        return path if path.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(backbone.repo, backbone.file)
    return Path(found) if isinstance(found, str) else None


def fetch_backbone(
    backbone: PretrainedBackbone, file: Path | None = None, on_progress: OnBytes = lambda *_: None
) -> Path:
    """Download a backbone, unless it is cached, and return its file; raises CheckpointError.

    file: of vggish, downloaded from elsewhere. A download that was cut off continues with the next call.
    """
    if (here := cached_backbone(backbone)) is not None:
        return here
    if not backbone.url:
        if file is not None:
            raise ConfigError(f"Pass {file} to training instead: --train.backbone-weights {file}")
        from huggingface_hub import hf_hub_download

        from avseg.hub import translate_hub_errors

        with translate_hub_errors(backbone.repo):
            return Path(hf_hub_download(backbone.repo, backbone.file, library_name="avseg"))
    path = _torch_cache() / backbone.file
    if file is not None:
        require_weights(file)
        _check_hash(file, backbone)
        with atomic_write(path) as copy:
            shutil.copyfile(file, copy)
        return path
    part = path.with_name(f"{path.name}{UNFINISHED}")
    size = backbone.megabytes * 10**6
    otherwise = (
        f"{backbone.repo} on the Hugging Face Hub has a copy: download it in a browser, then "
        f"`python -m avseg weights get {backbone.name} --file FILE.pth`."
    )
    download(Wanted(backbone.url, (size * 9 // 10, size * 11 // 10), otherwise), part, on_progress)
    try:
        _check_hash(part, backbone)
    except CheckpointError:
        part.unlink()
        raise
    os.replace(part, path)
    return path


def _check_hash(path: Path, backbone: PretrainedBackbone) -> None:
    """Compare a file with the digits in its published name, which are how its SHA-256 begins (torch.hub)."""
    digest = sha256_of(path)
    if not digest.startswith(backbone.file.split("-")[1].split(".")[0]):
        raise CheckpointError(
            f"{path.name} is damaged or another file than {backbone.file}: sha256 {digest}."
        )


def _torch_cache() -> Path:
    """Return where torch.hub keeps checkpoints, which is found without importing torch."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints"
