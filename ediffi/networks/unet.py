"""The base model's U-Net: ADM blocks with self- and cross-attention (paper Sec. 4.2, App. A).

Takes pixels, noise labels and a context of tokens; knows neither encoders nor preconditioning. The
context's keys and values do not depend on sigma: `prepare` projects them once and every call with
the result reuses them.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ediffi.config import UNetConfig
from ediffi.networks.attention import CrossAttention, Paint, SelfAttention
from ediffi.networks.layers import (
    Downsample,
    NoiseEmbedding,
    ResidualBlock,
    Upsample,
    norm_layer,
    zeroed,
)
from ediffi.networks.taps import name_taps


@dataclass(frozen=True)
class Context:
    """What the picture is to be of: tokens (b, n, d), mask (b, n) True for real columns, and a
    vector (b, e) added to the noise embedding.
    """

    tokens: Tensor
    mask: Tensor
    vector: Tensor


@dataclass(frozen=True)
class PreparedContext:
    """A context after projection: one pair of keys and values per cross-attention layer."""

    keys_values: tuple[tuple[Tensor, Tensor], ...]
    mask: Tensor
    vector: Tensor
    paint: Paint | None = None

    def painted(self, paint: Paint | None) -> "PreparedContext":
        """The same context under a painting."""
        return replace(self, paint=paint)


class Stage(nn.Module):
    """A residual block and the attention that follows it."""

    def __init__(self, channels: int, out: int, level: int, config: UNetConfig) -> None:
        """From `channels` to `out` at a level of the U-Net."""
        super().__init__()
        head, norm, qk = config.head_channels, config.norm, config.qk_norm
        self.block = ResidualBlock(channels, out, config.embedding_width, norm)
        self.self_attention = (
            SelfAttention(out, head, norm, qk) if config.self_attention[level] else None
        )
        self.cross_attention = (
            CrossAttention(out, head, config.context_width, norm, qk)
            if config.cross_attention[level]
            else None
        )

    def forward(
        self, x: Tensor, embedding: Tensor, context: PreparedContext, layer: int
    ) -> tuple[Tensor, int]:
        """`layer` counts the cross-attention layers passed so far; it comes back increased."""
        x = self.block(x, embedding)
        if self.self_attention is not None:
            x = self.self_attention(x)
        if self.cross_attention is not None:
            x = self.cross_attention(x, context.keys_values[layer], context.mask, context.paint)
            layer += 1
        return x, layer


class UNet(nn.Module):
    """F(x; c_noise, context): (b, c, h, w) -> (b, 3, h, w), sides multiples of `smallest_side`."""

    def __init__(self, config: UNetConfig) -> None:
        """Build the network that `config` describes."""
        super().__init__()
        self.config = config
        widths = [config.channels * m for m in config.multipliers]
        patch, last = config.stem_patch, len(widths) - 1
        self.noise = NoiseEmbedding(config.embedding_width)
        self.stem = nn.Conv2d(config.image_channels * patch**2, widths[0], 3, padding=1)
        skips, channels = [widths[0]], widths[0]
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            for _ in range(config.blocks[level]):
                self.down.append(Stage(channels, width, level, config))
                channels = width
                skips.append(width)
            if level < last:
                self.shrink.append(Downsample(width))
                skips.append(width)
        self.middle = Stage(channels, channels, last, config)
        self.middle_out = ResidualBlock(channels, channels, config.embedding_width, config.norm)
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for level in range(last, -1, -1):
            for _ in range(config.blocks[level] + 1):
                self.up.append(Stage(channels + skips.pop(), widths[level], level, config))
                channels = widths[level]
            if level:
                self.grow.append(Upsample(channels))
        self.norm = norm_layer(config.norm, channels)
        self.head = zeroed(nn.Conv2d(channels, 3 * patch**2, 3, padding=1))
        name_taps(self)

    def prepare(self, context: Context) -> PreparedContext:
        """Project the context's keys and values for every cross-attention layer, in order."""
        layers = [
            s.cross_attention
            for s in [*self.down, self.middle, *self.up]
            if isinstance(s, Stage) and s.cross_attention is not None
        ]
        tokens = context.tokens
        return PreparedContext(
            tuple(layer.project(tokens) for layer in layers), context.mask, context.vector
        )

    def forward(self, x: Tensor, c_noise: Tensor, context: PreparedContext) -> Tensor:
        """Raises ValueError when a side is no multiple of the smallest side."""
        side = self.config.smallest_side
        if x.shape[2] % side or x.shape[3] % side:
            raise ValueError(
                f"a picture of {x.shape[2]} x {x.shape[3]} cannot be folded: its sides must be "
                f"multiples of {side}"
            )
        embedding = F.silu(self.noise(c_noise) + context.vector)
        h = F.pixel_unshuffle(x.to(self.stem.weight.dtype), self.config.stem_patch)
        h = self.stem(h.contiguous(memory_format=torch.channels_last))
        h, skips, layer = self._encode(h, embedding, context)
        h, layer = self.middle(h, embedding, context, layer)
        h = self.middle_out(h, embedding)
        h = self._decode(h, skips, embedding, context, layer)
        return F.pixel_shuffle(self.head(F.silu(self.norm(h))), self.config.stem_patch)

    def _encode(
        self, h: Tensor, embedding: Tensor, context: PreparedContext
    ) -> tuple[Tensor, list[Tensor], int]:
        skips, layer, stages = [h], 0, iter(self.down)
        for level, count in enumerate(self.config.blocks):
            for _ in range(count):
                h, layer = next(stages)(h, embedding, context, layer)
                skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
                skips.append(h)
        return h, skips, layer

    def _decode(
        self,
        h: Tensor,
        skips: list[Tensor],
        embedding: Tensor,
        context: PreparedContext,
        layer: int,
    ) -> Tensor:
        stages, growing = iter(self.up), iter(self.grow)
        for level in range(len(self.config.blocks) - 1, -1, -1):
            for _ in range(self.config.blocks[level] + 1):
                joined = torch.cat([h, skips.pop()], dim=1)
                h, layer = next(stages)(joined, embedding, context, layer)
            if level:
                h = next(growing)(h)
        return h
