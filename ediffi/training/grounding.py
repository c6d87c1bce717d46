"""Grounded attention: an extra loss that tells cross-attention which words each pixel is about.

In the layers after the bottleneck half of the heads are asked, at every pixel of a named thing, to
look at the columns that name it, and elsewhere not to look at any of them. The paper has no such
loss; it is the storybook's way to bind words to places with few pictures, and the paper preset
leaves it off. Knows attention maps and painted regions, not how either is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ediffi.conditioning.embeddings import Conditioning
from ediffi.networks.taps import listening

_FLOOR = 1e-4


def is_grounded(tap: str) -> bool:
    """Whether a tap is the cross-attention of the bottleneck or of a layer after it."""
    late = tap.startswith(("middle.", "up."))
    return late and "cross_attention" in tap and tap.endswith("probabilities")


@contextmanager
def attention_of(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collects the grounded layers' attention (b, heads, pixels, columns) inside the block."""
    seen: list[Tensor] = []
    with listening(network, is_grounded, lambda _name, value: seen.append(value)):
        yield seen


def grounding_loss(attention: Sequence[Tensor], cond: Conditioning) -> Tensor:
    """Mean of -ln(attention on the right columns), a scalar; 0 would be perfect.

    `cond.painting` holds the true regions. Pixels of named parts and pixels of nothing named count
    half each. Rows whose words were dropped count nothing; without any row the loss is zero.
    """
    columns = _columns(cond)
    named = columns.amax(2)
    layers = [_layer(maps, columns, named, cond) for maps in attention]
    return torch.stack(layers).mean()


def _columns(cond: Conditioning) -> Tensor:
    """The regions' columns (b, r, n) in the order of the context, dropped words left out."""
    painting = cond.painting
    assert painting is not None
    clip = painting.clip_columns * cond.clip_mask[:, None]
    t5 = painting.t5_columns * cond.t5_mask[:, None]
    return torch.cat([clip, t5, clip.new_zeros(*clip.shape[:2], 2)], dim=2)


def _layer(maps: Tensor, columns: Tensor, named: Tensor, cond: Conditioning) -> Tensor:
    assert cond.painting is not None
    maps = maps[:, : max(1, maps.shape[1] // 2)].float()
    side = math.isqrt(maps.shape[2])
    shares = F.adaptive_avg_pool2d(cond.painting.masks, (side, side)).flatten(2)
    heads = maps.shape[1]
    on_part = maps.flatten(1, 2) @ columns.mT
    on_part = on_part.unflatten(1, (heads, -1))
    on_any = (maps.flatten(1, 2) @ columns.amax(1)[..., None]).unflatten(1, (heads, -1))[..., 0]
    inside = (shares * named[..., None]).mT[:, None]
    outside = (1 - shares.sum(1)).clamp(min=0)[:, None] * named.amax(1)[:, None, None]
    missed = -(on_part.clamp(min=_FLOOR).log() * inside).sum()
    strayed = -((1 - on_any).clamp(min=_FLOOR).log() * outside).sum()
    return 0.5 / heads * (missed / _at_least(inside) + strayed / _at_least(outside))


def _at_least(weights: Tensor) -> Tensor:
    return weights.sum().clamp(min=1.0)
