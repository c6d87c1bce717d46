"""Drawing: one scene one picture, crops are parts of pages, recolouring stays inside masks."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ediffi.storybook import things, vocabulary
from ediffi.storybook.colours import RAMPS, SKIES, lit, rgb
from ediffi.storybook.drawing import render, svg
from ediffi.storybook.masks import masks
from ediffi.storybook.page import code, paint
from ediffi.storybook.places import PLACES
from ediffi.storybook.raster import Window, raster
from ediffi.storybook.scene import Scene, Thing
from ediffi.storybook.shapes import GLYPHS
from ediffi.storybook.sheet import picture
from ediffi.storybook.styles import STYLES

from .scenes_at_hand import BALLOON, FOX, FOX_AND_HOUSE, HOUSE, in_every_place


def digest(scene, size):
    return hashlib.sha256(render(scene, size).tobytes()).hexdigest()


def test_every_name_of_the_vocabulary_can_be_drawn():
    assert set(PLACES) == set(vocabulary.PLACES)
    assert set(SKIES) == set(vocabulary.SKIES)
    assert set(RAMPS) == set(vocabulary.COLOURS)
    assert {"flat", *STYLES} == set(vocabulary.STYLES)
    assert set("".join(vocabulary.WORDS)) <= set(GLYPHS)
    for kind in vocabulary.THINGS:
        assert set(vocabulary.wearables(kind)) <= set(things.wearable(kind)), kind


@pytest.mark.parametrize("kind", vocabulary.THINGS)
def test_every_thing_is_drawn_in_its_colour(kind):
    word = "STOP" if kind == "sign" else None
    page = {}
    for colour in ("purple", "green"):
        thing = Thing(
            kind, colour, 0.5, 0.5 if kind in vocabulary.FLOATING else 0.9, 0.5, word=word
        )
        page[colour] = render(Scene((thing,), "snow", "day", "flat", 1), 64).astype(int)
    changed = np.abs(page["purple"] - page["green"]).sum(-1) > 30
    assert changed.sum() > 60
    # Red over green tells purple from green, whatever the shade.
    for colour, sign in (("purple", 1), ("green", -1)):
        red_less_green = (page[colour][..., 0] - page[colour][..., 1])[changed]
        assert sign * np.median(red_less_green) > 5


def test_the_same_scene_is_the_same_picture_in_another_process():
    program = (
        "import hashlib, json; from ediffi.storybook.scene import Scene;"
        "from ediffi.storybook.drawing import render;"
        f"scene = Scene.from_json(json.loads({json.dumps(FOX_AND_HOUSE.to_json())!r}));"
        "print(hashlib.sha256(render(scene, 64).tobytes()).hexdigest())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert digest(FOX_AND_HOUSE, 64) == digest(FOX_AND_HOUSE, 64) == ran.stdout.strip()


def test_the_seed_varies_the_background_and_leaves_the_things():
    here, there = (replace(FOX_AND_HOUSE, seed=seed) for seed in (4, 5))
    a, b = render(here, 64).astype(int), render(there, 64).astype(int)
    fox = masks(here, 64).things[1]
    fox[1:-1, 1:-1] &= fox[:-2, 1:-1] & fox[2:, 1:-1] & fox[1:-1, :-2] & fox[1:-1, 2:]
    assert np.abs(a - b)[fox].max() <= 2
    assert np.abs(a - b)[~masks(here, 64).dressed(1)].mean() > 4


def test_large_and_small_pictures_agree():
    for scene in in_every_place():
        small = render(scene, 64).astype(float)
        large = render(scene, 256).astype(float).reshape(64, 4, 64, 4, 3).mean((1, 3))
        assert np.sqrt(((small - large) ** 2).mean()) / 255 < 0.03


@pytest.mark.parametrize("crop", [(0.25, 0.5, 0.75, 1.0), (0, 0, 0.5, 0.25)])
def test_a_crop_is_that_part_of_the_page(crop):
    page = render(FOX_AND_HOUSE, 128)
    left, top, right, bottom = (round(edge * 128) for edge in crop)
    part = render(FOX_AND_HOUSE, 128, crop)
    assert part.shape == (bottom - top, right - left, 3)
    difference = np.abs(part.astype(int) - page[top:bottom, left:right])
    assert difference.mean() < 0.5 and np.quantile(difference, 0.999) <= 12


def test_light_over_the_page_is_the_same_as_array_and_as_svg():
    for sky in vocabulary.SKIES:
        scene = Scene((FOX,), "sea", sky, "flat", 3)
        whole = Window.whole(64)
        drawn = raster(svg(scene), whole).astype(float)
        assert np.abs(drawn - picture(paint(scene), whole)).max() < 4


def test_light_scales_and_never_turns_a_colour():
    assert lit("#d93a35", "day") == "#d93a35"
    red, green, blue = rgb(lit("#d93a35", "night"))
    assert red > 2 * green and red > 2 * blue


def test_things_that_stand_lower_are_drawn_later_and_what_floats_is_behind():
    page = paint(Scene((FOX, HOUSE, BALLOON), "meadow", "day", "flat", 1))
    names = [layer.name for layer in page.layers if layer.name.startswith("thing")]
    assert names == ["thing2", "thing1", "thing0"]


def test_codes_number_every_element_once():
    key = code(paint(FOX_AND_HOUSE))
    spans = sorted(key.parts.values())
    assert all(first < last for first, last in spans)
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))


@pytest.mark.parametrize(
    ("size", "crop", "said"),
    [
        (8, None, "16 to 2048"),
        (4096, None, "16 to 2048"),
        (64.0, None, "whole number"),
        (True, None, "whole number"),
        (64, (0.5, 0, 0.5, 1), "left < right"),
        (64, (0, 0, 1.5, 1), "right <= 1"),
        (64, (0, 0, 0.001, 1), "no pixel"),
    ],
)
def test_bad_sizes_and_crops_are_refused_in_a_sentence(size, crop, said):
    with pytest.raises(ValueError, match=said) as refusal:
        render(FOX_AND_HOUSE, size, crop)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)
