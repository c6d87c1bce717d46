"""Guidance as arithmetic on denoisers whose answers are known."""

import math

import pytest
import torch

from ediffi.diffusion.guidance import Guided, NestedGuided, Window, dynamic_threshold
from tests.exact import NamedCond, NamedDenoiser

MODEL = NamedDenoiser({"t5": 1.0, "clip_text": 2.0, "clip_image": 4.0})
X, SIGMA = torch.zeros(2, 3, 4, 4), torch.tensor([1.0, 1.0])


def value(denoiser, sigma=SIGMA):
    return float(denoiser(X, sigma, NamedCond())[0, 0, 0, 0])


def test_scale_one_is_conditional_and_zero_unconditional():
    assert value(Guided(MODEL, 1.0)) == 7.0
    assert value(Guided(MODEL, 0.0)) == 0.0
    assert value(Guided(MODEL, 3.0)) == 21.0


def test_outside_the_window_only_the_conditional_branch_is_asked():
    asked = []

    def counting(x, sigma, cond):
        asked.append(cond.names)
        return MODEL(x, sigma, cond)

    guided = Guided(counting, 3.0, Window(0.5, 5.0))
    assert value(guided, torch.tensor([9.0, 9.0])) == 7.0 and len(asked) == 1
    assert value(guided, torch.tensor([0.5, 0.5])) == 7.0 and len(asked) == 2
    assert value(guided, torch.tensor([5.0, 5.0])) == 21.0 and len(asked) == 4


def test_nested_guidance_has_a_dial_for_words_and_one_for_style():
    assert value(NestedGuided(MODEL, text=2.0, image=1.0)) == 2 * 3.0 + 1 * 4.0
    assert value(NestedGuided(MODEL, text=1.0, image=0.0)) == 3.0


def test_nested_guidance_reduces_to_plain_at_equal_scales():
    for scale in (0.0, 1.0, 4.5):
        assert value(NestedGuided(MODEL, scale, scale)) == value(Guided(MODEL, scale))
    nested = NestedGuided(MODEL, 2.0, 2.0 + 1e-6)
    assert value(nested) == pytest.approx(value(Guided(MODEL, 2.0)), abs=1e-4)


def test_dynamic_thresholding_leaves_modest_pictures_and_tames_loud_ones():
    modest = torch.linspace(-0.9, 0.9, 64).reshape(1, 1, 8, 8)
    assert torch.equal(dynamic_threshold(modest, 0.995), modest)
    loud = torch.cat([modest, 5 * modest])
    tamed = dynamic_threshold(loud, 0.9)
    assert torch.equal(tamed[:1], modest) and float(tamed.abs().max()) == 1.0


@pytest.mark.parametrize("scale", [math.nan, math.inf])
def test_scales_that_are_no_numbers(scale):
    with pytest.raises(ValueError, match="finite"):
        Guided(MODEL, scale)
    with pytest.raises(ValueError, match="finite"):
        NestedGuided(MODEL, 1.0, scale)


def test_windows_and_percentiles_that_are_none():
    with pytest.raises(ValueError, match="low < high"):
        Window(2.0, 1.0)
    with pytest.raises(ValueError, match="percentile is 1.5"):
        Guided(MODEL, 2.0, percentile=1.5)
