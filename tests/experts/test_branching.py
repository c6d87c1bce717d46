"""Plans of growth: order, lineage, soft edges, and the paper's own plans."""

import math

import pytest

from ediffi.diffusion.noise import Interval
from ediffi.experts.branching import Branch, BranchPlan, chain, four_experts, softened
from ediffi.experts.tree import EVERY_LEVEL, Node, Part


def test_four_experts_cost_what_the_paper_counts():
    plan = four_experts(500, 50, 50)
    quarters = [f"quarter{k}" for k in range(4)]
    assert plan.pictures(quarters) == 500 + 2 * 50 + 4 * 50 == 800
    assert plan.lineage("quarter3") == ("baseline", "half1", "quarter3")
    assert sum(plan.branch(n).pictures for n in plan.lineage("quarter3")) == 600


def test_a_chain_walks_down_to_its_leaf():
    branches = chain(Node(3, 0), "baseline", 10)
    assert [str(branch.part) for branch in branches] == ["(1, 0)", "(2, 0)", "(3, 0)"]
    assert [branch.start for branch in branches] == ["baseline", "node-1-0", "node-2-0"]


def test_soft_edges_move_outwards_and_stop_at_the_ends():
    branch = Branch("low", Part(Node(1, 0)), None, 1, soft=math.log(2))
    (interval,) = branch.trained_on()
    assert interval.low == 0
    assert interval.high == pytest.approx(2 * Node(1, 0).interval().high, rel=1e-6)
    hard = Branch("low", Part(Node(1, 0)), None, 1)
    assert hard.trained_on() == Part(Node(1, 0)).intervals()


def test_softened_ranges_that_meet_are_joined():
    assert softened([Interval(1, 2), Interval(3, 4)], math.log(2)) == (Interval(0.5, 8),)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Branch("a", EVERY_LEVEL, None, 0), "at least 1 picture"),
        (lambda: Branch("a", EVERY_LEVEL, None, 1, soft=9), "0 to 5"),
        (lambda: BranchPlan((Branch("a", EVERY_LEVEL, "b", 1),)), "starts from 'b'"),
        (lambda: BranchPlan((Branch("a", EVERY_LEVEL, None, 1),) * 2), "two branches"),
        (lambda: four_experts(1, 1, 1).branch("x"), "no branch 'x'"),
    ],
)
def test_bad_plans_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
