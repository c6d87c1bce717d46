"""Routing: every evaluation of every solver lands on the one expert that serves its sigma."""

import math
import warnings
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ediffi.build import SOLVERS
from ediffi.diffusion.noise import EVERYTHING, Interval, edm_grid
from ediffi.experts.ensemble import Ensemble, Expert, check_tiling, reseated, shown
from ediffi.experts.node_sets import BASE_SETS
from ediffi.experts.tree import by_hand


class Recorder(nn.Module):
    """A denoiser that shrinks towards zero and remembers what it met and where it was sent."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain), requires_grad=False)
        self.met: list[float] = []
        self.moves: list[str] = []

    def forward(self, x, sigma, cond):
        self.met += sigma.tolist()
        return self.gain * x / (1 + sigma.reshape(-1, 1, 1, 1) ** 2)

    def to(self, *args, **kwargs):
        self.moves.append(str(args[0]))
        return self


class Rows:
    """A conditioning that only knows how to give some of its rows."""

    def rows(self, index):
        return self


def ensemble(edges, networks=None, **settings):
    ranges = by_hand(edges)
    networks = networks or [Recorder() for _ in ranges]
    experts = [
        Expert(f"e{k}", lambda net=net: net, serves=serves, trained_on=(serves,))
        for k, (serves, net) in enumerate(zip(ranges, networks, strict=True))
    ]
    return Ensemble(experts, **settings), networks


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(SOLVERS)),
    st.lists(st.floats(0.003, 79), min_size=1, max_size=4, unique=True).map(sorted),
    st.integers(2, 9),
)
def test_every_evaluation_lands_where_it_is_served(solver, edges, steps):
    try:
        joined, networks = ensemble(edges)
    except ValueError:
        return  # edges that are one and the same float32
    grid = edm_grid(steps)
    noise = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    asked = [s for step in SOLVERS[solver](joined, noise, grid, None) for s in step.evaluations]
    met = [(k, s) for k, net in enumerate(networks) for s in net.met]
    assert len(met) == len(asked)
    for k, sigma in met:
        assert sigma in joined.experts[k].serves
    assert sorted(s for _, s in met) == sorted(torch.tensor(asked).float().tolist())


def test_a_boundary_belongs_to_the_expert_above_it():
    joined, networks = ensemble([0.5])
    for sigma in (0.5, math.nextafter(0.5, 0)):
        assert joined.serving(sigma).name == "e1"  # one float32
    assert joined.serving(0.4999999).name == "e0"
    joined(torch.zeros(1, 3, 2, 2), torch.tensor([0.5]), None)
    assert networks[0].met == [] and networks[1].met == [0.5]


@pytest.mark.parametrize("solver", sorted(SOLVERS))
def test_identical_experts_are_bit_equal_to_one(solver):
    net = Recorder(0.9)
    joined, _ = ensemble([0.1, 2.0], [net] * 3)
    noise, grid = torch.randn(2, 3, 4, 4), edm_grid(8)
    for one, many in zip(
        SOLVERS[solver](net, noise, grid, None),
        SOLVERS[solver](joined, noise, grid, None),
        strict=True,
    ):
        assert torch.equal(one.x, many.x)


def test_rows_of_different_sigma_go_different_ways():
    joined, networks = ensemble([1.0], [Recorder(1.0), Recorder(5.0)])
    x, sigma = torch.ones(3, 3, 2, 2), torch.tensor([0.5, 2.0, 0.7])
    together = joined(x, sigma, Rows())
    apart = torch.cat([joined(x[:1], sigma[k : k + 1], Rows()) for k in range(3)])
    torch.testing.assert_close(together, apart)
    assert networks[1].met == [2.0, 2.0]


def test_experts_load_when_first_visited_and_once():
    loads = []
    experts = [
        Expert(name, lambda name=name: loads.append(name) or Recorder(), serves=serves)
        for name, serves in zip("ab", by_hand([1.0]), strict=True)
    ]
    joined = Ensemble(experts)
    assert joined.visited == () and loads == []
    for _ in range(2):
        joined(torch.zeros(1, 3, 2, 2), torch.tensor([4.0]), None)
    assert joined.visited == ("b",) and loads == ["b"]


def test_resting_experts_leave_the_device():
    joined, networks = ensemble([0.1, 2.0], device="meta", resident=1)
    x = torch.zeros(1, 3, 2, 2, device="meta")
    for name in ("e2", "e1", "e1", "e2"):
        joined.denoiser(name)
    assert networks[2].moves == ["meta", "cpu", "meta"]
    assert networks[1].moves == ["meta", "cpu"]
    assert networks[0].moves == [] and x.device.type == "meta"


def test_a_network_with_two_seats_stays_while_one_is_at_work():
    baseline, middle = Recorder(), Recorder()
    joined, _ = ensemble([0.1, 2.0], [baseline, middle, baseline], device="meta", resident=2)
    for name in ("e2", "e1", "e0"):
        joined.denoiser(name)
    assert "cpu" not in baseline.moves
    joined.denoiser("e1")
    joined.denoiser("e2")
    assert "cpu" not in baseline.moves


def test_it_tells_who_ran():
    joined, _ = ensemble([0.1, 2.0])
    assert joined.ran((5.0, 1.0, 0.5)) == ("e2", "e1")
    assert joined.boundaries == pytest.approx((0.1, 2.0))
    with pytest.raises(ValueError, match="no expert 'x'"):
        joined.denoiser("x")


@pytest.mark.parametrize(
    ("serves", "message"),
    [
        ([], "at least one"),
        ([("a", Interval(0.1, math.inf))], "below 0.1"),
        ([("a", Interval(0, 2))], "from 2 on"),
        ([("a", Interval(0, 1)), ("b", Interval(2, math.inf))], r"from 1 to 2: a serves"),
        ([("a", Interval(0, 3)), ("b", Interval(2, math.inf))], "a and b both serve"),
        ([("a", EVERYTHING), ("b", EVERYTHING)], "both serve"),
    ],
)
def test_gaps_and_double_service_are_named(serves, message):
    with pytest.raises(ValueError, match=message):
        check_tiling(serves)


@pytest.mark.parametrize("name", BASE_SETS)
def test_the_paper_s_sets_tile(name):
    check_tiling([(role.name, role.served()) for role in BASE_SETS[name]])


def test_experts_of_different_kinds_are_refused():
    low, high = by_hand([1.0])
    a = Expert("a", Recorder, serves=low, kind=(("resolution", 64),))
    b = replace(a, name="b", serves=high, kind=(("resolution", 32),))
    with pytest.raises(ValueError, match="a and b cannot work together: their resolution is 64"):
        Ensemble([a, b])
    with pytest.raises(ValueError, match="two experts are called 'a'"):
        Ensemble([a, replace(a, serves=high)])


def test_serving_beyond_the_training_warns_with_the_range():
    low, high = by_hand([1.0])
    a = Expert("a", Recorder, serves=low, trained_on=(Interval(0, 0.5), Interval(0.7, 9)))
    assert a.untrained() == (Interval(0.5, 0.7),)
    with pytest.warns(UserWarning, match=r"a serves 0.5 <= sigma < 0.7, which it was not"):
        Ensemble([a, Expert("b", Recorder, serves=high)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Ensemble([replace(a, trained_on=(Interval(0, 2),)), Expert("b", Recorder, serves=high)])


def test_mix_and_match():
    baseline, high = Expert("baseline", Recorder), Expert("high", Recorder)
    low, above = by_hand([9.61])
    mixed = Ensemble(reseated([baseline, high], {"baseline": low, "high": above}))
    assert mixed.serving(80.0).name == "high" and mixed.serving(1.0).name == "baseline"
    with pytest.raises(ValueError, match="no expert 'x'"):
        reseated([baseline], {"x": low})


def test_ranges_in_words():
    assert shown(EVERYTHING) == "every sigma"
    assert shown(Interval(0, 0.0757)) == "sigma < 0.0757"
    assert shown(Interval(0.5, math.inf)) == "0.5 <= sigma"
