"""Held-out combinations beside others: captions that state alike, a known interval, its words."""

import pytest

from analysis import held_out, scored
from analysis.held_out import less_often, lines


def record(
    thing: str, two: str, besides: dict[str, str] | None = None, split: str = "test"
) -> dict:
    shown = {"thing": thing, "colour": thing, "two_things": two, "two_colours": two}
    nothing = "-" * len(thing)
    shown |= dict.fromkeys(("count", "clothes", "word"), nothing) | (besides or {})
    same = {"model": "m/baseline", "length": "short", "n": len(thing), "seed": 0}
    return {**same, "split": split, "shown": shown}


def test_the_interval_is_that_of_newcombe_s_paper():
    """His table II, (a): 56 of 70 against 48 of 80, method 10: 0.0524 to 0.3339."""
    found = less_often("1" * 56 + "0" * 14, "1" * 48 + "0" * 32)
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=2e-4)
    assert found.n == 80
    with pytest.raises(ValueError):
        less_often("", "1")


def test_only_captions_that_state_alike_are_compared():
    # One thing alone: right, wrong. A pair: wrong. A number of one kind, clothes, a word: right.
    besides = {"count": "---1--", "clothes": "----1-", "word": "-----1"}
    usual = record("100111", "--0--1", besides)
    unmet = record("111111", "-11--1", besides)
    one, colour, pair, both = lines(usual, unmet)
    assert one.startswith(
        "of captions of one plain thing, it is there: 100.0 % of 1 with a held-out combination,"
        " 50.0 % of 2 others; 50.0 points more often (-"
    )
    assert colour.startswith("of these, it has the colour")
    assert "100.0 % of 2 with a held-out combination, 0.0 % of 1 others" in pair
    assert both.startswith("of these, each has the colour")
    assert not lines(record("1", "-", {"count": "1"}), unmet)


def test_fewer_are_said_to_be_less_often():
    told = lines(record("1111", "----"), record("1000", "----"))[0]
    assert "25.0 % of 4 with a held-out combination, 100.0 % of 4 others; 75.0 points less" in told


def test_the_records_of_one_model_are_told_beside_one_another():
    usual, unmet = record("11", "--"), record("10", "--", split="held_out")
    others = [{**unmet, "model": "m/experts"}, {**unmet, "insist": 0.05}, {"split": "held_out"}]
    (told,) = scored.unmet_lists([usual, unmet, *others])
    assert told.startswith("**Combinations that no training scene has** (m/baseline")
    assert told.count("\n- ") == 2
    assert held_out.lines(usual, unmet)[0] in told
