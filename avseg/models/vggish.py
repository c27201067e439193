"""The audio backbone: VGGish, and a small variant with the same input and output (paper Sec. 3.2)."""

import torch
from torch import nn

AUDIO_DIM = 128


class VGGish(nn.Module):
    """VGGish without PCA: log-mel [B*T, 1, 96, 64] to an embedding [B*T, 128], 72.1 M parameters.

    Source: Hershey et al. 2017; layer order of the released weights (`vggish-10086976.pth`).
    """

    def __init__(self):
        super().__init__()
        blocks: list[nn.Module] = []
        width = 1
        for convolutions in ((64,), (128,), (256, 256), (512, 512)):
            for channels in convolutions:
                blocks += [nn.Conv2d(width, channels, 3, padding=1), nn.ReLU()]
                width = channels
            blocks.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*blocks)
        self.embeddings = nn.Sequential(
            *(nn.Linear(512 * 6 * 4, 4096), nn.ReLU()),
            *(nn.Linear(4096, 4096), nn.ReLU()),
            *(nn.Linear(4096, AUDIO_DIM), nn.ReLU()),
        )

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        maps = self.features(log_mel)  # [B*T, 512, 6, 4]
        # The released weights expect (time, band, channel) order, as in the original TensorFlow network.
        return self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))  # [B*T, 128]


class SmallVGGish(nn.Module):
    """A small variant of VGGish for the bundled models: same input and output, 0.3 M parameters.

    Four blocks of two convolutions with batch norm, then mean and maximum over time and band.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)):
        super().__init__()
        blocks: list[nn.Module] = []
        width = 1
        for channels in widths:
            for _ in range(2):
                conv = nn.Conv2d(width, channels, 3, padding=1, bias=False)
                blocks += [conv, nn.BatchNorm2d(channels), nn.ReLU()]
                width = channels
            blocks.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*blocks)
        self.embedding = nn.Linear(2 * width, AUDIO_DIM)

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        # Log-mel values lie in about [-4.6, 3]; this brings them near zero mean and unit range.
        maps = self.features((log_mel + 2.0) / 2.0)  # [B*T, 128, 6, 4]
        pooled = torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)  # [B*T, 256]
        return self.embedding(pooled).relu()  # [B*T, 128]


class MediumVGGish(SmallVGGish):
    """As `SmallVGGish`, with 0.7 M parameters: for recordings of some sixty classes."""

    def __init__(self) -> None:
        super().__init__((24, 48, 96, 192))


AUDIO_BACKBONES: dict[str, type[nn.Module]] = {
    "vggish": VGGish,
    "vggish-small": SmallVGGish,
    "vggish-medium": MediumVGGish,
}
