"""AVSegFormer in the order of the paper: one class per box of its Figure 3.

Letters in shapes: B clips, T frames, Q queries, N tokens of all levels, D channels, h = H/4, w = W/4. Frames
do not attend to each other, so the first axis is always B*T. Where the paper leaves a choice open, the
docstring says which reading is implemented. `nn.Identity` members named `...tap` change nothing:
`avseg.interpret.sites` records activations there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from avseg.config import UNTITLED, ModelConfig
from avseg.models.attention import Attention, FeedForward, join_heads, sine_position, split_heads
from avseg.models.backbones import VisualBackbone
from avseg.models.deformable import DeformableAttention, Shapes, reference_points
from avseg.models.vggish import AUDIO_BACKBONES, AUDIO_DIM

LEVELS = 3


@dataclass(frozen=True)
class AVSegOutput:
    """The result of one forward pass."""

    logits: torch.Tensor  # [B*T, classes, H, W]
    mixed_feature: torch.Tensor  # F_hat [B*T, D, h, w], after the mixer
    intermediate: tuple[torch.Tensor, ...]  # per decoder layer [B*T, classes, H, W]; empty unless requested


@dataclass(frozen=True)
class VisualFeatures:
    """Features of the frames that do not depend on the sound."""

    tokens: torch.Tensor  # [B*T, N, D], after the encoder
    mask_feature: torch.Tensor  # [B*T, D, h, w], before the mixer
    shapes: Shapes  # height and width of the three levels of tokens

    def __len__(self) -> int:
        return len(self.tokens)

    def pick(self, rows: torch.Tensor) -> "VisualFeatures":
        """Return the features of the frames `rows` [n]."""
        return VisualFeatures(self.tokens[rows], self.mask_feature[rows], self.shapes)

    def repeated(self, times: int) -> "VisualFeatures":
        """Return every frame's features `times` in a row, one for each of several sounds."""
        tokens, mask_feature = (f.repeat_interleave(times, 0) for f in (self.tokens, self.mask_feature))
        return VisualFeatures(tokens, mask_feature, self.shapes)


class VisualProjection(nn.ModuleList):
    """Sec. 3.2, feature transformation: F_1..F_4 to D channels (as released: 1x1 conv, group norm)."""

    def __init__(self, channels: tuple[int, ...], dim: int):
        super().__init__(nn.Sequential(nn.Conv2d(c, dim, 1), nn.GroupNorm(32, dim)) for c in channels)

    def forward(self, pyramid: list[torch.Tensor]) -> list[torch.Tensor]:
        return [project(stage) for project, stage in zip(self, pyramid, strict=True)]


class EncoderLayer(nn.Module):
    """Deformable self-attention and feed-forward, each with a residual connection and post-norm."""

    def __init__(self, c: ModelConfig):
        super().__init__()
        self.attention = DeformableAttention(c.embed_dim, c.heads, LEVELS, c.points)
        self.feedforward = FeedForward(c.embed_dim, c.feedforward_dim, c.dropout)
        self.norm1, self.norm2 = nn.LayerNorm(c.embed_dim), nn.LayerNorm(c.embed_dim)
        self.dropout = nn.Dropout(c.dropout)

    def forward(
        self, tokens: torch.Tensor, position: torch.Tensor, reference: torch.Tensor, shapes: Shapes
    ) -> torch.Tensor:
        attended = self.attention(tokens + position, reference, tokens, shapes)
        tokens = self.norm1(tokens + self.dropout(attended))
        return self.norm2(tokens + self.dropout(self.feedforward(tokens)))


class Encoder(nn.Module):
    """Sec. 3.3: joint self-attention over strides 8, 16 and 32, flattened to tokens [B*T, N, D]."""

    def __init__(self, c: ModelConfig):
        super().__init__()
        self.level_embedding = nn.Parameter(torch.randn(LEVELS, c.embed_dim))
        self.layers = nn.ModuleList(EncoderLayer(c) for _ in range(c.encoder_layers))
        self.tap = nn.Identity()

    def forward(self, features: list[torch.Tensor], shapes: Shapes) -> torch.Tensor:
        tokens = torch.cat([f.flatten(2).transpose(1, 2) for f in features], dim=1)  # [B*T, N, D]
        position = torch.cat(
            [
                sine_position(*shape, tokens.shape[-1], tokens) + level
                for shape, level in zip(shapes, self.level_embedding, strict=True)
            ]
        )  # [N, D]
        reference = reference_points(shapes, tokens)  # [N, 2]
        for layer in self.layers:
            tokens = layer(tokens, position, reference, shapes)
        return self.tap(tokens)


class MaskFeature(nn.Module):
    """Sec. 3.3: the stride-8 output, 2x up, plus the stride-4 feature: F_mask [B*T, D, h, w].

    As released: one more 1x1 projection of the stride-4 feature, one 3x3 convolution on the sum.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.lateral = nn.Sequential(nn.Conv2d(dim, dim, 1), nn.GroupNorm(32, dim))
        self.smooth = nn.Sequential(nn.Conv2d(dim, dim, 3, padding=1), nn.GroupNorm(32, dim), nn.ReLU())
        self.tap = nn.Identity()

    def forward(self, stride4: torch.Tensor, stride8: torch.Tensor) -> torch.Tensor:
        up = F.interpolate(stride8, size=stride4.shape[-2:], mode="bilinear", align_corners=False)
        return self.tap(self.smooth(self.lateral(stride4) + up))


class ChannelMixer(nn.Module):
    """Sec. 3.4, Eq. (2), CHA: the sound weights the channels of the mask feature.

    omega [B*T, D] is the audio feature's attention over all h*w positions. The paper prints it without
    projections and without softmax, a sum over thousands of positions; both forms here use the released
    projections and softmax. Edition `paper` adds F * omega as printed; the released ("gated") form is
    F * sigmoid(omega).
    """

    def __init__(self, dim: int, heads: int, gated: bool):
        super().__init__()
        self.heads, self.gated, self.scale = heads, gated, (dim // heads) ** -0.5
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.output = nn.Linear(dim, dim)
        self.attention_tap, self.weights_tap = nn.Identity(), nn.Identity()

    def forward(self, mask_feature: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        positions = mask_feature.flatten(2).transpose(1, 2)  # [B*T, h*w, D]
        q = split_heads(self.query(audio), self.heads) * self.scale  # [B*T, heads, 1, D/heads]
        k, v = (split_heads(proj(positions), self.heads) for proj in (self.key, self.value))
        attention = self.attention_tap((q @ k.transpose(-2, -1)).softmax(-1))  # [B*T, heads, 1, h*w]
        omega = self.output(join_heads(attention @ v))[:, 0]  # [B*T, D]
        weights = self.weights_tap(omega.sigmoid() if self.gated else omega)[..., None, None]
        return mask_feature * weights if self.gated else mask_feature + mask_feature * weights


class CrossMixer(nn.Module):
    """Sec. 3.4, Figure 4 (a), CRA: every pixel attends to the sound, and the result is added.

    The paper gives no formula. A frame has one audio token, so the attention is 1 everywhere and every pixel
    receives the same vector, which is why this variant helps little.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.attention = Attention(dim, heads)

    def forward(self, mask_feature: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        positions = mask_feature.flatten(2).transpose(1, 2)  # [B*T, h*w, D]
        mixed, _ = self.attention(positions, audio)
        return mask_feature + mixed.transpose(1, 2).view_as(mask_feature)


class NoMixer(nn.Module):
    """Table 2 (c), first row: the mask feature passes unchanged."""

    def forward(self, mask_feature: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        return mask_feature


class QueryGeneratorLayer(nn.Module):
    """Self-attention, cross-attention to the audio token, feed-forward; residual, post-norm."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.self_attention = Attention(dim, heads, bias=False)
        self.cross_attention = Attention(dim, heads, bias=False)
        self.feedforward = FeedForward(dim, 4 * dim)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))

    def forward(self, queries: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        queries = self.norm1(queries + self.self_attention(queries, queries)[0])
        queries = self.norm2(queries + self.cross_attention(queries, audio)[0])
        return self.norm3(queries + self.feedforward(queries))


class AudioQueries(nn.Module):
    """Sec. 3.5: Q_audio + Q_learn [B*T, Q, D] from the audio feature [B*T, 1, D].

    The paper repeats the audio feature; in edition aug2023 learned embeddings attend to it (not described in
    the paper's first version; inferred from the released weights).
    """

    def __init__(self, c: ModelConfig):
        super().__init__()
        self.count = c.queries
        self.seeds = nn.Embedding(c.queries, c.embed_dim) if c.query_generator_layers else None
        self.generator = nn.ModuleList(
            QueryGeneratorLayer(c.embed_dim, c.heads) for _ in range(c.query_generator_layers)
        )
        self.learnable = nn.Embedding(c.queries, c.embed_dim) if c.learnable_queries else None
        self.tap = nn.Identity()

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        queries = audio.expand(-1, self.count, -1)
        if self.seeds is not None:
            queries = self.seeds.weight.expand(len(audio), -1, -1)
            for layer in self.generator:
                queries = layer(queries, audio)
        if self.learnable is not None:
            queries = queries + self.learnable.weight
        return self.tap(queries)


class DecoderLayer(nn.Module):
    """Self-attention of the queries, cross-attention to all tokens, feed-forward; no position encoding."""

    def __init__(self, c: ModelConfig):
        super().__init__()
        self.self_attention = Attention(c.embed_dim, c.heads, c.dropout)
        self.cross_attention = Attention(c.embed_dim, c.heads, c.dropout)
        self.feedforward = FeedForward(c.embed_dim, c.feedforward_dim, c.dropout)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(c.embed_dim) for _ in range(3))
        self.dropout = nn.Dropout(c.dropout)
        self.tap = nn.Identity()

    def forward(self, queries: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        queries = self.norm1(queries + self.dropout(self.self_attention(queries, queries)[0]))
        attended, attention = self.cross_attention(queries, tokens)  # [B*T, heads, Q, N]
        queries = self.norm2(queries + self.dropout(attended))
        return self.tap(self.norm3(queries + self.dropout(self.feedforward(queries)))), attention


class MaskLayers(nn.Sequential):
    """ "Linear" of Eq. (3): a feature [B*T, D, h, w] to logits [B*T, classes, 4h, 4w].

    The paper describes a simple linear layer at h x w; as released: two convolutions around a 4x upsampling.
    """

    def __init__(self, c: ModelConfig):
        wide, narrow = c.head_channels
        super().__init__(
            nn.Conv2d(c.embed_dim, wide, 3, padding=1),
            nn.Upsample(scale_factor=4, mode="bilinear", align_corners=False),
            nn.Conv2d(wide, narrow, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(narrow, c.classes, 1, bias=False),
        )


class MaskGeneration(nn.Module):
    """Sec. 3.5, Eq. (3): M = Linear(F_hat + MLP(F_hat . Q_output))."""

    def __init__(self, c: ModelConfig):
        super().__init__()
        self.mlp = nn.Sequential(
            *(nn.Conv2d(c.queries, c.mlp_dim, 1), nn.ReLU()),
            *(nn.Conv2d(c.mlp_dim, c.mlp_dim, 1), nn.ReLU()),
            nn.Conv2d(c.mlp_dim, c.embed_dim, 1),
        )
        self.linear = MaskLayers(c)
        self.product_tap, self.mlp_tap = nn.Identity(), nn.Identity()

    def forward(self, mask_feature: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        product = torch.einsum("bqd,bdhw->bqhw", queries, mask_feature)
        return self.linear(mask_feature + self.mlp_tap(self.mlp(self.product_tap(product))))


class SimpleFPN(nn.ModuleList):
    """Figure 5: coarse to fine, each step 2x up, a 3x3 convolution, and the next finer map added."""

    def __init__(self, dim: int):
        super().__init__(nn.Conv2d(dim, dim, 3, padding=1) for _ in range(LEVELS))

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        finer = [*maps[-2::-1], None]  # maps come finest first
        feature = maps[-1]
        for convolution, add in zip(self, finer, strict=True):
            feature = F.interpolate(feature, scale_factor=2, mode="bilinear", align_corners=False)
            feature = convolution(feature) if add is None else convolution(feature) + add
        return feature  # [B*T, D, h, w]


class MaskReformer(nn.Module):
    """Sec. 3.6, Figure 5: an intermediate mask [B*T, classes, H, W] from one decoder layer.

    QR (c) multiplies the attention map with the layer's output queries; AR (b) uses the attention alone, one
    channel per query, projected to D channels by a 1x1 convolution (the paper does not say how). Attention
    is averaged over heads after the softmax, as released; the equation in Sec. 3.6 omits the softmax.
    """

    def __init__(self, c: ModelConfig):
        super().__init__()
        self.from_attention = nn.Conv1d(c.queries, c.embed_dim, 1) if c.reformer == "attention" else None
        self.fpn = SimpleFPN(c.embed_dim)
        self.linear = MaskLayers(c)
        self.tap = nn.Identity()

    def forward(self, attention: torch.Tensor, queries: torch.Tensor, shapes: Shapes) -> torch.Tensor:
        mean = attention.mean(1)  # [B*T, Q, N]
        if self.from_attention is None:
            mixed = queries.transpose(1, 2) @ mean  # [B*T, D, N]
        else:
            mixed = self.from_attention(mean)
        levels = mixed.split([h * w for h, w in shapes], dim=-1)
        maps = [m.unflatten(-1, shape) for m, shape in zip(levels, shapes, strict=True)]
        return self.tap(self.linear(self.fpn(maps)))


def _mixer(c: ModelConfig) -> nn.Module:
    if c.mixer == "none":
        return NoMixer()
    if c.mixer == "cross":
        return CrossMixer(c.embed_dim, c.heads)
    return ChannelMixer(c.embed_dim, c.heads, gated=c.mixer == "gated")


class AVSegFormer(nn.Module):
    """Figure 3: from frames and their sound to masks of the sounding objects."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        c = self.config = config
        self.card = UNTITLED
        self.visual_backbone = VisualBackbone(c)
        self.audio_backbone = AUDIO_BACKBONES[c.audio_backbone]()
        self.visual_projection = VisualProjection(self.visual_backbone.channels, c.embed_dim)
        self.audio_projection = nn.Linear(AUDIO_DIM, c.embed_dim)
        self.encoder = Encoder(c)
        self.mask_feature = MaskFeature(c.embed_dim)
        self.mixer = _mixer(c)
        self.mixed_tap = nn.Identity()
        self.audio_queries = AudioQueries(c)
        self.decoder = nn.ModuleList(DecoderLayer(c) for _ in range(c.decoder_layers))
        self.mask_generation = MaskGeneration(c)
        self.reformer = MaskReformer(c) if c.reformer != "none" else None

    def forward(
        self,
        frames: torch.Tensor,
        log_mel: torch.Tensor,
        temporal_flags: torch.Tensor | None = None,
        intermediate: bool = False,
        clip_frames: int = 0,
        rows: torch.Tensor | None = None,
        embedding: torch.Tensor | None = None,
    ) -> AVSegOutput:
        """Return the logits of frames [B*T, 3, H, W] (ImageNet-normalised) and log_mel [B*T, 1, 96, 64].

        H and W are multiples of 32. With log_mel [B*T*n, 1, 96, 64], n consecutive sounds are heard with each
        frame, and the output has B*T*n masks; temporal_flags [B*T] of 0 or 1 zero those of padded frames, as
        in AVSS. intermediate: also return the masks of every decoder layer (none without a reformer).
        clip_frames: as for `TPAVI`; here frames do not attend to each other.
        rows: return the output of these frames alone, in training those with ground truth. The others reach
        only a backbone whose BatchNorm takes its statistics from the batch.
        embedding: the audio backbone's output [n, 128] for the sounds of the output, where it is known.
        """
        if rows is not None:
            assert len(log_mel) == len(frames)
            flags = None if temporal_flags is None else temporal_flags[rows]
            features = self.encode_pyramid(_rows_of(self.visual_backbone, frames, rows))
            if embedding is None:
                embedding = _rows_of(self.audio_backbone, log_mel, rows)
            return self.decode_embedding(features, embedding, flags, intermediate)
        features = self.encode_frames(frames)
        if len(log_mel) != len(frames):
            features = features.repeated(len(log_mel) // len(frames))
        if embedding is not None:
            return self.decode_embedding(features, embedding, temporal_flags, intermediate)
        return self.decode(features, log_mel, temporal_flags, intermediate)

    def encode_frames(self, frames: torch.Tensor) -> VisualFeatures:
        """Return the visual features of frames [B*T, 3, H, W], the part that does not depend on the sound."""
        return self.encode_pyramid(self.visual_backbone(frames))

    def encode_pyramid(self, pyramid: list[torch.Tensor]) -> VisualFeatures:
        """Return the features of `encode_frames` from those of the backbone."""
        stride4, *coarse = self.visual_projection(pyramid)
        shapes: Shapes = [(f.shape[-2], f.shape[-1]) for f in coarse]
        tokens = self.encoder(coarse, shapes)  # [B*T, N, D]
        height, width = shapes[0]
        stride8 = tokens[:, : height * width].transpose(1, 2).unflatten(-1, (height, width))
        return VisualFeatures(tokens, self.mask_feature(stride4, stride8), shapes)

    def decode(
        self,
        features: VisualFeatures,
        log_mel: torch.Tensor,
        temporal_flags: torch.Tensor | None = None,
        intermediate: bool = False,
    ) -> AVSegOutput:
        """Return the output of `forward` for encoded frames; several sounds can share one encoding."""
        return self.decode_embedding(features, self.audio_backbone(log_mel), temporal_flags, intermediate)

    def decode_embedding(
        self,
        features: VisualFeatures,
        embedding: torch.Tensor,
        temporal_flags: torch.Tensor | None = None,
        intermediate: bool = False,
    ) -> AVSegOutput:
        """Return the output of `decode` from the audio backbone's embedding [B*T, 128]."""
        audio = self.audio_projection(embedding)[:, None]  # [B*T, 1, D]
        mixed = self.mixed_tap(self.mixer(features.mask_feature, audio))  # [B*T, D, h, w]
        masks = []
        for queries, attention in self.decode_queries(audio, features):
            if intermediate and self.reformer is not None:
                masks.append(self.reformer(attention, queries, features.shapes))
        logits = self.mask_generation(mixed, queries)
        if temporal_flags is not None:
            logits = logits * temporal_flags.to(logits).view(-1, 1, 1, 1)
        return AVSegOutput(logits, mixed, tuple(masks))

    def decode_queries(
        self, audio: torch.Tensor, features: VisualFeatures
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the queries [B*T, Q, D] and the attention after every decoder layer; audio [B*T, 1, D]."""
        queries = self.audio_queries(audio)
        for layer, tokens in zip(self.decoder, self.decoder_tokens(features), strict=True):
            queries, attention = layer(queries, tokens)
            yield queries, attention

    def decoder_tokens(self, features: VisualFeatures) -> Sequence[Any]:
        """Return what each decoder layer attends to."""
        return [features.tokens] * len(self.decoder)


def _rows_of(backbone: nn.Module, inputs: torch.Tensor, rows: torch.Tensor) -> Any:
    """Return a backbone's output, a tensor or a list of them, for some rows of its input.

    All rows pass through it while one of its BatchNorms takes mean and variance from the batch.
    """
    if not any(isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training for m in backbone.modules()):
        return backbone(inputs[rows])
    output = backbone(inputs)
    return output[rows] if isinstance(output, torch.Tensor) else [maps[rows] for maps in output]
