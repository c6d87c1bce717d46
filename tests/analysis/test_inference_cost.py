"""What parameters cost: counted exactly where it can be, in turns where it must be timed."""

import pytest
import torch

from analysis import inference_cost, plots_of_trade_offs
from analysis.inference_cost import (
    InferenceCost,
    LiveMemory,
    live_mib,
    measure,
    median_of,
    sentences,
    ways,
)
from ediffi.config import as_json, from_json
from ediffi.presets import preset

TINY = preset("tiny").base


@pytest.fixture(scope="module")
def found():
    return measure(TINY, n=2)


def test_more_experts_hold_more_and_work_with_as_much(found):
    one, three = found.cost("as it is", 1), found.cost("experts", 3)
    assert three.parameters == 3 * one.parameters
    assert three.weights_mib == pytest.approx(3 * one.weights_mib, abs=2e-3)
    assert (three.resident_mib, three.live_mib) == (one.resident_mib, one.live_mib)
    assert one.ratio == (1, 1, 1)
    assert one.weights_mib == pytest.approx(4 * one.parameters / 2**20, abs=1e-3)


def test_wider_is_square_and_deeper_is_straight(found):
    one, wide = found.cost("as it is", 1), found.cost("wider", 2)
    deep, deeper = found.cost("deeper", 2), found.cost("deeper", 3)
    assert 2 < wide.parameters / one.parameters < 4.2
    assert wide.live_mib > 1.4 * one.live_mib
    grown = deep.parameters - one.parameters
    assert grown > 0 and deeper.parameters - deep.parameters == grown
    names = [(cost.way, cost.factor) for cost in found.costs]
    assert names == [(way.way, way.factor) for way in ways(TINY)]
    assert {way.name for way in ways(TINY)} >= {"as it is", "wider x 2", "experts x 4"}


def test_ratios_compare_within_a_turn(monkeypatch):
    def seconds(calls, rounds, device):
        # A busy machine makes the second turn ten times slower for everybody.
        return [[speed, 10 * speed, speed] for speed in (1.0, 2.0)]

    monkeypatch.setattr(inference_cost, "seconds_in_turns", seconds)
    both = measure(TINY, n=3, asked=ways(TINY, wider=(2,), deeper=(), experts=()))
    assert both.costs[1].ratio == (2, 2, 2)
    assert both.costs[1].milliseconds == 2000


def test_live_memory_counts_what_is_held_and_no_views():
    x = torch.ones(256, 1024)  # 1 MiB
    with LiveMemory() as live:
        y = ((x * 2) + 1).reshape(-1) * 3
    assert live.peak == 2 * 2**20 and len(y) == 2**18
    with LiveMemory() as live:
        held = [x * k for k in range(3)]
        held[0].add_(1)
    assert live.peak == 3 * 2**20


def test_counted_memory_needs_no_memory_and_repeats():
    assert live_mib(TINY) == live_mib(TINY) > 0
    assert live_mib(preset("storybook").base) > live_mib(TINY)


def test_a_median_has_the_interval_of_its_ranks():
    assert median_of([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    values = list(range(100))
    middle, low, high = median_of(values)
    assert middle == 49.5 and (low, high) == (40, 59)
    assert median_of([1.0] * 7) == (1, 1, 1)


def test_the_record_is_drawn_and_told(found):
    back = from_json(InferenceCost, as_json(found))
    left, right = plots_of_trade_offs.inference_cost(back).axes
    assert left.get_legend_handles_labels()[1] == ["wider", "deeper", "experts"]
    assert len(right.lines) == 3
    assert sentences(back)[0].startswith("as it is: 0.2 million parameters")
    assert len(sentences(back)) == 1 + 1 + 2 + 3


def test_one_turn_and_five_experts_are_refused():
    with pytest.raises(ValueError, match="needs 2 turns, not 1"):
        measure(TINY, n=1)
    with pytest.raises(ValueError, match="5 experts are in no configuration"):
        ways(TINY, experts=(5,))
