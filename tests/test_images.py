"""Tensors and pictures: exact both ways, and nothing broken passes as black."""

import numpy as np
import pytest
import torch
from PIL import Image

from ediffi.images import to_pil, to_tensor, to_uint8


def test_bytes_survive_the_round_trip():
    picture = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3) * 8
    tensor = to_tensor(picture)
    assert tensor.shape == (3, 2, 5)
    assert np.array_equal(to_uint8(tensor[None])[0], picture)
    assert np.array_equal(np.asarray(to_pil(tensor)), picture)


def test_ends_and_clamping():
    ends = torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0]).reshape(1, 1, 1, 5).expand(1, 3, 1, 5)
    assert to_uint8(ends)[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_height_and_width_are_not_swapped():
    assert to_tensor(Image.new("RGB", (7, 3))).shape == (3, 3, 7)


def test_transparency_lies_on_white():
    glass = Image.new("RGBA", (2, 2), (0, 0, 0, 0))
    assert torch.equal(to_tensor(glass), torch.ones(3, 2, 2))


@pytest.mark.parametrize("array", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3))])
def test_arrays_that_are_no_pictures(array):
    with pytest.raises(ValueError, match="uint8 of shape"):
        to_tensor(array)


def test_a_broken_picture_is_not_shown():
    with pytest.raises(ValueError, match="not finite"):
        to_uint8(torch.full((1, 3, 2, 2), float("nan")))
