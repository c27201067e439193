"""The parts of AVSegFormer in the form that runs fastest without gradients; `accelerated` puts them together.

Every class computes what its base class does, to rounding, and passes the same taps. A form that skips the
value of a tap is used only while nobody watches it.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from avseg.models.attention import Attention, FeedForward, join_heads, split_heads
from avseg.models.avsegformer import (
    AVSegFormer,
    AVSegOutput,
    ChannelMixer,
    Encoder,
    MaskFeature,
    MaskGeneration,
    VisualFeatures,
)
from avseg.models.deformable import DeformableAttention, Shapes
from avseg.runtime.sampling import sampled
from avseg.runtime.twin import ReducedLinear, watched


@dataclass(frozen=True)
class KeysValues:
    """Tokens as one decoder layer attends to them; they do not depend on the sound."""

    keys: torch.Tensor  # [B*T, heads, N, D/heads]
    values: torch.Tensor  # [B*T, heads, N, D/heads]


@dataclass(frozen=True)
class EncodedFrames(VisualFeatures):
    """Visual features with the keys and values of every decoder layer."""

    layers: tuple[KeysValues, ...] = ()

    @property
    def memory(self) -> int:
        """Their size in memory."""
        parts = [self.tokens, self.mask_feature]
        parts += [tensor for layer in self.layers for tensor in (layer.keys, layer.values)]
        return sum(part.nbytes for part in parts)

    def pick(self, rows: torch.Tensor) -> "EncodedFrames":
        if torch.equal(rows, torch.arange(len(self), device=rows.device)):
            return self
        layers = tuple(KeysValues(layer.keys[rows], layer.values[rows]) for layer in self.layers)
        return EncodedFrames(self.tokens[rows], self.mask_feature[rows], self.shapes, layers)

    def repeated(self, times: int) -> "EncodedFrames":
        return self.pick(torch.arange(len(self), device=self.tokens.device).repeat_interleave(times))


class FastAttention(Attention):
    """Attention by `scaled_dot_product_attention`, unless its weights are watched."""

    def forward(
        self, queries: torch.Tensor, tokens: torch.Tensor | KeysValues
    ) -> tuple[torch.Tensor, torch.Tensor]:
        attended = self.keys_values(tokens) if isinstance(tokens, torch.Tensor) else tokens
        q, k, v = split_heads(self.query(queries), self.heads), attended.keys, attended.values
        if watched(self.weights_tap):
            weights = self.weights_tap(((q * self.scale) @ k.transpose(-2, -1)).softmax(-1))
            return self.output(join_heads(weights.to(v.dtype) @ v)), weights
        return self.output(join_heads(F.scaled_dot_product_attention(q, k, v))), q.new_empty(0)

    def keys_values(self, tokens: torch.Tensor) -> KeysValues:
        """Return the keys and values of tokens [B, N, D]."""
        return KeysValues(
            split_heads(self.key(tokens), self.heads), split_heads(self.value(tokens), self.heads)
        )


class FastFeedForward(FeedForward):
    """A reduced feed-forward applies GELU within the kernel of its first layer."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        first = self[0]
        if not isinstance(first, ReducedLinear):
            return super().forward(tokens)
        return self[3](first.with_activation(tokens, "gelu"))


class FastDeformable(DeformableAttention):
    """Deformable attention that samples with one gather on a CPU."""

    def forward(
        self, query: torch.Tensor, reference: torch.Tensor, tokens: torch.Tensor, shapes: Shapes
    ) -> torch.Tensor:
        if query.device.type != "cpu":
            return super().forward(query, reference, tokens, shapes)
        batch, count, _ = query.shape
        grid = (batch, count, self.heads, self.levels, self.points)
        flat = (batch, count, self.heads, self.levels * self.points)
        sizes = query.new_tensor([(w, h) for h, w in shapes])[:, None]  # [levels, 1, 2]
        cells = self.sampling_offsets(query).float().view(*grid, 2)
        centres = reference[:, None, None, None] * sizes  # [N, 1, levels, 1, 2]
        if watched(self.points_tap):
            points = self.points_tap((centres + cells) / sizes)
            cells, centres = points * sizes, query.new_zeros(())
        cells = cells + (centres - 0.5)  # 0 is the centre of the first cell
        weights = self.attention_weights(query).float().view(flat).softmax(-1)
        weights = self.weights_tap(weights.view(grid)).reshape(flat)
        x, y = (cells[..., axis].reshape(flat) for axis in (0, 1))
        values = self.value(tokens).float()
        return self.output(sampled(values, shapes, x, y, weights, self.heads))


class FastEncoder(Encoder):
    """The encoder, whose residual stream stays float32 whatever its layers compute in."""

    def forward(self, features: list[torch.Tensor], shapes: Shapes) -> torch.Tensor:
        return super().forward([feature.float() for feature in features], shapes)


class FastMaskFeature(MaskFeature):
    """The mask feature from maps that are channels last, in float32."""

    def forward(self, stride4: torch.Tensor, stride8: torch.Tensor) -> torch.Tensor:
        stride8 = stride8.contiguous(memory_format=torch.channels_last)
        up = F.interpolate(stride8, size=stride4.shape[-2:], mode="bilinear", align_corners=False)
        return self.tap(self.smooth(self.lateral(stride4) + up).float())


class FastChannelMixer(ChannelMixer):
    """Eq. (2) without keys and values of every position: with one query, q.(W x) = (W^T q).x."""

    def forward(self, mask_feature: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        positions = mask_feature.flatten(2).transpose(1, 2)  # [B*T, h*w, D]
        dim = positions.shape[-1]
        q = split_heads(self.query(audio), self.heads) * self.scale  # [B*T, heads, 1, D/heads]
        q = q @ self.key.weight.view(self.heads, -1, dim)  # [B*T, heads, 1, D]
        scores = positions @ q[:, :, 0].transpose(1, 2)  # [B*T, h*w, heads]
        attention = self.attention_tap(scores.transpose(1, 2)[:, :, None].softmax(-1))
        context = attention[:, :, 0] @ positions  # [B*T, heads, D]
        values = context[:, :, None] @ self.value.weight.view(self.heads, -1, dim).transpose(1, 2)
        omega = self.output(join_heads(values))[:, 0]  # [B*T, D]
        weights = self.weights_tap(omega.sigmoid() if self.gated else omega)[..., None, None]
        return mask_feature * weights if self.gated else mask_feature * (1 + weights)


class FastMaskGeneration(MaskGeneration):
    """Eq. (3) on positions in place of maps, frame by frame.

    MLP's first layer W acts on F_hat . Q: where that is less work, W . Q is computed first and its product
    with F_hat next, so that the map with a channel per query never exists.
    """

    def forward(self, mask_feature: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        if watched(self.product_tap, self.mlp_tap) or mask_feature.device.type != "cpu":
            return super().forward(mask_feature, queries)
        weight, middle, last = (self.mlp[k].weight.flatten(1) for k in (0, 2, 4))
        mapped = mask_feature.to(weight.dtype).contiguous(memory_format=torch.channels_last)
        positions = mapped.flatten(2).transpose(1, 2)  # [B*T, h*w, D]
        queries = queries.to(weight.dtype)
        biases = [self.mlp[k].bias for k in (0, 2, 4)]
        summed = torch.empty_like(positions)
        for frame, (place, query) in enumerate(zip(positions, queries, strict=True)):
            if self._folds(len(place)):
                hidden = linear(place, weight @ query, biases[0], "relu")
            else:
                hidden = linear(place @ query.T, weight, biases[0], "relu")
            hidden = linear(hidden, middle, biases[1], "relu")
            torch.add(linear(hidden, last, biases[2]), place, out=summed[frame])
        return self.linear(summed.transpose(1, 2).unflatten(-1, mask_feature.shape[-2:]))

    def _folds(self, positions: int) -> bool:
        """Whether W . Q first is less work: its own product against that of Q with every position."""
        wide, queries = self.mlp[0].weight.shape[:2]
        dim = self.mlp[4].weight.shape[0]
        return wide * dim * (queries + positions) < positions * queries * (dim + wide)


def linear(
    features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, activation: str = "none"
) -> torch.Tensor:
    """Return a linear layer with an activation, none or relu, in one kernel where there is one."""
    if features.dtype == torch.bfloat16:
        return torch.ops.mkldnn._linear_pointwise(features, weight, bias, activation, [], "none")
    output = F.linear(features, weight, bias)
    return output.relu_() if activation == "relu" else output


class FastAVSegFormer(AVSegFormer):
    """AVSegFormer from the parts above, for inference; intermediate masks are left to the model itself."""

    reduced = False  # whether a part computes in bfloat16
    autocast = False  # to bfloat16, on a device without the reduced layers

    def encode_frames(self, frames: torch.Tensor) -> EncodedFrames:
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=self.autocast):
            frames = frames.contiguous(memory_format=torch.channels_last)
            return self.encode_pyramid(self.visual_backbone(frames))

    def encode_pyramid(self, pyramid: list[torch.Tensor]) -> EncodedFrames:
        """Return the features of frames from those of the visual backbone."""
        features = super().encode_pyramid(pyramid)
        layers = tuple(layer.cross_attention.keys_values(features.tokens) for layer in self.decoder)
        return EncodedFrames(features.tokens, features.mask_feature, features.shapes, layers)

    def decode(
        self,
        features: VisualFeatures,
        log_mel: torch.Tensor,
        temporal_flags: torch.Tensor | None = None,
        intermediate: bool = False,
    ) -> AVSegOutput:
        if intermediate or not isinstance(features, EncodedFrames):
            raise ValueError("Only frames that this model encoded are decoded, without intermediate masks.")
        with torch.autocast(log_mel.device.type, torch.bfloat16, enabled=self.autocast):
            output = self.decode_embedding(features, self.audio_backbone(log_mel).float(), temporal_flags)
        return replace(output, logits=output.logits.float())

    def decoder_tokens(self, features: VisualFeatures) -> tuple[KeysValues, ...]:
        assert isinstance(features, EncodedFrames)
        return features.layers


FAST: dict[type[nn.Module], type[nn.Module]] = {
    Attention: FastAttention,
    FeedForward: FastFeedForward,
    DeformableAttention: FastDeformable,
    Encoder: FastEncoder,
    MaskFeature: FastMaskFeature,
    ChannelMixer: FastChannelMixer,
    MaskGeneration: FastMaskGeneration,
    AVSegFormer: FastAVSegFormer,
}
