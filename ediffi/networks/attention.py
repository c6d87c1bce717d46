"""Self- and cross-attention with a fast path, a readable path, taps and painted bonuses.

The readable path is the definition; the fast path must equal it (tested) and serves whenever
nobody listens and nothing is painted. Knows tokens and masks, not what they mean.
"""

import math
from dataclasses import dataclass, field

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ediffi.networks.layers import norm_layer, zeroed
from ediffi.networks.taps import Tap

# On a CPU explicit products beat the library's fused kernel below this many keys (measured).
_FEW_KEYS = 257


@dataclass(frozen=True)
class Paint:
    """A painting as one network sees it at one noise level (paper Sec. 4.3).

    `masks` (b, r, H, W) in [-1, 1]; `columns` (b, r, n) is 1 where a context column belongs to the
    region's phrase; `strength` (b, r) is the region's weight times w' ln(1 + sigma), zero outside
    its window of effect. `by_spread` (b,) is True where the standard deviation of a picture's
    scores scales its bonus; None: nowhere. Bonuses are kept per grid.
    """

    masks: Tensor
    columns: Tensor
    strength: Tensor
    by_spread: Tensor | None = None
    bonuses: dict[tuple[int, int], Tensor] = field(default_factory=dict, repr=False, compare=False)

    def bonus(self, grid: tuple[int, int]) -> Tensor:
        """The sum over regions of strength times mask times columns, (b, 1, pixels, n).

        Area pooling keeps a small region alive on the coarsest grid.
        """
        if grid not in self.bonuses:
            pooled = F.adaptive_avg_pool2d(self.masks, grid).flatten(2)
            weighted = self.columns * self.strength[:, :, None]
            total = pooled.new_zeros(len(pooled), pooled.shape[2], weighted.shape[2])
            # Region by region, not as one product: its sums round otherwise where another picture
            # of the batch has more regions, and no picture may depend on its neighbours.
            for region in range(pooled.shape[1]):
                total = total + pooled[:, region, :, None] * weighted[:, region, None, :]
            self.bonuses[grid] = total[:, None]
        return self.bonuses[grid]


def painted_scores(scores: Tensor, paint: Paint, mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """Q K^T + w A with w = w' ln(1 + sigma) max(Q K^T) (paper Sec. 4.3), or std for max.

    `scores` (b, heads, pixels, n) are the plain Q K^T, divided by sqrt(d) or not: either rule
    scales along. `mask` (b, n) marks the columns that count.
    """
    scale = score_scale(scores, mask, paint.by_spread)
    return scores + scale * paint.bonus(grid).to(scores.dtype)


def score_scale(scores: Tensor, mask: Tensor, by_spread: Tensor | None) -> Tensor:
    """What a bonus is measured by: (b, heads, 1, 1), each picture and head for itself, never < 0.

    The maximum over unmasked columns (the paper's rule) makes w' independent of the scale of
    queries and keys. It is clamped at zero, for a negative one would turn the painting round. One
    outlier sets it for the whole head, so pictures that ask `by_spread` get the standard deviation
    over the same scores instead, which follows their bulk. It divides by their number, not by one
    less, so that a single score has none.
    """
    visible = scores.masked_fill(~mask[:, None, None], -math.inf)
    peak = visible.amax(dim=(2, 3), keepdim=True).clamp(min=0)
    if by_spread is None:
        return peak
    seen = mask[:, None, None].to(scores.dtype)
    count = (mask.sum(1) * scores.shape[2]).clamp(min=1)[:, None, None, None]
    mean = (scores * seen).sum(dim=(2, 3), keepdim=True) / count
    variance = ((scores - mean) * seen).square().sum(dim=(2, 3), keepdim=True) / count
    return torch.where(by_spread[:, None, None, None], variance.sqrt(), peak)


class Attention(nn.Module):
    """Multi-head attention of queries on keys and values; one class serves self and cross.

    `scores` taps Q K^T / sqrt(d) with the painted bonus, `probabilities` taps its softmax.
    """

    def __init__(self) -> None:
        """No parameters: the blocks own the projections."""
        super().__init__()
        self.scores = Tap()
        self.probabilities = Tap()

    def forward(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None = None,
        paint: Paint | None = None,
        grid: tuple[int, int] = (1, 1),
    ) -> Tensor:
        """Queries (b, heads, pixels, d) on keys and values (b, heads, n, d); mask (b, n) bool."""
        if paint is not None or self.scores.heard or self.probabilities.heard:
            return self.readable(q, k, v, mask, paint, grid)
        if q.device.type == "cpu" and k.shape[2] < _FEW_KEYS:
            return self.readable(q, k, v, mask, None, grid)
        return fused(q, k, v, mask)

    def readable(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None,
        paint: Paint | None,
        grid: tuple[int, int],
    ) -> Tensor:
        """softmax((Q K^T + w A) / sqrt(d)) V, step by step (paper Sec. 4.3).

        The bonus scales with its scores, so it is added to the divided ones: a picture whose bonus
        is zero has then, in float32, bit for bit what this path gives it without a painting.
        """
        # Autocast would copy every score matrix to float32 and back; the kernel's softmax already
        # accumulates in float32.
        with torch.autocast(q.device.type, enabled=False):
            q, k = q.to(v.dtype), k.to(v.dtype)
            if paint is not None:
                q, k = q.float(), k.float()
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
            if paint is not None:
                assert mask is not None
                scores = painted_scores(scores, paint, mask, grid)
            if mask is not None:
                scores = scores.masked_fill(~mask[:, None, None], -math.inf)
            return self.probabilities(self.scores(scores).softmax(-1)).to(v.dtype) @ v


def fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """The same attention through the library's fused kernel."""
    keep = None if mask is None else mask[:, None, None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


class HeadNorm(nn.Module):
    """Layer norm of every head's vector with a gain, or nothing: keeps logits bounded."""

    def __init__(self, width: int, on: bool) -> None:
        """`width` channels a head."""
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width)) if on else None

    def forward(self, x: Tensor) -> Tensor:
        """(b, heads, n, d) -> the same shape."""
        if self.gain is None:
            return x
        return F.layer_norm(x, x.shape[-1:], self.gain.to(x.dtype))


class SelfAttention(nn.Module):
    """Pixels attend to pixels, with a residual connection: (b, c, h, w) -> (b, c, h, w)."""

    def __init__(self, channels: int, head: int, norm: str, qk_norm: bool) -> None:
        """Heads of `head` channels."""
        super().__init__()
        self.heads = channels // head
        self.norm = norm_layer(norm, channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.norm_q, self.norm_k = HeadNorm(head, qk_norm), HeadNorm(head, qk_norm)
        self.attention = Attention()
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """The attended picture."""
        h, w = x.shape[2:]
        rows = rearrange(self.norm(x), "b c h w -> b (h w) c")
        split = rearrange(self.qkv(rows), "b n (s g d) -> s b g n d", s=3, g=self.heads)
        q, k, v = split.unbind(0)
        out = self.attention(self.norm_q(q), self.norm_k(k), v, grid=(h, w))
        out = self.out(rearrange(out, "b g n d -> b n (g d)"))
        return x + rearrange(out, "b (h w) c -> b c h w", h=h)


class CrossAttention(nn.Module):
    """Pixels attend to the context, with a residual connection (paper App. A)."""

    def __init__(self, channels: int, head: int, context: int, norm: str, qk_norm: bool) -> None:
        """Context tokens have width `context`."""
        super().__init__()
        self.heads = channels // head
        self.norm = norm_layer(norm, channels)
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(context, 2 * channels)
        self.norm_q, self.norm_k = HeadNorm(head, qk_norm), HeadNorm(head, qk_norm)
        self.attention = Attention()
        self.out = zeroed(nn.Linear(channels, channels))

    def project(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (b, heads, n, d) of context tokens (b, n, context); free of sigma."""
        split = rearrange(self.kv(tokens), "b n (s g d) -> s b g n d", s=2, g=self.heads)
        return self.norm_k(split[0]), split[1]

    def forward(
        self, x: Tensor, kv: tuple[Tensor, Tensor], mask: Tensor, paint: Paint | None
    ) -> Tensor:
        """Attend `x` (b, c, h, w) to projected keys and values; `mask` (b, n) marks tokens."""
        h, w = x.shape[2:]
        rows = rearrange(self.norm(x), "b c h w -> b (h w) c")
        q = self.norm_q(rearrange(self.q(rows), "b n (g d) -> b g n d", g=self.heads))
        out = self.attention(q, *kv, mask=mask, paint=paint, grid=(h, w))
        out = self.out(rearrange(out, "b g n d -> b n (g d)"))
        return x + rearrange(out, "b (h w) c -> b c h w", h=h)
