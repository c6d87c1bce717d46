"""Masks: any canvas to 64 x 64 cells, feathers, moves, and the two ways they are written."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ediffi.controls import masks
from ediffi.controls.masks import GRID

FULL = (255,) * GRID * GRID
EVERY_BYTE = tuple(range(256)) * 16


def page(value=0.0, top=0, left=0, height=0, width=0):
    mask = torch.zeros(GRID, GRID)
    mask[top : top + height, left : left + width] = value
    return mask


def test_a_mask_of_bytes_on_the_grid_is_kept_to_the_byte():
    canvas = np.array(EVERY_BYTE, np.uint8).reshape(GRID, GRID)
    assert masks.shares(canvas, "the mask") == EVERY_BYTE


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (64, 128), (65, 63), (500, 20)])
def test_a_full_canvas_of_any_shape_is_a_full_page(shape):
    assert masks.shares(np.ones(shape, bool), "the mask") == FULL


def picture(mode):
    """A picture whose left half is light, or opaque where it can be."""
    grey = Image.new("L", (128, 128))
    grey.paste(255, (0, 0, 64, 128))
    if mode == "I;16":
        return Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    if mode in ("RGBA", "LA"):
        white = Image.new(mode[:-1], grey.size, "white")
        white.putalpha(grey)
        return white
    return grey.convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "I;16", "RGBA", "LA"])
def test_pictures_of_every_kind_are_read_by_lightness(mode):
    cells = np.array(masks.shares(picture(mode), "the mask")).reshape(GRID, GRID)
    assert (cells[:, :32] == 255).all() and not cells[:, 32:].any()


@pytest.mark.parametrize(
    "mask, message",
    [
        (np.array([["a"]]), "no shares"),
        (np.ones((2, 2), complex), "no shares"),
        (torch.ones(2, 2, dtype=torch.complex64), "no shares"),
        (np.ones((2, 2, 3)), r"\(2, 2, 3\)"),
        (np.zeros((0, 4)), r"\(0, 4\)"),
        (np.full((2, 2), 2), "outside 0 to 1"),
        (np.broadcast_to(np.True_, (20_000, 20_000)), "400,000,000|20,000 x 20,000"),
    ],
)
def test_what_is_no_mask_is_refused(mask, message):
    with pytest.raises(ValueError, match=message):
        masks.shares(mask, "the mask")


def test_a_feather_is_soft_bounded_and_keeps_full_pages_full():
    soft = masks.feathered(page(1.0, 20, 20, 10, 10), 4.0)
    assert float(soft.max()) <= 1 and float(soft.min()) >= 0
    rows = soft[:, 25].tolist()
    assert rows[:16] == [0.0] * 16 and 0 < rows[17] < rows[19] < rows[21] < rows[24] <= 1
    assert torch.allclose(soft, soft.T) and torch.allclose(soft[20:30], soft[20:30].flip(0))
    assert float(soft.sum()) == pytest.approx(100, rel=1e-4)  # nothing is made or lost
    assert torch.allclose(masks.feathered(page(1.0, 0, 0, 64, 64), 16.0), torch.ones(64, 64))


def test_no_feather_is_the_mask_itself_and_more_is_softer():
    sharp = page(1.0, 0, 0, 64, 30)
    assert masks.feathered(sharp, 0.0) is sharp
    edges = [masks.feathered(sharp, width)[32, 29] for width in (0.0, 1.0, 4.0, 16.0)]
    assert edges == sorted(edges, reverse=True) and edges[-1] > 0.5


@given(st.integers(-64, 64), st.integers(-64, 64))
@settings(max_examples=40, deadline=None)
def test_moving_is_shifting(right, down):
    moved = np.array(masks.moved(EVERY_BYTE, right, down)).reshape(GRID, GRID)
    was = np.array(EVERY_BYTE).reshape(GRID, GRID)
    for y, x in ((0, 0), (63, 63), (10, 50), (40, 3)):
        inside = 0 <= y - down < GRID and 0 <= x - right < GRID
        assert moved[y, x] == (was[y - down, x - right] if inside else 0)


def test_inverting_twice_is_nothing():
    assert masks.inverted(masks.inverted(EVERY_BYTE)) == EVERY_BYTE
    assert not any(masks.inverted(FULL))


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 900)), min_size=1, max_size=2000))
@settings(max_examples=40, deadline=None)
def test_masks_are_packed_without_loss_and_never_long(runs):
    cells = tuple(v for v, n in runs for _ in range(n))[: GRID * GRID]
    cells += (7,) * (GRID * GRID - len(cells))
    packed = masks.packed(cells)
    assert masks.unpacked(json.loads(json.dumps(packed))) == cells
    assert len(json.dumps(packed)) < 10_500


def test_a_noisy_mask_is_written_in_base64_a_plain_one_in_runs():
    assert isinstance(masks.packed(EVERY_BYTE), str)
    assert masks.packed(FULL) == [255, 4096]


@pytest.mark.parametrize(
    "data, message",
    [
        (None, "pairs"),
        ([1], "pairs"),
        ([0, 1] * 4097, "pairs"),
        ([0, 4095], "add up to 4095 cells, but must add up to 4096"),
        ([0, 4096, 1, 1], "add up to 4097"),
        ([300, 4096], "is 300, but must lie within 0 to 255"),
        ([-1, 4096], "is -1"),
        ([0, 10**9], "is 1000000000, but must lie within 1 to 4096"),
        ([0, 10**400], "is huge"),
        ([0, 0], "is 0, but must lie within 1"),
        ([True, 4096], "whole number, not bool"),
        ([1.0, 4096], "whole number, not float"),
        (["1", 4096], "whole number, not str"),
        ("AAAA", "5,464 letters, not 4"),
        ("!" * 5464, "no base64"),
        ("é" * 5464, "no base64"),
    ],
)
def test_what_is_no_packed_mask_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        masks.unpacked(data)
