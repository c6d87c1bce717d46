"""Fast path = readable path, taps that always let go, and the painted bonus."""

import math

import pytest
import torch
from torch import nn

from ediffi.networks.attention import Attention, Paint, fused, painted_scores
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
