"""Masks: disjoint, not empty, true to the pixels in every style."""

from dataclasses import replace

import numpy as np
import pytest

from ediffi.storybook.drawing import render
from ediffi.storybook.masks import masks
from ediffi.storybook.scene import Scene, Wear
from ediffi.storybook.vocabulary import STYLES

from .scenes_at_hand import DOG, DUCK, FOX, FOX_AND_HOUSE, HOUSE

DRESSED = Scene((DUCK, replace(DOG, x=0.68)), "town", "storm", "flat", 2)


def grown(mask, by=1):
    for _ in range(by):
        wide = np.pad(mask, 1)
        mask = (
            wide[1:-1, 1:-1] | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
        )
    return mask


def pieces(found):
    return [*found.things, *(mask for worn in found.worn for mask in worn.values())]


@pytest.mark.parametrize("style", STYLES)
def test_masks_are_disjoint_and_not_empty(style):
    found = masks(replace(DRESSED, style=style), 64)
    assert [set(worn) for worn in found.worn] == [{"hat"}, {"umbrella"}]
    assert all(mask.shape == (64, 64) and mask.dtype == bool for mask in pieces(found))
    assert np.stack(pieces(found)).sum(0).max() == 1
    assert all(mask.sum() >= 12 for mask in pieces(found))


@pytest.mark.parametrize("style", STYLES)
def test_recolouring_a_thing_changes_pixels_of_its_mask(style):
    before = replace(FOX_AND_HOUSE, style=style)
    after = replace(before, things=(HOUSE, replace(FOX, colour="blue")))
    changed = np.abs(render(before, 64).astype(int) - render(after, 64)).sum(-1) > 60
    mask = masks(before, 64).things[1]
    # Light glows and pigment bleeds beyond outlines; the pixel style shares 40 colours.
    reach = {"flat": 1, "neon": 4}.get(style, 2)
    outside = changed & ~grown(mask, reach)
    assert changed[mask].mean() > 0.4
    assert outside.mean() < (0.08 if style == "pixel" else 0.004)


def test_recolouring_a_hat_changes_only_the_hat():
    orange = replace(DUCK, wears=(Wear("hat", "orange"),))
    after = replace(DRESSED, things=(orange, DRESSED.things[1]))
    changed = np.abs(render(DRESSED, 64).astype(int) - render(after, 64)).sum(-1) > 12
    hat = masks(DRESSED, 64).worn[0]["hat"]
    assert changed[hat].mean() > 0.5 and not (changed & ~grown(hat)).any()


def test_masks_at_two_sizes_agree():
    small, large = masks(DRESSED, 64), masks(DRESSED, 128)
    for a, b in zip(pieces(small), pieces(large), strict=True):
        b = b.reshape(64, 2, 64, 2).mean((1, 3)) > 0.5
        assert (a & b).sum() / (a | b).sum() > 0.85


def test_what_is_hidden_is_not_in_the_mask():
    behind = replace(HOUSE, x=FOX.x, y=0.8, size=0.24)
    alone = masks(Scene((behind,), "meadow", "day", "flat", 4), 64).things[0].sum()
    found = masks(Scene((behind, FOX), "meadow", "day", "flat", 4), 64)
    assert found.things[0].sum() < 0.5 * alone
    assert (found.dressed(1) == found.things[1] | found.worn[1]["scarf"]).all()
