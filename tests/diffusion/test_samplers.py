"""Solvers against exact paths: known end points, known orders, one contract."""

import math

import pytest
import torch

from ediffi.build import SOLVERS, build_sampler
from ediffi.diffusion.noise import edm_grid, seeded_noise
from ediffi.diffusion.samplers import Churn, dpmpp_2m, euler, heun, seeded, stochastic
from tests.exact import GaussianDenoiser, MixtureDenoiser

ALL = list(SOLVERS.values())


def last(sampler, denoiser, noise, grid, **options):
    return list(sampler(denoiser, noise, grid, None, **options))[-1]


def error(sampler, steps):
    """Distance from the exact path of Gaussian data between two fixed noise levels.

    Along it x scales with sqrt(deviation^2 + sigma^2). The grid is even in sqrt(sigma), and
    a last step to zero is cut off by reading the state before it.
    """
    high, low, deviation = 4.0, 0.4, 0.5
    ramp = torch.linspace(high**0.5, low**0.5, steps + 1, dtype=torch.float64) ** 2
    grid = torch.cat([ramp, torch.zeros(1, dtype=torch.float64)])
    noise = torch.randn(1, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    exact = noise * high * math.sqrt((deviation**2 + low**2) / (deviation**2 + high**2))
    states = [s.x for s in sampler(Exactly(deviation), noise, grid, None)]
    return float((states[-2] - exact).abs().max())


class Exactly:
    """The Gaussian's denoiser in float64, so that rounding does not hide the order."""

    def __init__(self, deviation):
        self.data = deviation**2

    def __call__(self, x, sigma, cond):
        level = round(float(sigma[0]), 12)
        return self.data * x / (level**2 + self.data)


@pytest.mark.parametrize("sampler, order", [(euler, 1), (heun, 2), (dpmpp_2m, 2)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(sampler, order):
    ratio = error(sampler, 128) / error(sampler, 256)
    assert ratio == pytest.approx(2**order, rel=0.2)


@pytest.mark.parametrize("sampler", ALL)
def test_gaussian_data_comes_out_with_its_moments(sampler):
    noise = seeded_noise(range(4), (3, 32, 32))
    x = last(sampler, GaussianDenoiser(0.2, 0.5), noise, edm_grid(60)).x
    assert float(x.mean()) == pytest.approx(0.2, abs=0.02)
    assert float(x.std()) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("sampler", ALL)
def test_a_mixture_comes_out_in_two_equal_heaps(sampler):
    noise = seeded_noise(range(4), (3, 32, 32))
    x = last(sampler, MixtureDenoiser(), noise, edm_grid(40)).x
    right = x > 0
    assert float(right.float().mean()) == pytest.approx(0.5, abs=0.03)
    assert float(x[right].mean()) == pytest.approx(0.6, abs=0.02)
    assert float(x[right].std()) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("sampler", ALL)
def test_steps_count_and_end_at_the_last_clean_estimate(sampler):
    grid = edm_grid(5)
    steps = list(sampler(GaussianDenoiser(), seeded_noise([1], (3, 4, 4)), grid, None))
    assert [s.index for s in steps] == list(range(5))
    assert [s.sigma for s in steps][0] >= 80.0
    assert torch.allclose(steps[-1].x, steps[-1].denoised, atol=1e-4)


def test_evaluations_are_those_the_denoiser_saw():
    for sampler, each in ((euler, 1), (dpmpp_2m, 1), (heun, 2)):
        denoiser = GaussianDenoiser()
        steps = list(sampler(denoiser, seeded_noise([1], (3, 4, 4)), edm_grid(5), None))
        flat = [s for step in steps for s in step.evaluations]
        assert flat == pytest.approx(denoiser.asked) and len(flat) == 5 * each - (each - 1)


@pytest.mark.parametrize("sampler", ALL)
def test_the_noise_is_left_as_it_was(sampler):
    noise = seeded_noise([1], (3, 4, 4))
    before = noise.clone()
    last(sampler, GaussianDenoiser(), noise, edm_grid(4))
    assert torch.equal(noise, before)


def test_without_churn_the_stochastic_sampler_is_heun():
    noise, grid = seeded_noise([5], (3, 4, 4)), edm_grid(6)
    plain = last(heun, MixtureDenoiser(), noise, grid).x
    quiet = last(stochastic, MixtureDenoiser(), noise, grid, churn=Churn(amount=0)).x
    assert torch.allclose(plain, quiet, atol=1e-6)


def test_churn_belongs_to_the_seed_whatever_the_batch():
    grid = edm_grid(6)
    alone = last(stochastic, MixtureDenoiser(), seeded_noise([9], (3, 4, 4)), grid, seeds=(9,)).x
    two = last(stochastic, MixtureDenoiser(), seeded_noise([4, 9], (3, 4, 4)), grid, seeds=(4, 9)).x
    assert torch.allclose(alone[0], two[1], atol=1e-6)
    with pytest.raises(ValueError, match="1 pictures need as many seeds, not 2"):
        last(stochastic, MixtureDenoiser(), seeded_noise([9], (3, 4, 4)), grid, seeds=(1, 2))


def test_stopping_is_not_asking():
    denoiser = GaussianDenoiser()
    steps = euler(denoiser, seeded_noise([1], (3, 4, 4)), edm_grid(50), None)
    next(steps)
    assert len(denoiser.asked) == 1


@pytest.mark.parametrize("grid", [[1.0, 2.0, 0.0], [1.0, 0.5], [0.0], [1.0, 1.0, 0.0]])
def test_grids_that_are_none(grid):
    with pytest.raises(ValueError, match="grid"):
        last(euler, GaussianDenoiser(), torch.zeros(1, 1, 2, 2), torch.tensor(grid))


def test_unknown_solver_names_the_known_ones():
    with pytest.raises(ValueError, match="'dpm': there are dpmpp_2m, heun, euler, stochastic"):
        build_sampler("dpm")


def test_only_the_solver_that_adds_noise_takes_seeds():
    grid, noise = edm_grid(6), seeded_noise([9], (3, 4, 4))
    assert seeded(heun, (9,)) is heun
    churning = last(seeded(stochastic, (9,)), MixtureDenoiser(), noise, grid).x
    assert torch.equal(churning, last(stochastic, MixtureDenoiser(), noise, grid, seeds=(9,)).x)
