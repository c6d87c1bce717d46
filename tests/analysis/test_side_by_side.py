"""What is put side by side, and the two distances, on pictures whose answers are known."""

import numpy as np
import pytest

from analysis.intervals import mean
from analysis.side_by_side import EIGHT, SHARES, TOLD, departure, difference, left_out, named


def flat(value):
    return np.full((8, 8, 3), value, np.uint8)


def test_the_eight_are_every_choice_once_and_the_last_four_see_a_picture():
    assert {frozenset(heard) for heard in EIGHT} == {
        frozenset(name for bit, name in enumerate(TOLD) if number >> bit & 1) for number in range(8)
    }
    assert ["clip_image" in heard for heard in EIGHT] == [False] * 4 + [True] * 4
    for one, other in zip(EIGHT[:4], EIGHT[4:], strict=True):
        assert other == (*one, "clip_image")
    for heard in EIGHT:
        assert sorted([*heard, *left_out(heard)]) == sorted(TOLD)
    assert named(EIGHT[0]) == "T5 + CLIP text" and named(()) == "nothing"


def test_shares_rise_inside_the_run():
    assert list(SHARES) == sorted(set(SHARES)) and 0 < SHARES[0] and SHARES[-1] < 1


def test_differences_go_from_nothing_to_black_and_white():
    assert difference(flat(9), flat(9)) == 0
    assert difference(flat(0), flat(255)) == 1
    assert difference(flat(255), flat(204)) == pytest.approx(0.2)


def test_a_departure_counts_in_steps_from_first_to_last():
    assert departure(flat(0), flat(0), flat(200)) == (0, 1)
    assert departure(flat(200), flat(0), flat(200)) == (1, 0)
    assert departure(flat(50), flat(0), flat(200)) == pytest.approx((0.25, 0.75))
    assert departure(flat(50), flat(9), flat(9)) == (0, 0)


def test_a_mean_has_its_interval_and_one_value_has_none():
    middle, low, high = mean([0.0, 1.0] * 50)
    assert middle == 0.5 and low == pytest.approx(0.4015, abs=2e-4) and low + high == 1
    assert mean([0.25]) == (0.25, 0.25, 0.25)
    assert mean([0.0, 0.0, 0.3])[1] == 0
    with pytest.raises(ValueError, match="at least 1 value"):
        mean([])
