"""Which weights the authors of AVSegFormer have released, and which pretrained backbones training uses."""

from dataclasses import dataclass

from avseg.config import Edition, ModelConfig, Task
from avseg.presets import PRESETS

REPOSITORY = "https://github.com/vvvb-github/AVSegFormer"
LICENCE = (
    "The authors' repository states no licence for these weights: use them yourself, and do not publish "
    "copies."
)
MEGABYTES = {"r50-apr2023": 578, "pvt-apr2023": 719, "r50-aug2023": 604, "pvt-aug2023": 744}  # float32


@dataclass(frozen=True)
class ReleasedFile:
    """One .pth file of the authors on Google Drive."""

    task: Task
    backbone: str  # r50 or pvt
    edition: Edition
    drive_id: str
    published: tuple[float, float]  # mIoU and F in % on AVSBench's test split, from the paper or the README
    sha256: str = ""  # empty: unknown; then the first file that is fetched decides

    @property
    def name(self) -> str:
        """The name that commands take, which is also that of the preset: s4-pvt-aug2023."""
        return f"{self.task}-{self.backbone}-{self.edition}"

    @property
    def config(self) -> ModelConfig:
        """The model that the file belongs to."""
        return PRESETS[self.name].model

    @property
    def megabytes(self) -> int:
        """Size of the file, in units of 10^6 bytes, from the shapes of its tensors."""
        return MEGABYTES[f"{self.backbone}-{self.edition}"]

    @property
    def page(self) -> str:
        """The file's page for a browser."""
        return f"https://drive.google.com/file/d/{self.drive_id}/view"


@dataclass(frozen=True)
class PretrainedBackbone:
    """A backbone that training starts from, and where it is published."""

    name: str  # as in train.backbone_weights and train.audio_weights
    megabytes: int
    repo: str  # on the Hugging Face Hub, of the file or of a copy
    file: str
    licence: str
    url: str = ""  # of the file itself, where that is not the Hub; its name ends in the start of its SHA-256


# Ids: README of the repository's two releases. The README lists no other place, and no mirror is known.
RELEASED = {
    row.name: row
    for row in (
        ReleasedFile("s4", "pvt", "aug2023", "1ZJ55jxoHP1ur-hLBkGcha8sjptE_shfw", (83.06, 90.5)),
        ReleasedFile("s4", "r50", "aug2023", "1nvIfR-1XZ_BgP8ZSUDuAsGhAwDJRxgC3", (76.38, 86.7)),
        ReleasedFile("ms3", "pvt", "aug2023", "1iKTxWtehAgCkNVty-4H1zVyAOaNxipHv", (61.33, 73.0)),
        ReleasedFile("ms3", "r50", "aug2023", "1MRk5gQnUtiWwYDpPfB20fO07SVLhfuIV", (53.81, 65.6)),
        ReleasedFile("avss", "pvt", "aug2023", "1P8a2dJSUoW0EqFyxyP8B1-Rnscxnh0YY", (37.31, 42.8)),
        ReleasedFile("avss", "r50", "aug2023", "1RvL6psDsINuUwd9V1ESgE2Kixh9MXIke", (26.58, 31.5)),
        ReleasedFile("s4", "pvt", "apr2023", "1Gf61ZKmhoUMnc4QSmD9fpK4BFAh9Xbqq", (82.06, 89.9)),
        ReleasedFile("s4", "r50", "apr2023", "11CvMJyMcLeNogrGiBRsC6MBAubfRf9Es", (76.45, 85.9)),
        ReleasedFile("ms3", "pvt", "apr2023", "1Zp3USytNFdrBgeKJitq1_8qcGzhRx7NG", (58.36, 69.3)),
        ReleasedFile("ms3", "r50", "apr2023", "1t8PAQkjCHgVKWkl9fstc7hAbZi7zGzqD", (49.53, 62.8)),
        ReleasedFile("avss", "pvt", "apr2023", "1M31vgu6rM7gGecRngvF2tAiZ6HwHM5_p", (36.66, 42.0)),
        ReleasedFile("avss", "r50", "apr2023", "1GNWoKsNqLFWlTMDwqkWc7xO6YCTwWR7U", (24.93, 29.3)),
    )
}
BACKBONES = {
    row.name: row
    for row in (
        PretrainedBackbone("pvt_v2_b5.in1k", 328, "timm/pvt_v2_b5.in1k", "model.safetensors", "Apache-2.0"),
        PretrainedBackbone(
            "resnet50.tv_in1k", 102, "timm/resnet50.tv_in1k", "model.safetensors", "BSD-3-Clause"
        ),
        PretrainedBackbone(
            "vggish",
            289,
            "YannQi/COMBO-AVS-checkpoints",
            "vggish-10086976.pth",
            "Apache-2.0",
            "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
        ),
    )
}
