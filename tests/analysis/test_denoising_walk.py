"""The split into coarse and fine, the half-way level, and the walk of a model that is known."""

import math
from dataclasses import dataclass, replace

import pytest
import torch

from analysis.denoising_walk import Walk, _first, distances, measure, split

WALK = Walk(
    model="none",
    prompts=("",),
    seeds=(0,),
    n=1,
    sigmas=(100.0, 10.0, 1.0, 0.1),
    coarse=(1.0, 0.75, 0.25, 0.0),
    fine=(1.0, 1.0, 1.0, 0.0),
)


def test_the_parts_sum_to_the_picture_and_coarse_keeps_block_means():
    picture = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    coarse, fine = split(picture)
    torch.testing.assert_close(coarse + fine, picture)
    torch.testing.assert_close(coarse[:, :, :8, :8].mean((2, 3)), coarse[:, :, 0, 0])
    assert fine[:, :, :8, :8].mean().abs() < 1e-6


def test_half_way_is_interpolated_in_the_logarithm():
    assert WALK.half_decided("coarse") == pytest.approx(math.sqrt(10.0))
    assert WALK.half_decided("fine") == pytest.approx(10**-0.5)


def test_half_way_counts_from_the_last_time_the_error_was_large():
    wavering = replace(WALK, coarse=(1.0, 0.4, 0.6, 0.0))
    assert 0.1 < wavering.half_decided("coarse") < 1.0


def test_how_many_pictures_decide_their_layout_first():
    sigmas = (100.0, 10.0, 1.0, 0.1)
    early, late = [1.0, 0.2, 0.1, 0.0], [1.0, 0.9, 0.8, 0.0]
    coarse = torch.tensor([early, early, early, late]).T
    fine = torch.tensor([late, late, late, early]).T
    share, low, high = _first(sigmas, coarse, fine)
    assert share == 0.75 and 0.3 < low < share < high < 0.96


def test_a_part_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="coarse"):
        WALK.half_decided("medium")


def test_the_last_estimate_has_no_distance_to_itself():
    estimates = list(torch.randn(3, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    coarse, fine = distances(estimates)
    assert coarse.shape == fine.shape == (3, 2)
    assert coarse[-1].abs().max() == fine[-1].abs().max() == 0.0


@dataclass(frozen=True)
class _Step:
    sigma: float
    denoised: torch.Tensor


class _Coarse:
    """Stands for the front door: layout is right from the second step, detail from the third."""

    class model:
        name = "coarse first"

    def request(self, prompt: str, seed: int) -> int:
        return seed

    def steps(self, seed: int):
        final = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
        yield _Step(10.0, torch.zeros_like(final))
        yield _Step(1.0, split(final)[0])
        yield _Step(0.1, final)


def test_a_model_that_settles_layout_first_is_measured_so():
    walk = measure(_Coarse(), prompts=("a", "b"), seeds=(1, 2, 3))  # pyright: ignore
    assert (walk.n, walk.sigmas) == (6, (10.0, 1.0, 0.1))
    assert walk.coarse == (1.0, 0.0, 0.0)
    assert walk.fine == (1.0, 1.0, 0.0)
    assert walk.half_decided("coarse") > walk.half_decided("fine")
