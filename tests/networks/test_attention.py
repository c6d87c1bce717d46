"""Fast path = readable path, taps that always let go, and the painted bonus."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from ediffi.networks.attention import Attention, Paint, fused, painted_scores, score_scale
from ediffi.networks.taps import Tap, listening, name_taps, tap_names

TORCH = torch.Generator().manual_seed(0)


def inputs(b=2, heads=3, pixels=16, n=7, d=8):
    q, k, v = (torch.randn(b, heads, m, d, generator=TORCH) for m in (pixels, n, n))
    mask = torch.ones(b, n, dtype=torch.bool)
    mask[0, 4:] = False
    return q, k, v, mask


def test_fused_and_readable_paths_agree():
    q, k, v, mask = inputs()
    readable = Attention().readable(q, k, v, mask, None, (4, 4))
    assert torch.allclose(readable, fused(q, k, v, mask), atol=1e-6)
    assert torch.allclose(Attention()(q, k, v, mask), readable)


def test_masked_columns_get_nothing():
    q, k, v, mask = inputs()
    changed = v.clone()
    changed[0, :, 4:] = 1e6
    assert torch.equal(Attention()(q, k, v, mask), Attention()(q, k, changed, mask))


def paint(strength, columns=(2,), n=7, grid=8, half=4):
    masks = torch.zeros(2, 1, grid, grid)
    masks[:, :, :half] = 1
    chosen = torch.zeros(2, 1, n)
    chosen[:, :, list(columns)] = 1
    return Paint(masks, chosen, torch.full((2, 1), float(strength)))


def mass(paint_):
    q, k, v, mask = inputs()
    seen = []
    attention = Attention()
    with listening(attention, lambda name: True, lambda name, value: seen.append(value)):
        attention(q, k, v, mask, paint_, (4, 4))
    return seen[-1][..., 2].reshape(2, 3, 4, 4)


def test_painting_raises_the_phrase_where_painted_and_only_there():
    torch.manual_seed(0)
    global TORCH
    TORCH = torch.Generator().manual_seed(1)
    without = mass(None)
    TORCH = torch.Generator().manual_seed(1)
    painted = mass(paint(2.0))
    assert bool((painted[:, :, :2] > without[:, :, :2]).all())
    assert torch.allclose(painted[:, :, 2:], without[:, :, 2:], atol=1e-6)


def test_a_phrase_held_back_elsewhere_is_heard_less_there():
    global TORCH
    TORCH = torch.Generator().manual_seed(1)
    without = mass(None)
    painting = paint(2.0)
    TORCH = torch.Generator().manual_seed(1)
    held = mass(replace(painting, masks=2 * painting.masks - 1))
    assert bool((held[:, :, :2] > without[:, :, :2]).all())
    assert bool((held[:, :, 2:] < without[:, :, 2:]).all())


def test_no_strength_is_no_painting():
    q, k, v, mask = inputs()
    plain = Attention()(q, k, v, mask, None, (4, 4))
    assert torch.allclose(Attention()(q, k, v, mask, paint(0.0), (4, 4)), plain, atol=1e-6)


def test_a_negative_maximum_does_not_turn_the_painting_round():
    products = -torch.rand(2, 3, 16, 7) - 1
    mask = torch.ones(2, 7, dtype=torch.bool)
    assert torch.equal(painted_scores(products, paint(3.0), mask, (4, 4)), products)


def test_the_maximum_is_per_picture_and_head_over_unmasked_columns():
    products = torch.zeros(2, 3, 16, 7)
    products[0, 1, 3, 5] = 4.0
    products[1, 2, 0, 6] = 100.0
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[1, 6] = False
    bonus = painted_scores(products, paint(0.5), mask, (4, 4)) - products
    assert float(bonus[0, 1, 0, 2]) == 2.0
    bonus[0, 1] = 0
    assert float(bonus.abs().max()) == 0.0


def test_a_small_region_survives_on_the_coarsest_grid():
    masks = torch.zeros(1, 1, 64, 64)
    masks[0, 0, 13, 22] = 1
    tiny = Paint(masks, torch.ones(1, 1, 1), torch.ones(1, 1))
    assert float(tiny.bonus((4, 4)).sum()) == pytest.approx(1 / 256)


def test_taps_let_go_after_an_error():
    attention = Attention()
    with pytest.raises(RuntimeError, match="stop"):
        with listening(attention, lambda name: True, lambda name, value: None):
            assert attention.scores.heard and attention.probabilities.heard
            raise RuntimeError("stop")
    assert not attention.scores.heard and not attention.probabilities.heard


def test_a_listener_that_returns_a_tensor_edits():
    q, k, v, mask = inputs()
    attention = nn.ModuleDict({"cross": Attention()})
    name_taps(attention)
    assert tap_names(attention) == ["cross.scores", "cross.probabilities"]

    def uniform(name, value):
        return torch.full_like(value, 1 / value.shape[-1])

    with listening(attention, lambda name: name.endswith("probabilities"), uniform):
        edited = attention["cross"](q, k, v, mask)
    assert torch.allclose(edited, v.mean(2, keepdim=True).expand_as(edited), atol=1e-6)


def test_listening_to_nothing_names_the_taps():
    attention = nn.ModuleDict({"cross": Attention()})
    name_taps(attention)
    with pytest.raises(ValueError, match=r"cross\.scores"):
        with listening(attention, lambda name: False, lambda name, value: None):
            raise AssertionError("the block must not run")


def test_probabilities_are_a_distribution():
    q, k, v, mask = inputs()
    attention = Attention()
    seen = []
    with listening(
        attention,
        lambda name: isinstance(attention.probabilities, Tap),
        lambda n, v: seen.append(v),
    ):
        attention(q, k, v, mask)
    assert torch.allclose(seen[1].sum(-1), torch.ones(2, 3, 16), atol=1e-5)
    assert math.isclose(float(seen[1][0, ..., 4:].abs().sum()), 0.0)


def random_paint(r=2, n=7, size=(8, 8), by_spread=None, weight=1.0, seed=3, b=2):
    g = torch.Generator().manual_seed(seed)
    masks = torch.rand(b, r, *size, generator=g)
    columns = (torch.rand(b, r, n, generator=g) < 0.4).float()
    columns[..., -1] = 0  # the null column
    strength = weight * (torch.rand(b, r, generator=g) + 0.5)
    return Paint(masks, columns, strength, by_spread)


@pytest.mark.parametrize("grid", [(4, 4), (2, 8), (16, 1)])
def test_painted_attention_is_the_formula(grid):
    """softmax((Q K^T + w A) / sqrt(d)) V, written out entry by entry for both rules."""
    q, k, v, mask = (t.double() if t.is_floating_point() else t for t in inputs())
    paint_ = random_paint(by_spread=torch.tensor([False, True]))
    pooled = nn.functional.adaptive_avg_pool2d(paint_.masks, grid).flatten(2).double()
    expected = torch.zeros(2, 3, 16, 8, dtype=torch.double)
    for i in range(2):
        seen = mask[i].nonzero().flatten().tolist()
        for head in range(3):
            products = q[i, head] @ k[i, head].T
            chosen = [float(products[p, j]) for p in range(16) for j in seen]
            mean = sum(chosen) / len(chosen)
            spread = math.sqrt(sum((c - mean) ** 2 for c in chosen) / len(chosen))
            scale = (max(max(chosen), 0.0), spread)[i]
            for p in range(16):
                raised = []
                for j in seen:
                    bonus = sum(
                        float(paint_.strength[i, r] * paint_.columns[i, r, j] * pooled[i, r, p])
                        for r in range(2)
                    )
                    raised.append((float(products[p, j]) + scale * bonus) / math.sqrt(8))
                weights = torch.tensor(raised, dtype=torch.double).softmax(0)
                expected[i, head, p] = weights @ v[i, head, seen]
    found = Attention()(*(t.float() for t in (q, k, v)), mask, paint_, grid)
    assert torch.allclose(found.double(), expected, atol=1e-5)


def test_an_unpainted_row_is_bit_equal_to_no_painting():
    q, k, v, mask = inputs()
    plain = Attention()(q, k, v, mask, None, (4, 4))
    own = random_paint()
    for blank in ("masks", "columns", "strength"):
        changed = getattr(own, blank).clone()
        changed[0] = 0
        found = Attention()(q, k, v, mask, replace(own, bonuses={}, **{blank: changed}), (4, 4))
        assert torch.equal(found[0], plain[0]) and not torch.allclose(found[1], plain[1])


def widened(paint_, r):
    """The same painting with room for more regions, as beside a picture that has them."""
    pad = r - paint_.strength.shape[1]
    return Paint(
        torch.cat([paint_.masks, torch.zeros(2, pad, 8, 8)], 1),
        torch.cat([paint_.columns, torch.zeros(2, pad, 7)], 1),
        torch.cat([paint_.strength, torch.zeros(2, pad)], 1),
        paint_.by_spread,
    )


@pytest.mark.parametrize("std", [False, True])
def test_a_picture_does_not_depend_on_what_else_is_painted(std):
    q, k, v, mask = inputs()
    own = random_paint(r=3)
    alone = Paint(own.masks, own.columns, own.strength, torch.tensor([std, std]))
    expected = Attention()(q, k, v, mask, alone, (4, 4))[0]
    for r in (3, 8, 16):
        for other in (False, True):
            beside, more = random_paint(r=r, seed=r), widened(own, r)
            mixed = Paint(
                torch.stack([more.masks[0], beside.masks[1]]),
                torch.stack([more.columns[0], beside.columns[1]]),
                torch.stack([more.strength[0], beside.strength[1]]),
                torch.tensor([std, other]) if std or other else None,
            )
            assert torch.equal(Attention()(q, k, v, mask, mixed, (4, 4))[0], expected)


def probabilities(paint_, seed=0, grid=(4, 4)):
    torch.manual_seed(seed)
    q, k, v = (torch.randn(2, 3, m, 8) for m in (16, 7, 7))
    mask = torch.ones(2, 7, dtype=torch.bool)
    seen, attention = [], Attention()
    with listening(attention.probabilities, lambda _: True, lambda _, value: seen.append(value)):
        attention(q, k, v, mask, paint_, grid)
    return seen[-1]


@pytest.mark.parametrize("std", [False, True])
@pytest.mark.parametrize("columns", [(2,), (1, 4)])
def test_a_full_mask_acts_at_every_pixel_and_head(std, columns):
    by_spread = torch.tensor([std, std])

    def mass(weight):
        chosen = paint(weight, columns, half=8)
        told = probabilities(Paint(chosen.masks, chosen.columns, chosen.strength, by_spread))
        return told[..., list(columns)].sum(-1)

    plain = probabilities(None)[..., list(columns)].sum(-1)
    assert bool((mass(1.0) > plain).all()) and bool((mass(3.0) > mass(1.0)).all())
    assert bool((mass(-1.0) < plain).all())


def test_the_spread_is_over_unmasked_scores_and_scales_with_them():
    torch.manual_seed(0)
    scores = torch.randn(2, 3, 16, 7)
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[1, 4:] = False
    both = torch.tensor([True, True])
    spread = score_scale(scores, mask, both)
    assert torch.allclose(spread[0, 1, 0, 0], scores[0, 1].std(correction=0))
    assert torch.allclose(spread[1, 2, 0, 0], scores[1, 2, :, :4].std(correction=0))
    changed = scores.masked_fill(~mask[:, None, None], 1e6)
    assert torch.allclose(score_scale(changed, mask, both), spread)
    assert torch.allclose(score_scale(scores * 0.25, mask, both), spread * 0.25)
    assert not score_scale(torch.full_like(scores, -3.0), mask, both).any()
    nobody = torch.zeros_like(mask)
    assert not score_scale(scores, nobody, both).any()
    assert not score_scale(scores, nobody, None).any()


def test_a_negative_maximum_leaves_the_spread_alone():
    scores = -torch.rand(2, 3, 16, 7) - 1
    mask = torch.ones(2, 7, dtype=torch.bool)
    scale = score_scale(scores, mask, torch.tensor([False, True]))
    assert not scale[0].any() and bool((scale[1] > 0).all())


def test_eight_regions_add_up_and_a_full_page_is_even():
    masks = torch.ones(1, 8, 64, 64)
    paint_ = Paint(masks, torch.eye(8, 9)[None], torch.arange(1.0, 9)[None])
    for grid in ((4, 4), (8, 8), (5, 9), (64, 64)):
        bonus = paint_.bonus(grid)
        assert bonus.shape == (1, 1, grid[0] * grid[1], 9)
        assert torch.allclose(bonus[0, 0, :, :8], torch.arange(1.0, 9).expand(len(bonus[0, 0]), 8))
        assert not bonus[..., 8].any()


@pytest.mark.parametrize("grid", [(4, 4), (8, 8), (4, 8), (16, 2)])
def test_one_cell_lands_in_one_place_of_any_grid(grid):
    masks = torch.zeros(1, 1, 64, 64)
    masks[0, 0, 37, 50] = 1
    bonus = Paint(masks, torch.ones(1, 1, 1), torch.ones(1, 1)).bonus(grid).reshape(grid)
    at = (37 * grid[0] // 64, 50 * grid[1] // 64)
    assert float(bonus[at]) == pytest.approx(grid[0] * grid[1] / 64**2)
    assert int((bonus > 0).sum()) == 1
