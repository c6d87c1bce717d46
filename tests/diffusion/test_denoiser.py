"""Preconditioning against the variances and the optimal denoiser it was derived from."""

import torch

from ediffi.diffusion.denoiser import precondition, scalings, spread
from ediffi.diffusion.loss import edm_loss, loss_weight
from tests.exact import GaussianDenoiser

SIGMAS = torch.tensor([0.002, 0.0757, 0.3, 0.5, 1.0, 3.0, 9.61, 20.0, 50.0, 80.0])


def test_input_and_target_have_unit_variance():
    c = scalings(SIGMAS, 0.5)
    assert torch.allclose(c.c_in**2 * (0.25 + SIGMAS**2), torch.ones(10), atol=1e-5)
    target = ((1 - c.c_skip) ** 2 * 0.25 + (c.c_skip * SIGMAS) ** 2) / c.c_out**2
    assert torch.allclose(target, torch.ones(10), atol=1e-4)


def test_c_noise_is_a_quarter_of_the_logarithm():
    assert torch.allclose(scalings(SIGMAS, 0.5).c_noise * 4, SIGMAS.log())


def test_a_zero_network_is_the_optimal_denoiser_of_gaussian_data():
    x = torch.randn(10, 3, 4, 4)
    denoised = precondition(lambda x, c, cond: torch.zeros_like(x), x, SIGMAS, None, 0.5)
    assert torch.allclose(denoised, GaussianDenoiser()(x, SIGMAS, None), atol=1e-6)


def test_the_zero_networks_loss_is_one_at_every_sigma():
    generator = torch.Generator().manual_seed(0)
    x0 = 0.5 * torch.randn(10, 3, 128, 128, generator=generator)
    noise = torch.randn(x0.shape, generator=generator)
    losses = edm_loss(GaussianDenoiser(), x0, SIGMAS, noise, None, 0.5)
    assert torch.allclose(losses, torch.ones(10), atol=0.03)


def test_the_weight_cancels_c_out():
    weighted = loss_weight(SIGMAS, 0.5) * scalings(SIGMAS, 0.5).c_out ** 2
    assert torch.allclose(weighted, torch.ones(10))


def test_the_network_sees_scaled_pictures_and_labels():
    seen = {}

    def network(x, c_noise, cond):
        seen.update(x=x, c_noise=c_noise, cond=cond)
        return torch.ones_like(x)

    x = torch.randn(10, 1, 2, 2)
    denoised = precondition(network, x, SIGMAS, "words", 0.5)
    c = scalings(SIGMAS, 0.5)
    assert torch.equal(seen["x"], spread(c.c_in, x) * x)
    assert torch.equal(seen["c_noise"], c.c_noise) and seen["cond"] == "words"
    assert torch.allclose(denoised, spread(c.c_skip, x) * x + spread(c.c_out, x))
