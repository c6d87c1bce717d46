"""The denoising loss (paper Sec. 3, EDM's weighting). Knows a denoiser, not what is inside it."""

from typing import Any

from torch import Tensor

from ediffi.diffusion.denoiser import Denoiser, spread


def loss_weight(sigma: Tensor, sigma_data: float) -> Tensor:
    """lambda(sigma) = (sigma^2 + sigma_data^2) / (sigma sigma_data)^2, which cancels c_out^2."""
    return (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2


def edm_loss(
    denoiser: Denoiser,
    x0: Tensor,
    sigma: Tensor,
    noise: Tensor,
    cond: Any,
    sigma_data: float = 0.5,
) -> Tensor:
    """lambda(sigma) |D(x0 + sigma noise; sigma, cond) - x0|^2, mean over pixels, per picture (b,).

    `x0` (b, c, h, w) in [-1, 1], `sigma` (b,), `noise` unit Gaussian like `x0`. A network whose
    output is zero scores about 1 at every sigma when the data have deviation `sigma_data`.
    """
    denoised = denoiser(x0 + spread(sigma, x0) * noise, sigma, cond)
    squared = (denoised - x0).square().flatten(1).mean(1)
    return loss_weight(sigma.to(squared.dtype), sigma_data) * squared
