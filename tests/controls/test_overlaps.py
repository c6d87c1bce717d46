"""The three overlap rules by hand-written formulas, and what a painter is told."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ediffi.controls.masks import GRID
from ediffi.controls.overlaps import OVERLAPS, Overlap, resolved, signed
from ediffi.controls.paint_with_words import Painting

PROMPT = "a fox and a moon over a house by a tree"
PHRASES = ("fox", "moon", "house", "tree")


def painting(masks, weights=None, overlap: Overlap = "all", feather=0.0):
    made = Painting(PROMPT, overlap=overlap)
    for phrase, mask, weight in zip(PHRASES, masks, weights or [1.0] * len(masks), strict=False):
        made = made.add(phrase, mask, weight=weight, feather=feather)
    return made


def left(made):
    return resolved(made.regions, made.overlap)


def flat(*values):
    return [np.full((GRID, GRID), value, np.uint8) for value in values]


def block(top, left_, size, of=GRID):
    mask = np.zeros((of, of), bool)
    mask[top : top + size, left_ : left_ + size] = True
    return mask


def test_all_keeps_every_mask_as_the_paper_does():
    made = painting(flat(255, 100, 3))
    assert torch.equal(left(made), torch.stack([r.tensor() for r in made.regions]))


def test_strongest_counts_weight_times_mask_without_sign():
    made = painting(flat(200, 100, 255), [1.0, -3.0, 1.0], "strongest")
    kept = left(made)
    assert not kept[0].any() and not kept[2].any()
    assert torch.equal(kept[1], made.regions[1].tensor())


def test_of_equally_strong_ones_the_last_keeps_its_value():
    kept = left(painting(flat(255, 255, 255), overlap="strongest"))
    assert not kept[:2].any() and bool((kept[2] == 1).all())


def test_topmost_scales_what_lies_below():
    made = painting(flat(255, 102, 51), overlap="topmost")
    expected = [1 * (1 - 0.4) * (1 - 0.2), 0.4 * (1 - 0.2), 0.2]
    for mask, value in zip(left(made), expected, strict=True):
        assert torch.allclose(mask, torch.full((GRID, GRID), value))


grids = st.lists(
    st.tuples(st.integers(0, 63), st.integers(0, 63), st.integers(1, 64), st.integers(1, 255)),
    min_size=1,
    max_size=4,
)


@given(grids, st.lists(st.floats(-10, 10), min_size=4, max_size=4), st.sampled_from([0.0, 3.0]))
@settings(max_examples=40, deadline=None)
def test_rules_tile_and_sum_as_stated(blocks, weights, feather):
    masks = [block(y, x, n).astype(np.uint8) * v for y, x, n, v in blocks]
    made = painting(masks, weights, feather=feather)
    soft = torch.stack([r.softened() for r in made.regions]).double()
    covered = 1 - (1 - soft).prod(0)
    topmost = resolved(made.regions, "topmost").double()
    assert torch.allclose(topmost.sum(0), covered, atol=1e-5)  # nothing twice, nothing missed
    assert float(topmost.sum(0).max()) <= 1 + 1e-5
    assert torch.allclose(topmost[-1], soft[-1], atol=1e-6)
    strongest = resolved(made.regions, "strongest").double()
    assert int((strongest > 0).sum(0).max()) <= 1
    weight = torch.tensor([abs(r.weight) for r in made.regions]).double()[:, None, None]
    assert torch.allclose((strongest * weight).sum(0), (soft * weight).amax(0), atol=1e-4)
    for rule in OVERLAPS:
        kept = resolved(made.regions, rule)
        assert bool((kept >= 0).all()) and bool((kept <= soft + 1e-6).all())


def test_a_single_region_is_the_same_under_every_rule():
    made = painting([block(3, 5, 9)], [-2.0], feather=2.0)
    results = [resolved(made.regions, rule) for rule in OVERLAPS]
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


def test_a_phrase_is_held_back_where_it_is_not_painted():
    made = painting([block(0, 0, 32), block(32, 32, 32)])
    one, other = signed(made.regions, "all", 0.75)
    assert set(one.unique().tolist()) == set(other.unique().tolist()) == {-0.75, 1.0}
    assert torch.equal(one == 1, resolved(made.regions, "all")[0] == 1)
    assert torch.equal(signed(made.regions, "all", 0), resolved(made.regions, "all"))
    soft = painting([block(0, 0, 32)], feather=4.0)
    (mask,) = signed(soft.regions, "all", 1.0)
    (share,) = resolved(soft.regions, "all")
    assert torch.allclose(mask, 2 * share - 1)


def test_regions_of_one_phrase_share_what_is_held_back():
    made = Painting("a fox").add("fox", block(0, 0, 32)).add("fox", block(32, 32, 32))
    one, other = signed(made.regions, "all", 1.0)
    total = one + other
    assert set(total.unique().tolist()) == {-1.0, 1.0} and int((total == 1).sum()) == 2 * 32 * 32
    assert float(one[40, 40]) == 0 == float(other[0, 0])


def test_what_is_pushed_away_or_covered_holds_nothing_back():
    away = painting([block(0, 0, 32)], weights=[-1.0])
    assert torch.equal(signed(away.regions, "all", 1.0), resolved(away.regions, "all"))
    covered = painting([block(0, 0, 32), block(0, 0, 64)], overlap="topmost")
    first, second = signed(covered.regions, "topmost", 1.0)
    assert not first.any() and bool((second == 1).all())


def test_a_phrase_without_its_describing_words_is_told():
    made = Painting("a big red fox and a moon").add("fox", block(0, 0, 32))
    (said,) = made.add("moon", block(0, 0, 32)).warnings(8)
    assert said.startswith("'fox' is painted without") and "paint 'a big red fox'" in said
    assert Painting("a big red fox").add("big red fox", block(0, 0, 32)).warnings(8) == ()


def test_nothing_is_said_of_a_good_painting():
    assert painting([block(0, 0, 32), block(32, 32, 32)]).warnings(8) == ()
    assert Painting(PROMPT).warnings(8) == ()


@pytest.mark.parametrize(
    "size, grid, told", [(3, 8, True), (4, 8, False), (4, 4, True), (8, 4, False), (1, 64, False)]
)
def test_a_region_too_small_for_the_coarsest_grid_is_told(size, grid, told):
    said = painting([block(0, 0, size)]).warnings(grid)
    assert len(said) == int(told)
    if told:
        assert "'fox' is too small" in said[0] and f"{grid} x {grid}" in said[0]


def test_a_feather_can_make_a_region_too_small():
    made = painting([block(24, 24, 8)])
    assert made.warnings(8) == () and len(made.feathered(0, 16.0).warnings(8)) == 1


def test_the_same_occurrence_twice_is_told_once():
    made = Painting("a Fox and a fox").add("fox", block(0, 0, 32)).add("FOX", block(32, 0, 32))
    assert made.warnings(8) == ("'fox' is painted 2 times: where the places overlap they add up.",)
    assert made.reweighted(0, 2.0).without(1).warnings(8) == ()
    other = Painting("a fox and a fox").add("fox", block(0, 0, 32))
    assert other.add("fox", block(32, 0, 32), occurrence=2).warnings(8) == ()


def test_a_covered_region_is_told_under_the_rules_that_cover():
    masks = [block(10, 10, 20), block(5, 5, 40)]
    assert painting(masks).warnings(8) == ()
    (said,) = painting(masks, overlap="topmost").warnings(8)
    assert said == "'fox' is fully covered by regions added after it."
    (said,) = painting(masks, [1.0, -2.0], "strongest").warnings(8)
    assert said == "'fox' is nowhere the strongest, so it has no effect."
    assert painting(masks[::-1], overlap="topmost").warnings(8) == ()


@pytest.mark.parametrize("grid", [0, -1, 2.0, True, None, 10**9])
def test_a_grid_that_is_none_is_refused(grid):
    with pytest.raises(ValueError, match="coarsest grid"):
        painting([block(0, 0, 9)]).warnings(grid)
