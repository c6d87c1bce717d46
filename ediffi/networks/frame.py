"""What every U-Net here has around its body: context, noise embedding, folded stem and head.

Knows the block that the bodies are built of, not how a body arranges it. The context's keys and
values do not depend on sigma: `prepare` projects them once and every call with the result reuses
them.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ediffi.config import UNetConfig
from ediffi.networks.attention import CrossAttention, Paint, SelfAttention
from ediffi.networks.layers import NoiseEmbedding, ResidualBlock, norm_layer, zeroed
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


class AttendedBlock(nn.Module):
    """A residual block and the attention that follows it, if any."""

    def __init__(
        self,
        channels: int,
        out: int,
        config: UNetConfig,
        self_attention: bool = False,
        cross_attention: bool = False,
    ) -> None:
        """From `channels` to `out`."""
        super().__init__()
        head, norm, qk = config.head_channels, config.norm, config.qk_norm
        self.block = ResidualBlock(channels, out, config.embedding_width, norm)
        self.self_attention = SelfAttention(out, head, norm, qk) if self_attention else None
        self.cross_attention = (
            CrossAttention(out, head, config.context_width, norm, qk) if cross_attention else None
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


class FramedUNet(nn.Module):
    """F(x; c_noise, context): (b, `image_channels`, h, w) -> (b, 3, h, w).

    A subclass builds its blocks in the order in which they run, then calls `_close`, and says in
    `_body` what happens between stem and head.
    """

    norm: nn.Module
    head: nn.Module

    def __init__(self, config: UNetConfig) -> None:
        """Noise embedding and stem."""
        super().__init__()
        self.config = config
        self.noise = NoiseEmbedding(config.embedding_width)
        folded, width = config.image_channels * config.stem_patch**2, self.widths[0]
        self.stem = nn.Conv2d(folded, width, 3, padding=1)

    @property
    def widths(self) -> list[int]:
        """The channels of every level."""
        return [self.config.channels * multiplier for multiplier in self.config.multipliers]

    def prepare(self, context: Context) -> PreparedContext:
        """Project the context's keys and values for every cross-attention layer, in order."""
        layers = [module for module in self.modules() if isinstance(module, CrossAttention)]
        projected = tuple(layer.project(context.tokens) for layer in layers)
        return PreparedContext(projected, context.mask, context.vector)

    def forward(self, x: Tensor, c_noise: Tensor, context: PreparedContext) -> Tensor:
        """Sides are multiples of `smallest_side`; raises ValueError for others."""
        side = self.config.smallest_side
        if x.shape[2] % side or x.shape[3] % side:
            raise ValueError(
                f"a picture of {x.shape[2]} x {x.shape[3]} cannot be folded: its sides must be "
                f"multiples of {side}"
            )
        embedding = F.silu(self.noise(c_noise) + context.vector)
        h = F.pixel_unshuffle(x.to(self.stem.weight.dtype), self.config.stem_patch)
        h = self.stem(h.contiguous(memory_format=torch.channels_last))
        h = self._body(h, embedding, context)
        return F.pixel_shuffle(self.head(F.silu(self.norm(h))), self.config.stem_patch)

    def _close(self, channels: int) -> None:
        """Norm and head behind a body that ends with `channels`, zero at first; names the taps."""
        self.norm = norm_layer(self.config.norm, channels)
        self.head = zeroed(nn.Conv2d(channels, 3 * self.config.stem_patch**2, 3, padding=1))
        name_taps(self)

    def _body(self, h: Tensor, embedding: Tensor, context: PreparedContext) -> Tensor:
        raise NotImplementedError
