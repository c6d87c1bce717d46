"""The paper's ranges in numbers, and how the steps of a grid fall to them."""

import pytest

from analysis import plots_of_trade_offs
from analysis.expert_ranges import Ranges, measure, sentences
from ediffi.config import SamplingConfig, as_json, from_json


@pytest.mark.parametrize("n, steps", [(50, [10, 23, 17]), (30, [6, 14, 10]), (18, [4, 8, 6])])
def test_the_high_noise_expert_owns_a_third_of_the_steps(n, steps):
    seats = measure(n).seats_of("D")
    assert [seat.expert for seat in seats] == ["low", "middle", "high"]
    assert [seat.steps for seat in seats] == steps


def test_boundaries_and_masses_are_those_of_the_tree():
    found = measure()
    assert found.boundaries("D") == pytest.approx((0.0757, 9.61), rel=2e-3)
    assert found.boundaries("C") == pytest.approx((9.61,), rel=1e-3)
    assert found.boundaries("B", "SR256") == pytest.approx((0.3012,), rel=1e-3)
    assert found.boundaries("A") == ()
    low, middle, high = found.seats_of("D")
    assert (low.mass, high.mass) == pytest.approx((1 / 8, 1 / 512), rel=1e-5)
    assert middle.trained_mass == pytest.approx(1 - 1 / 8 - 1 / 512)
    assert (low.node, middle.node, high.node) == ("(3, 0)", "-(9, 511) -(3, 0)", "(9, 511)")
    assert high.high is None and high.gain(found.n) == pytest.approx(0.34 * 512, rel=1e-3)


def test_every_configuration_covers_all_noise_and_all_steps():
    found = measure(31, SamplingConfig(solver="heun", sigma_min=0.0005))
    seats = {(seat.config, seat.network) for seat in found.seats}
    assert seats == {(c, "base") for c in ("A", "B", "C", "D", "four")} | {
        (c, "SR256") for c in "ABCD"
    }
    for config, network in seats:
        own = found.seats_of(config, network)
        assert sum(seat.steps for seat in own) == 31
        assert sum(seat.mass for seat in own) == pytest.approx(1)
        assert own[0].low == 0 and own[-1].high is None


def test_a_median_split_gives_most_steps_to_high_noise():
    low, high = measure(50).seats_of("B", "SR256")
    assert (low.mass, high.mass) == pytest.approx((0.5, 0.5))
    assert high.share(50) == pytest.approx(0.7, abs=0.02)


def test_a_record_comes_back_and_is_drawn_without_a_model():
    found = measure(18)
    assert from_json(Ranges, as_json(found)) == found
    above, below = plots_of_trade_offs.expert_ranges(found).axes
    assert len(below.patches) == 1 + 2 + 3 + 4 + 2
    assert below.get_xlim()[0] > below.get_xlim()[1], "high noise first"
    assert any("6 steps" in text.get_text() for text in below.texts)
    assert sentences(found)[-1].startswith("high, node (9, 511): 6 of 18 steps (33 %) and 0.2 %")


def test_no_step_is_no_grid():
    with pytest.raises(ValueError, match="steps is 0"):
        measure(0)
