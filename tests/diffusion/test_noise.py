"""p(sigma) against scipy-free closed forms, grids, and noise that belongs to its seed."""

import math

import pytest
import torch

from ediffi.diffusion.noise import (
    EVERYTHING,
    Interval,
    LogNormal,
    derived_seed,
    edm_grid,
    grid_from,
    seeded_noise,
)

P = LogNormal(-1.2, 1.2)


def test_the_papers_boundaries_are_quantiles():
    u = torch.tensor([0.5, 1 / 8, 511 / 512], dtype=torch.float64)
    assert torch.allclose(
        P.quantile(u), torch.tensor([0.3012, 0.0757, 9.610], dtype=torch.float64), rtol=1e-3
    )


def test_quantile_inverts_cdf_in_both_tails():
    sigma = torch.tensor([1e-4, 0.002, 0.3, 9.61, 80.0, 400.0], dtype=torch.float64)
    assert torch.allclose(P.quantile(P.cdf(sigma)), sigma, rtol=1e-6)
    assert torch.allclose(P.cdf(sigma) + P.survival(sigma), torch.ones(6, dtype=torch.float64))


def test_the_far_tail_keeps_its_digits():
    far = P.survival(torch.tensor([1e6], dtype=torch.float64))
    assert 0 < float(far) < 1e-30


def test_masses_of_a_partition_sum_to_one():
    edges = [0.0, 0.0757, 0.3, 9.61, math.inf]
    masses = [P.mass(Interval(a, b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    assert sum(masses) == pytest.approx(1, abs=1e-12)
    assert masses[0] == pytest.approx(1 / 8, abs=1e-3)


@pytest.mark.parametrize("stratified", [False, True])
def test_draws_follow_p_restricted_to_a_union(stratified):
    union = (Interval(0.0, 0.1), Interval(2.0, math.inf))
    generator = torch.Generator().manual_seed(0)
    drawn = P.draw(4000, union, generator, stratified).sort().values
    assert all(any(float(s) in i for i in union) for s in drawn)
    low, high = P.mass(union[0]), P.mass(union[1])
    below = P.cdf(drawn.clamp(max=0.1))
    above = low + P.mass(Interval(2.0, 1e9)) - P.survival(drawn.clamp(min=2.0))
    expected = torch.where(drawn < 1, below, above) / (low + high)
    ranks = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    # Kolmogorov: 1.95 / sqrt(n) is passed by a true sample 999 times in 1000.
    assert float((expected - ranks).abs().max()) < (0.001 if stratified else 1.95 / 4000**0.5)


def test_draws_in_the_highest_expert_stay_inside():
    inside = Interval(9.61, math.inf)
    drawn = P.draw(500, [inside], torch.Generator().manual_seed(1))
    assert float(drawn.min()) >= 9.61 and bool(torch.isfinite(drawn).all())


def test_no_mass_is_an_error():
    with pytest.raises(ValueError, match="no mass"):
        P.draw(3, [Interval(1e300, math.inf)])


@pytest.mark.parametrize("low, high", [(1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (math.nan, 1.0)])
def test_intervals_that_are_none(low, high):
    with pytest.raises(ValueError, match="0 <= low < high"):
        Interval(low, high)


def test_everything_holds_all_mass():
    assert P.mass(EVERYTHING) == pytest.approx(1, abs=1e-12)


def test_grid_starts_falls_and_ends():
    grid = edm_grid(18, 0.002, 80.0, 7.0)
    assert len(grid) == 19 and grid[0] == 80.0 and grid[17] == 0.002 and grid[18] == 0
    assert bool((grid[:-1] > grid[1:]).all())
    assert torch.allclose(grid[1], torch.tensor(57.586, dtype=torch.float64), rtol=1e-4)


def test_grid_of_one_step():
    assert edm_grid(1, 0.002, 80.0).tolist() == [80.0, 0.0]


@pytest.mark.parametrize("steps, low, high", [(0, 0.1, 1), (5, 0, 1), (5, 2, 1), (5, 1, math.inf)])
def test_grids_that_are_none(steps, low, high):
    with pytest.raises(ValueError, match="steps is 0|sigma_min"):
        edm_grid(steps, low, high)


def test_noise_belongs_to_its_seed_whatever_the_batch():
    alone = seeded_noise([7], (3, 8, 8))
    among = seeded_noise([1, 7, 2**64 - 1], (3, 8, 8))
    assert torch.equal(alone[0], among[1])
    assert not torch.equal(among[0], among[1])


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range(seed):
    with pytest.raises(ValueError, match=r"0 <= seed < 2\*\*64"):
        seeded_noise([seed], (1,))


def test_derived_seeds_are_fixed_and_differ_by_seed_and_purpose():
    assert derived_seed(0, "sr256") == 12820143315893162632
    drawn = {derived_seed(seed, purpose) for seed in range(50) for purpose in ("a", "b")}
    assert len(drawn) == 100 and all(0 <= seed < 2**64 for seed in drawn)
    assert seeded_noise(sorted(drawn), (1,)).shape == (100, 1)


def test_a_grid_that_begins_lower_goes_on_as_the_usual_one():
    usual = edm_grid(18, 0.002, 80.0, 7.0)
    grid = grid_from(1.0, usual)
    assert float(grid[0]) == 1.0
    assert grid[1:].tolist() == usual[usual < 1].tolist()
    assert grid_from(0.001, usual).tolist() == [0.001, 0.0]


def test_a_level_just_below_the_first_is_left_out():
    usual = edm_grid(18, 0.002, 80.0, 7.0)
    second, third = usual[1:3].tolist()
    assert grid_from(1.05 * second, usual)[1] == third
    assert grid_from(1.2 * second, usual)[1] == second
