"""Paintings as values: phrases, masks, JSON, and how they bind to columns."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ediffi.conditioning.prompt import Span
from ediffi.controls.paint_with_words import GRID, Painting, bind
from ediffi.presets import STORYBOOK_ENCODERS
from tests.fakes import FakeEncoders

PROMPT = "a rabbit and another rabbit under a tree"
ENCODERS = FakeEncoders(STORYBOOK_ENCODERS)


def top(size=64):
    mask = np.zeros((size, size), bool)
    mask[: size // 2] = True
    return mask


def test_adding_makes_another_painting():
    empty = Painting(PROMPT)
    one = empty.add("rabbit", top())
    assert not empty and one and one.regions[0].span == Span(2, 8)


def test_the_second_rabbit_is_another_rabbit():
    region = Painting(PROMPT).add("rabbit", top(), occurrence=2).regions[0]
    assert PROMPT[region.span.start : region.span.end] == "rabbit" and region.span.start > 8


def test_masks_of_any_kind_and_size_become_shares():
    bytes_ = top(128).astype(np.uint8) * 255
    for mask in (top(), top(512), bytes_, Image.fromarray(bytes_), torch.from_numpy(top()).float()):
        kept = Painting(PROMPT).add("tree", mask).regions[0].tensor()
        assert kept.shape == (GRID, GRID) and float(kept.mean()) == pytest.approx(0.5)


def test_one_pixel_of_a_large_canvas_is_not_lost():
    mask = np.zeros((1024, 1024), np.uint8)
    mask[500, 700] = 255
    kept = Painting(PROMPT).add("tree", mask).regions[0].tensor()
    assert float(kept[31, 43]) > 0 and int((kept > 0).sum()) == 1


def test_paintings_survive_json():
    painting = Painting(PROMPT).add("rabbit", top(), weight=-0.5, window=(0.3, 9.0))
    painting = painting.add("tree", np.linspace(0, 1, 64 * 64).reshape(64, 64))
    assert Painting.from_json(json.loads(json.dumps(painting.to_json()))) == painting


def test_binding_finds_the_phrase_in_both_streams():
    painting = Painting(PROMPT).add("another rabbit", top(), weight=2.0)
    text = ENCODERS.encode_text([painting.prompt])
    bound = bind([None, painting], [ENCODERS.encode_text(["a cat"]), text])
    assert bound is not None and bound.masks.shape == (2, 1, GRID, GRID)
    assert bound.t5_columns[1, 0].nonzero().flatten().tolist() == [3, 4]
    assert bound.clip_columns[1, 0].nonzero().flatten().tolist() == [3, 4]
    assert not bound.t5_columns[0].any() and not bound.masks[0].any()
    assert float(bound.weight[1, 0]) == 2.0 and math.isinf(float(bound.sigma_high[1, 0]))


def test_nothing_painted_binds_to_nothing():
    text = ENCODERS.encode_text([PROMPT])
    assert bind([None, Painting(PROMPT)], [text, text]) is None


def test_a_phrase_beyond_the_context_is_refused():
    prompt = " ".join(["word"] * 200) + " tree"
    painting = Painting(prompt).add("tree", top())
    with pytest.raises(ValueError, match="'tree' did not fit"):
        bind([painting], [ENCODERS.encode_text([prompt])])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"phrase": "fox"}, "'fox' is not in the prompt"),
        ({"occurrence": 3}, "stands 2 times"),
        ({"weight": math.nan}, "nan, but must lie within"),
        ({"weight": 99.0}, "99.0, but must lie within"),
        ({"window": (2.0, 1.0)}, "low < high"),
        ({"mask": np.zeros((4, 4))}, "is empty"),
        ({"mask": np.full((4, 4), 2.0)}, "outside 0 to 1"),
        ({"mask": np.full((4, 4), np.nan)}, "outside 0 to 1"),
        ({"mask": np.ones(4)}, r"shape \(4,\)"),
    ],
)
def test_regions_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        Painting(PROMPT).add(**{"phrase": "rabbit", "mask": top(), **options})


def test_sixteen_regions_are_the_most():
    painting = Painting(PROMPT)
    for _ in range(16):
        painting = painting.add("tree", top())
    with pytest.raises(ValueError, match="at most 16"):
        painting.add("tree", top())


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["format", "prompt", "regions", "runs", "phrase"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_anything_else_is_refused_in_a_sentence(data):
    with pytest.raises(ValueError):
        Painting.from_json(data)


@pytest.mark.parametrize("runs", [[1], [0, 4095], [300, 4096], [1, 10**9], "x", [1.0, 4096]])
def test_runs_that_are_no_mask(runs):
    data = Painting(PROMPT).add("tree", top()).to_json()
    data["regions"][0]["runs"] = runs
    with pytest.raises(ValueError, match="runs"):
        Painting.from_json(data)
