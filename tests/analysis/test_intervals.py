"""Paired comparisons: closed cases, and intervals that hold the truth as often as they say."""

import numpy as np
import pytest

from analysis.intervals import marks, more_often, paired
from ediffi.storybook.scoring import wilson


def test_marks_have_a_letter_for_each_picture():
    assert marks([True, False, None, True]) == "10-1"
    assert marks([]) == ""


def test_only_pictures_that_were_asked_of_both_count():
    (value, low, high), n = more_often("11-0-1", "10-01-")
    assert (value, n) == (pytest.approx(1 / 3, abs=1e-4), 3)
    assert low < value < high


def test_who_is_compared_with_whom_changes_the_sign():
    one, other = "1110001010", "0110101000"
    (value, low, high), _ = more_often(one, other)
    (back, back_low, back_high), _ = more_often(other, one)
    assert (value, low, high) == (-back, -back_high, -back_low) and value == 0.1


def test_marks_that_all_agree_leave_an_interval_that_shrinks_with_n():
    few, many = (more_often("1" * n, "1" * n)[0] for n in (10, 1000))
    assert few[0] == many[0] == 0
    assert few[1] < many[1] < 0 < many[2] < few[2]


def test_a_difference_can_be_no_more_than_all():
    (value, low, high), _ = more_often("1" * 4, "0" * 4)
    assert value == 1 and 0 < low and high == 1


def test_pairs_tell_more_than_two_shares_that_are_taken_alone():
    random = np.random.default_rng(0)
    base = random.random(200) < 0.6
    lost = base & (random.random(200) > 0.1)
    (_, low, high), _ = more_often(marks(base.tolist()), marks(lost.tolist()))
    alone = [np.diff(wilson(int(each.sum()), 200)).item() for each in (base, lost)]
    assert 0 < low and high - low < 0.6 * np.hypot(*alone)


@pytest.mark.parametrize("n", [48, 192])
def test_the_interval_holds_the_truth_nineteen_times_of_twenty(n):
    random, held = np.random.default_rng(n), 0
    for _ in range(1000):
        one = random.random(n) < 0.8
        other = np.where(random.random(n) < 0.7, one, random.random(n) < 0.3)
        (_, low, high), _ = more_often(marks(one.tolist()), marks(other.tolist()))
        held += low <= 0.8 - (0.7 * 0.8 + 0.3 * 0.3) <= high
    assert 925 <= held <= 990


@pytest.mark.parametrize(
    "one, other, told", [("--", "11", "asked of both"), ("1", "11", "1 and of 2 pictures")]
)
def test_marks_that_cannot_be_paired_are_refused(one, other, told):
    with pytest.raises(ValueError, match=told):
        more_often(one, other)


def test_differences_of_either_sign_have_a_normal_interval():
    assert paired([1.0, -1.0]) == (0.0, pytest.approx(-1.96), pytest.approx(1.96))
    assert paired([0.5] * 9) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="at least 2 pictures, not 1"):
        paired([0.5])
