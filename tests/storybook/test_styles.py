"""Styles: each draws every place, differs from the others, shows the same hand at every size."""

from dataclasses import replace

import numpy as np
import pytest

from ediffi.storybook import pixels
from ediffi.storybook.drawing import render
from ediffi.storybook.raster import Window
from ediffi.storybook.vocabulary import STYLES

from .scenes_at_hand import FOX_AND_HOUSE, in_every_place

# Root mean square between a picture at 64 and the same one at 256, averaged down.
DRIFT = {"flat": 0.02, "watercolour": 0.06, "cutout": 0.06, "linocut": 0.065, "pixel": 0.01}
OTHERS = 0.09


@pytest.mark.parametrize("style", STYLES)
def test_every_style_draws_every_place(style):
    for scene in in_every_place():
        picture = render(replace(scene, style=style), 64)
        assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8
        assert picture.std() > 15


def test_no_two_styles_look_alike():
    pictures = {style: render(replace(FOX_AND_HOUSE, style=style), 64) for style in STYLES}
    for one in STYLES:
        for other in STYLES:
            difference = np.abs(pictures[one].astype(int) - pictures[other]).mean()
            assert difference == 0 if one == other else difference > 4, (one, other)


@pytest.mark.parametrize("style", STYLES)
def test_small_and_large_show_the_same_hand(style):
    scene = replace(FOX_AND_HOUSE, style=style)
    small = render(scene, 64).astype(float)
    large = render(scene, 256).astype(float).reshape(64, 4, 64, 4, 3).mean((1, 3))
    assert np.sqrt(((small - large) ** 2).mean()) / 255 < DRIFT.get(style, OTHERS)


@pytest.mark.parametrize("style", STYLES)
def test_a_crop_is_that_part_of_the_page_in_every_style(style):
    scene = replace(FOX_AND_HOUSE, style=style)
    page, part = render(scene, 128), render(scene, 128, (0.125, 0.5, 0.625, 1.0))
    difference = np.abs(part.astype(int) - page[64:, 16:80])
    assert difference.mean() < 2 and np.quantile(difference, 0.98) <= 16


@pytest.mark.parametrize("size", [48, 100])
def test_odd_sizes_are_drawn_too(size):
    for style in ("pixel", "mosaic", "linocut"):
        assert render(replace(FOX_AND_HOUSE, style=style), size).shape == (size, size, 3)


def test_noise_of_a_window_is_that_part_of_the_page():
    whole = pixels.noise(Window.whole(64), 3, 5, 9)
    part = pixels.noise(Window(64, 16, 8, 32, 40), 3, 5, 9)
    assert np.abs(part - whole[8:48, 16:48]).max() < 1e-5


def test_noise_is_the_same_at_every_size():
    small, large = (pixels.noise(Window.whole(n), 3, 5, 9) for n in (32, 128))
    assert np.abs(large.reshape(32, 4, 32, 4).mean((1, 3)) - small).max() < 0.03


def test_regions_take_their_mean_colour():
    colours = np.array([[[0, 0, 0], [1, 0, 0]], [[0, 1, 0], [0, 1, 1]]], np.float32)
    key = np.array([[7, 7], [3, 9]])
    flat = pixels.flatten(colours, key)
    assert np.allclose(flat[0], [[0.5, 0, 0], [0.5, 0, 0]])
    assert np.allclose(flat[1], [[0, 1, 0], [0, 1, 1]])


def test_rims_mark_both_sides_of_the_upper_sheet_only():
    ids = np.array([[0, 0, 2, 2, 0]])
    assert pixels.rim(ids, 1).tolist() == [[False, False, True, True, False]]


def test_hue_forgets_light_and_greys():
    dark, light, grey = np.array([[0.4, 0, 0], [1.0, 0.6, 0.6], [0.5, 0.5, 0.5]], np.float32)
    assert np.allclose(pixels.hue(dark), pixels.hue(light))
    assert (pixels.hue(grey) == 0).all()
