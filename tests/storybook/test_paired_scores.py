"""Two ways to paint the same captions: closed cases, and an interval that holds what it says."""

from dataclasses import replace

import numpy as np
import pytest

from ediffi.storybook.scoring import Difference, marks, more_often, more_shown, wilson


def compared(one: str, other: str) -> Difference:
    found = more_often(one, other)
    assert found is not None
    return found


def test_marks_have_a_letter_for_each_picture():
    assert marks([True, False, None, True]) == "10-1"
    assert marks([]) == ""


def test_only_pictures_that_were_asked_of_both_count():
    found = compared("11-0-1", "10-01-")
    assert (found.value, found.n) == (pytest.approx(1 / 3), 3)
    assert found.low < found.value < found.high


def test_who_is_compared_with_whom_changes_the_sign():
    one, other = "1110001010", "0110101000"
    found, back = compared(one, other), compared(other, one)
    assert found == replace(back, value=-back.value, low=-back.high, high=-back.low)
    assert found.value == pytest.approx(0.1)


def test_marks_that_all_agree_leave_an_interval_that_shrinks_with_n():
    few, many = (compared("1" * n, "1" * n) for n in (10, 1000))
    assert few.value == many.value == 0
    assert few.low < many.low < 0 < many.high < few.high


def test_a_difference_can_be_no_more_than_all():
    found = compared("1" * 4, "0" * 4)
    assert found.value == 1 and 0 < found.low and found.high == 1


def test_pairs_tell_more_than_two_shares_that_are_taken_alone():
    random = np.random.default_rng(0)
    base = random.random(200) < 0.6
    lost = base & (random.random(200) > 0.1)
    found = compared(marks(base.tolist()), marks(lost.tolist()))
    alone = [np.diff(wilson(int(each.sum()), 200)).item() for each in (base, lost)]
    assert 0 < found.low and found.high - found.low < 0.6 * np.hypot(*alone)


@pytest.mark.parametrize("n", [48, 192])
def test_the_interval_holds_the_truth_nineteen_times_of_twenty(n):
    random, held = np.random.default_rng(n), 0
    for _ in range(1000):
        one = random.random(n) < 0.8
        other = np.where(random.random(n) < 0.7, one, random.random(n) < 0.3)
        found = compared(marks(one.tolist()), marks(other.tolist()))
        held += found.low <= 0.8 - (0.7 * 0.8 + 0.3 * 0.3) <= found.high
    assert 925 <= held <= 990


def test_marks_of_other_pictures_are_refused():
    with pytest.raises(ValueError, match="Marks of 1 and of 2 pictures are not of the same"):
        more_often("1", "11")


def test_nothing_is_told_where_nothing_was_asked_of_both():
    assert more_often("1-", "-1") is None
    assert more_often("", "") is None


def test_every_caption_counts_once_in_how_much_more_is_shown():
    one = {"thing": "11-1", "colour": "10-1", "left_right_if_both": "00-0"}
    other = {"thing": "01-1", "colour": "00-0", "left_right_if_both": "11-1"}
    more = more_shown(one, other)
    assert more is not None and more.n == 3
    assert more.value == pytest.approx((1 + 0 + 0.5) / 3)
    half = 1.96 * 0.5 / 3**0.5
    assert (more.low, more.high) == pytest.approx((0.5 - half, min(1, 0.5 + half)))
    same = more_shown(one, one)
    assert same is not None and (same.value, same.low, same.high) == (0, 0, 0)


def test_nothing_is_told_of_too_few_captions_or_of_others():
    assert more_shown({}, {}) is None
    assert more_shown({"thing": "1--"}, {"thing": "0--"}) is None
    with pytest.raises(ValueError, match="Marks of 2 and of 3"):
        more_shown({"thing": "11"}, {"thing": "111"})
