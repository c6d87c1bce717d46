"""The tree in closed form: equal masses, the paper's boundaries, tiling at every level."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ediffi.diffusion.noise import Interval, LogNormal, edm_grid
from ediffi.experts.node_sets import BASE_SETS, HIGH, LOW, SR256_SETS, Role
from ediffi.experts.tree import (
    PAPER_NOISE,
    ROOT,
    Node,
    Part,
    as_told,
    by_hand,
    complement,
    equal_log_sigma,
    equal_steps,
)

nodes = st.integers(0, 12).flatmap(
    lambda level: st.builds(Node, st.just(level), st.integers(0, 2**level - 1))
)


def test_the_paper_s_boundaries():
    assert HIGH.interval().low == pytest.approx(9.610, abs=5e-4)
    assert LOW.interval().high == pytest.approx(0.0757, abs=5e-5)
    assert Node(1, 1).interval().low == pytest.approx(0.3012, abs=5e-5)
    assert ROOT.interval() == Interval(0, math.inf)


@given(nodes)
def test_a_node_holds_its_share_of_the_mass(node):
    assert PAPER_NOISE.mass(node.interval()) == pytest.approx(2**-node.level, rel=1e-4, abs=1e-9)


@given(st.integers(0, 8))
def test_every_level_tiles_the_noise_levels(level):
    row = [Node(level, index).interval() for index in range(2**level)]
    assert row[0].low == 0 and row[-1].high == math.inf
    assert all(one.high == other.low for one, other in zip(row, row[1:], strict=False))


@given(nodes)
def test_children_halve_their_parent_and_know_it(node):
    low, high = node.children
    assert low.parent == high.parent == node and low.sibling == high
    assert low.interval().low == node.interval().low
    assert low.interval().high == high.interval().low
    assert high.interval().high == node.interval().high
    assert node.holds(low) and node.holds(node) and not low.holds(high)
    assert low.ancestors == (*node.ancestors, node)


@given(nodes.filter(lambda node: node.level > 0))
def test_a_node_and_its_complement_tile(node):
    rest = Part(excluded=(node,)).intervals()
    assert complement(rest) == (node.interval(),)


@given(nodes)
def test_edges_are_what_a_network_is_told(node):
    interval = node.interval(LogNormal(0.0, 1.4))
    assert as_told(interval.low) == interval.low and as_told(interval.high) == interval.high


@given(nodes.filter(lambda node: node.level > 0), st.booleans())
def test_the_printed_name_is_read_back(node, negative):
    part = Part(excluded=(node,)) if negative else Part(node)
    assert Part.parse(str(part)) == part


def test_the_paper_s_notation():
    assert str(Part(Node(9, 511))) == "(9, 511)"
    assert str(Part(excluded=(HIGH, LOW))) == "-(9, 511) -(3, 0)"
    assert Part.parse("-(9,511)") == Part(excluded=(HIGH,))


@pytest.mark.parametrize("text", ["", "9, 511", "(9, 511) (3, 0)", "-(3, 0) (9, 511)", "(1, 0)x"])
def test_other_texts_are_no_part(text):
    with pytest.raises(ValueError, match="is no node"):
        Part.parse(text)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Node(2, 4), "level 2 has nodes 0 to 3"),
        (lambda: Node(-1, 0), "level is -1"),
        (lambda: Node(41, 0), "level is 41"),
        (lambda: Node(True, 0), "whole number"),
        (lambda: Part(), "one node, or everything but"),
        (lambda: Part(ROOT, (LOW,)), "one node, or everything but"),
        (lambda: Part(excluded=(ROOT,)), "nothing is left"),
        (lambda: complement([Interval(0, 2), Interval(1, math.inf)]), "nothing is left"),
        (lambda: by_hand([1.0, 0.5]), "must rise"),
        (lambda: equal_log_sigma(0, 1, 2), "cannot be cut"),
        (lambda: equal_steps(4, [3.0, 2.0, 1.0]), "grid of 3"),
    ],
)
def test_bad_values_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", BASE_SETS)
def test_every_configuration_tiles(name):
    for roles in (BASE_SETS[name], SR256_SETS.get(name, BASE_SETS["A"])):
        served = [role.served() for role in roles]
        assert served[0].low == 0 and served[-1].high == math.inf
        assert all(one.high == other.low for one, other in zip(served, served[1:], strict=False))


def test_a_role_of_two_ranges_must_say_which_it_serves():
    part = Part(excluded=(Node(2, 1),))
    with pytest.raises(ValueError, match="learns 2 ranges"):
        Role("odd", part).served()
    assert Role("odd", part, Interval(0, 1)).served() == Interval(0, 1)


def test_config_d_shares_the_steps_as_the_paper_s_nodes_do():
    grid = edm_grid(50)[:-1]
    shares = [sum(s in role.served() for s in grid.tolist()) for role in BASE_SETS["D"]]
    assert shares == [10, 23, 17]


@given(st.integers(1, 9))
def test_other_splits_tile_too(count):
    grid = edm_grid(18).tolist()
    for row in (equal_log_sigma(count, 0.002, 80.0), equal_steps(count, grid)):
        assert len(row) == count and row[0].low == 0 and row[-1].high == math.inf
        assert all(one.high == other.low for one, other in zip(row, row[1:], strict=False))


def test_equal_steps_shares_the_grid():
    grid = edm_grid(18).tolist()
    assert [sum(s in r for s in grid[:-1]) for r in equal_steps(3, grid)] == [6, 6, 6]


@given(nodes, st.integers(0, 2**32))
def test_training_never_leaves_the_range_even_as_float32(node, seed):
    intervals = Part(node).intervals()
    generator = torch.Generator().manual_seed(seed)
    told = PAPER_NOISE.draw(64, intervals, generator, stratified=True).float()
    assert all(float(s) in intervals[0] for s in told)
