"""What a denoiser is, and EDM preconditioning, which makes one of a raw network.

Refuses to know architectures, text and losses: `cond` passes through untouched.
"""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor


class Denoiser(Protocol):
    """Anything that answers "what is the clean picture?"."""

    def __call__(self, x: Tensor, sigma: Tensor, cond: Any) -> Tensor:
        """The clean estimate (b, c, h, w) of noisy `x` (b, c, h, w) at levels `sigma` (b,)."""
        ...


class Scalings(NamedTuple):
    """The four EDM coefficients, shaped like the sigma they were computed from."""

    c_skip: Tensor
    c_out: Tensor
    c_in: Tensor
    c_noise: Tensor


def scalings(sigma: Tensor, sigma_data: float) -> Scalings:
    """EDM's coefficients (EDM Table 1; paper Sec. 3): unit variance in, unit variance target."""
    variance = sigma**2 + sigma_data**2
    return Scalings(
        c_skip=sigma_data**2 / variance,
        c_out=sigma * sigma_data * torch.rsqrt(variance),
        c_in=torch.rsqrt(variance),
        c_noise=torch.log(sigma) / 4,
    )


def spread(sigma: Tensor, x: Tensor) -> Tensor:
    """`sigma` (b,) shaped to multiply `x` (b, ...)."""
    return sigma.to(x.dtype).reshape(-1, *[1] * (x.ndim - 1))


def precondition(network: Any, x: Tensor, sigma: Tensor, cond: Any, sigma_data: float) -> Tensor:
    """D(x; sigma) = c_skip x + c_out F(c_in x; c_noise), computed in float32 around the network.

    `network` is a callable (x, c_noise, cond) -> (b, c, h, w).
    """
    sigma = sigma.to(torch.float32)
    c = scalings(sigma, sigma_data)
    x = x.to(torch.float32)
    raw = network(spread(c.c_in, x) * x, c.c_noise, cond)
    return spread(c.c_skip, x) * x + spread(c.c_out, x) * raw.to(torch.float32)
