"""Turns begin where they say, for every number of steps, and no evaluation hears two prompts."""

import math

import pytest
import torch

from ediffi.controls.prompt_switching import (
    Switching,
    Turn,
    first_levels,
    first_steps,
    timeline,
)
from ediffi.diffusion.noise import edm_grid
from ediffi.diffusion.samplers import dpmpp_2m, euler, heun


class Recording:
    """A denoiser that answers zero and notes who was asked at which level."""

    def __init__(self):
        self.asked = []

    def __call__(self, x, sigma, cond):
        self.asked.append((cond, float(sigma[0])))
        return torch.zeros_like(x)


def test_turns_may_be_pairs_and_their_words_are_cleaned():
    assert timeline([(0.3, " a  fox\n"), Turn(0.6, "an owl")]) == (
        Turn(0.3, "a fox"),
        Turn(0.6, "an owl"),
    )
    assert timeline([]) == ()


@pytest.mark.parametrize("share", [0, 1, -0.5, math.nan, math.inf, True, "0.5", None])
def test_a_share_outside_is_named(share):
    with pytest.raises(ValueError, match="steps"):
        Turn(share, "a fox")


def test_shares_must_rise_and_be_few():
    with pytest.raises(ValueError, match=r"0\.5, 0\.5"):
        timeline([(0.5, "a"), (0.5, "b")])
    with pytest.raises(ValueError, match="at most 8 turns, not 9"):
        timeline([(k / 10, "a") for k in range(1, 10)])
    with pytest.raises(ValueError, match="text, not int"):
        Turn(0.5, 3)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("steps", [1, 2, 7, 18, 50])
def test_a_turn_begins_at_the_step_nearest_to_its_share(steps):
    turns = timeline([(0.01, "a"), (0.4, "b"), (0.99, "c")])
    first = first_steps(turns, steps)
    assert all(1 <= step <= steps for step in first)
    assert first[1] == min(steps, max(1, round(0.4 * steps)))
    levels = first_levels(turns, edm_grid(steps, 0.002, 80, 7))
    assert list(levels) == sorted(levels, reverse=True)
    assert (levels[2] == 0) == (first[2] == steps)


@pytest.mark.parametrize("solver", [euler, heun, dpmpp_2m])
def test_every_evaluation_hears_the_words_of_its_own_level(solver):
    recording, grid = Recording(), edm_grid(10, 0.002, 80, 7)
    levels = first_levels(timeline([(0.3, "b"), (0.7, "c")]), grid)
    switching = Switching(tuple((recording, name) for name in "abc"), levels)
    list(solver(switching, torch.ones(1, 3, 4, 4), grid, None))
    for heard, sigma in recording.asked:
        expected = "abc"[sum(sigma <= level for level in levels)]
        assert heard == expected
    assert {heard for heard, _ in recording.asked} == set("abc")
    if solver is euler:
        assert [heard for heard, _ in recording.asked] == list("aaabbbbccc")


def test_parts_and_levels_must_fit():
    with pytest.raises(ValueError, match="2 parts need one level"):
        Switching(((Recording(), 1), (Recording(), 2)), ())
    with pytest.raises(ValueError, match="do not fall"):
        Switching(tuple((Recording(), k) for k in range(3)), (1.0, 2.0))
