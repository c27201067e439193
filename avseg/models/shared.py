"""What a model can do with a folder or the Hugging Face Hub; how it is done stands in avseg/hub.py."""

from pathlib import Path
from typing import Self

import torch


class Shared:
    """Load from and save to a folder or a Hub repository, strictly and without unpickling."""

    @classmethod
    def from_pretrained(
        cls, name: str | Path, revision: str | None = None, device: str | torch.device = "cpu"
    ) -> Self:
        """Return a model in eval mode by folder, bundled name, file, or Hub repository; see avseg.hub."""
        from avseg import hub

        return hub.from_pretrained(name, revision, device)

    def save_pretrained(self, folder: Path, **options: object) -> Path:
        """Write weights, config and model card into a folder; options as avseg.hub.save_pretrained."""
        from avseg import hub

        return hub.save_pretrained(self, folder, **options)

    def push_to_hub(self, repo: str, **options: object) -> str:
        """Put weights, config and model card into a Hub repository; options as avseg.hub.push_to_hub."""
        from avseg import hub

        return hub.push_to_hub(self, repo, **options)
