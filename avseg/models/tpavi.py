"""TPAVI, the baseline of AVSBench (Zhou et al., ECCV 2022): Figure 2 (a) of the AVSegFormer paper.

Letters in shapes: B clips, T frames, D channels, h and w of a stage. Frames attend to each other within a
window of `attention_frames` consecutive frames of their clip, so a call needs whole windows. Taps are as in
`avseg.models.avsegformer`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from avseg.config import UNTITLED, ModelConfig
from avseg.models.backbones import VisualBackbone
from avseg.models.vggish import AUDIO_BACKBONES, AUDIO_DIM

DILATIONS = (3, 6, 12, 18)


@dataclass(frozen=True)
class TPAVIOutput:
    """The result of one forward pass."""

    logits: torch.Tensor  # [B*T, classes, H, W]
    stages: tuple[torch.Tensor, ...]  # after TPAVI, not negative, four of [B*T, D, h, w]
    audio: tuple[torch.Tensor, ...]  # the sound of every frame as each stage hears it, four of [B*T, D]


@dataclass(frozen=True)
class StageFeatures:
    """Features of the frames that do not depend on the sound: strides 4, 8, 16 and 32."""

    stages: tuple[torch.Tensor, ...]  # four of [B*T, D, h, w]

    def __len__(self) -> int:
        return len(self.stages[0])

    def pick(self, rows: torch.Tensor) -> "StageFeatures":
        """Return the features of the frames `rows` [n]."""
        return StageFeatures(tuple(stage[rows] for stage in self.stages))

    def with_row(self, row: int, variants: "StageFeatures") -> "StageFeatures":
        """Return the frames once for each of k variants of one of them, k*B*T frames."""
        stages = []
        for stage, variant in zip(self.stages, variants.stages, strict=True):
            repeated = stage[None].repeat(len(variant), 1, 1, 1, 1)
            repeated[:, row] = variant
            stages.append(repeated.flatten(0, 1))
        return StageFeatures(tuple(stages))


@dataclass(frozen=True)
class Windows:
    """Which rows of a batch attend to each other: each frame to the n frames of its window."""

    rows: torch.Tensor  # int64 [B*T, n], padded with any row
    share: torch.Tensor  # float [B*T, n], 1 / frames of the window, 0 for padding


def attention_windows(like: torch.Tensor, clip_frames: int, longest: int) -> Windows:
    """Return the windows of the rows of `like`: `longest` frames each, counted from the start of every clip.

    clip_frames: frames of each clip. The last window of a clip may be shorter.
    """
    row = torch.arange(len(like), device=like.device)
    clip = row - row % clip_frames
    start = clip + (row - clip) // longest * longest
    end = torch.minimum(start + longest, clip + clip_frames).clamp(max=len(like))
    rows = start[:, None] + torch.arange(min(longest, clip_frames), device=like.device)
    inside = rows < end[:, None]
    share = inside.to(like) / (end - start)[:, None]
    return Windows(rows.where(inside, start[:, None]), share)


class ContextConvolutions(nn.ModuleList):
    """Four parallel 3x3 convolutions with growing dilation, summed: a stage [B*T, C, h, w] to D channels."""

    def __init__(self, channels: int, dim: int):
        convolutions = [nn.Conv2d(channels, dim, 3, padding=d, dilation=d) for d in DILATIONS]
        for convolution in convolutions:
            nn.init.normal_(convolution.weight, std=0.01)
        super().__init__(convolutions)

    def forward(self, stage: torch.Tensor) -> torch.Tensor:
        first, *others = (convolution(stage) for convolution in self)
        return first + sum(others)


class TPAVIBlock(nn.Module):
    """Temporal pixel-wise audio-visual interaction of one stage (AVSBench, Eq. 2), layer norm and ReLU.

    Every pixel attends to all pixels of its window, with the sound as key: theta(x) . phi(audio) / (T h w).
    The sound is the same all over a frame, so the sum over its pixels is the frame's mean, and a pixel needs
    one weight for each frame instead of one for each pixel: the same result without a map of (T h w)^2.
    """

    def __init__(self, dim: int):
        super().__init__()
        inner = dim // 2
        self.align = nn.Linear(AUDIO_DIM, dim)
        self.theta, self.phi, self.g = (nn.Conv2d(dim, inner, 1) for _ in range(3))
        normalise = nn.BatchNorm2d(dim)
        nn.init.zeros_(normalise.weight)  # as released: a new block passes its stage unchanged
        self.output = nn.Sequential(nn.Conv2d(inner, dim, 1), normalise)
        self.norm = nn.LayerNorm(dim)
        self.attention_tap, self.tap = nn.Identity(), nn.Identity()

    def forward(
        self, stage: torch.Tensor, audio: torch.Tensor, windows: Windows
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the stage [B*T, D, h, w] with the sound, and the sound [B*T, D], of audio [B*T, 128]."""
        aligned = self.align(audio)
        phi = self.phi(aligned[..., None, None])[..., 0, 0]  # [B*T, D/2]
        g = self.g(stage.mean((2, 3), keepdim=True))[..., 0, 0]  # [B*T, D/2]
        theta = self.theta(stage).flatten(2)  # [B*T, D/2, h*w]
        attention = phi[windows.rows] @ theta * windows.share[..., None]  # [B*T, n, h*w]
        attention = self.attention_tap(attention.unflatten(2, stage.shape[-2:])).flatten(2)
        heard = g[windows.rows].transpose(1, 2) @ attention  # [B*T, D/2, h*w]
        mixed = stage + self.output(heard.unflatten(2, stage.shape[-2:]))
        # As released, whose decoder rectifies the stages in place, so that the matching loss sees them so.
        return self.tap(self.norm(mixed.movedim(1, -1)).movedim(-1, 1).relu()), aligned


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions; as released, the skip path carries relu(x)."""

    def __init__(self, dim: int):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(dim, dim, 3, padding=1) for _ in range(2))

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        feature = feature.relu()
        return feature + self.conv2(self.conv1(feature).relu())


class Fusion(nn.Module):
    """One step of the decoder, coarse to fine: the next finer stage is added, then 2x up."""

    def __init__(self, dim: int, coarsest: bool = False):
        super().__init__()
        self.skip = None if coarsest else ResidualUnit(dim)
        self.unit = ResidualUnit(dim)

    def forward(self, stage: torch.Tensor, coarser: torch.Tensor | None = None) -> torch.Tensor:
        feature = self.unit(stage if self.skip is None else coarser + self.skip(stage))
        return F.interpolate(feature, scale_factor=2, mode="bilinear", align_corners=True)


class TPAVI(nn.Module):
    """Figure 2 (a): backbone, context convolutions, TPAVI at every stage, convolutional decoder."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        c = self.config = config
        self.card = UNTITLED
        self.visual_backbone = VisualBackbone(c)
        self.audio_backbone = AUDIO_BACKBONES[c.audio_backbone]()
        channels, dim = self.visual_backbone.channels, c.embed_dim
        self.context = nn.ModuleList(ContextConvolutions(width, dim) for width in channels)
        self.tpavi = nn.ModuleList(TPAVIBlock(dim) for _ in channels)
        self.fusion = nn.ModuleList(Fusion(dim, coarsest=stage == 4) for stage in (1, 2, 3, 4))
        wide, narrow = c.head_channels
        self.mask_layers = nn.Sequential(
            nn.Conv2d(dim, wide, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.Conv2d(wide, narrow, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(narrow, c.classes, 1),
        )

    def forward(
        self,
        frames: torch.Tensor,
        log_mel: torch.Tensor,
        temporal_flags: torch.Tensor | None = None,
        intermediate: bool = False,
        clip_frames: int = 0,
    ) -> TPAVIOutput:
        """Return the logits of frames [B*T, 3, H, W] (ImageNet-normalised) and log_mel [B*T, 1, 96, 64].

        H and W are multiples of 32. temporal_flags [B*T] of 0 or 1: padded frames of AVSS neither see nor are
        heard, and have no mask. intermediate: without effect, there is one mask. clip_frames: T, which
        separates the clips of a batch; 0: one clip.
        """
        return self.decode(self.encode_frames(frames), log_mel, temporal_flags, intermediate, clip_frames)

    def encode_frames(self, frames: torch.Tensor) -> StageFeatures:
        """Return the features of frames [B*T, 3, H, W], the part that does not depend on the sound."""
        pyramid = self.visual_backbone(frames)
        return StageFeatures(
            tuple(convolve(stage) for convolve, stage in zip(self.context, pyramid, strict=True))
        )

    def decode(
        self,
        features: StageFeatures,
        log_mel: torch.Tensor,
        temporal_flags: torch.Tensor | None = None,
        intermediate: bool = False,
        clip_frames: int = 0,
    ) -> TPAVIOutput:
        """Return the output of `forward` for encoded frames; several sounds can share one encoding."""
        audio, stages = self.audio_backbone(log_mel), features.stages  # [B*T, 128]
        if temporal_flags is not None:
            flags = temporal_flags.to(audio).view(-1, 1, 1, 1)
            audio, stages = audio * flags[:, :, 0, 0], tuple(stage * flags for stage in stages)
        windows = attention_windows(audio, clip_frames or len(audio), self.config.attention_frames)
        pairs = [block(stage, audio, windows) for block, stage in zip(self.tpavi, stages, strict=True)]
        mixed, heard = zip(*pairs, strict=True)
        feature = None
        for fuse, stage in zip(reversed(self.fusion), reversed(mixed), strict=True):
            feature = fuse(stage, feature)  # [B*T, D, 2h, 2w]
        logits = self.mask_layers(feature)
        if temporal_flags is not None:
            logits = logits * flags
        return TPAVIOutput(logits, mixed, heard)
