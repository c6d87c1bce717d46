"""Normalisation, embeddings and residual blocks. Knows neither text nor attention."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PixelNorm(nn.Module):
    """Layer norm of every pixel over its channels, (b, c, h, w) -> (b, c, h, w).

    Its statistics do not depend on the picture's size, and in channels-last memory it costs about
    half of group norm. `affine` adds a gain and a bias per channel.
    """

    def __init__(self, channels: int, affine: bool = True) -> None:
        """Norm over `channels`."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """The normalised picture."""
        rows = x.permute(0, 2, 3, 1)
        weight = None if self.weight is None else self.weight.to(rows.dtype)
        bias = None if self.bias is None else self.bias.to(rows.dtype)
        return F.layer_norm(rows, rows.shape[-1:], weight, bias, 1e-5).permute(0, 3, 1, 2)


def norm_layer(kind: str, channels: int) -> nn.Module:
    """`layer`: per pixel; `group`: ADM's group norm with up to 32 groups."""
    if kind == "layer":
        return PixelNorm(channels)
    groups = next(g for g in range(min(32, channels), 0, -1) if channels % g == 0)
    return nn.GroupNorm(groups, channels, eps=1e-5)


def zeroed(module: nn.Module) -> nn.Module:
    """The module with its parameters set to zero, so that its branch starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class NoiseEmbedding(nn.Module):
    """c_noise (b,) to a vector (b, width): sinusoids, then a two-layer perceptron (ADM, EDM)."""

    def __init__(self, width: int, frequencies: int = 128) -> None:
        """`frequencies` sinusoids, spaced geometrically from 1 to 1/10000 of a turn."""
        super().__init__()
        self.frequencies = frequencies
        self.first = nn.Linear(frequencies, width)
        self.second = nn.Linear(width, width)

    def forward(self, c_noise: Tensor) -> Tensor:
        """The embedding of each noise level."""
        half = self.frequencies // 2
        ramp = torch.arange(half, device=c_noise.device, dtype=torch.float32) / half
        # c_noise spans only about -1.6 to 1.1, so it is stretched to use the fast sinusoids too.
        angles = 1000 * c_noise.float()[:, None] * torch.exp(-math.log(10000) * ramp)[None]
        waves = torch.cat([angles.cos(), angles.sin()], dim=1).to(self.first.weight.dtype)
        return self.second(F.silu(self.first(waves)))


class ResidualBlock(nn.Module):
    """ADM's residual block, scaled and shifted by the embedding: (b, c, h, w) -> (b, c', h, w)."""

    def __init__(self, channels: int, out: int, embedding: int, norm: str) -> None:
        """From `channels` to `out`, steered by a vector of width `embedding`."""
        super().__init__()
        self.norm_in = norm_layer(norm, channels)
        self.conv_in = nn.Conv2d(channels, out, 3, padding=1)
        self.modulation = zeroed(nn.Linear(embedding, 2 * out))
        self.norm_out = norm_layer(norm, out)
        self.conv_out = zeroed(nn.Conv2d(out, out, 3, padding=1))
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """`embedding` (b, e) has already passed its non-linearity."""
        h = self.conv_in(F.silu(self.norm_in(x)))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        h = F.silu(torch.addcmul(shift, self.norm_out(h), 1 + scale))
        return self.shortcut(x) + self.conv_out(h)


class Downsample(nn.Module):
    """Half the side by a strided convolution."""

    def __init__(self, channels: int, out: int | None = None) -> None:
        """From `channels` to `out`, or keeps them."""
        super().__init__()
        self.conv = nn.Conv2d(channels, out or channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', h/2, w/2)."""
        return self.conv(x)


class Upsample(nn.Module):
    """Twice the side: nearest neighbour, then a convolution."""

    def __init__(self, channels: int, out: int | None = None) -> None:
        """From `channels` to `out`, or keeps them."""
        super().__init__()
        self.conv = nn.Conv2d(channels, out or channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', 2h, 2w)."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def enlarged(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures (b, c, h, w) interpolated to `size`, not clamped; the same size is left as it is.

    Bicubic, as the closest public relative of the paper's stages does: bilinear would blur the very
    edges that a super-resolution network has to draw.
    """
    if tuple(pictures.shape[2:]) == tuple(size):
        return pictures
    return F.interpolate(pictures, size=size, mode="bicubic", align_corners=False)
