"""Diagnostics in closed form."""

import pytest
import torch

from ediffi.cascade.diagnostics import (
    colour_drift,
    consistency,
    gradient_energy,
    sharpness,
    shrunk,
)


def test_a_picture_made_of_whole_blocks_is_consistent():
    low = torch.rand(2, 3, 4, 6) * 2 - 1
    large = low.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.allclose(shrunk(large, (4, 6)), low, atol=1e-6)
    assert torch.allclose(consistency(large, low), torch.zeros(2), atol=1e-6)
    assert torch.allclose(consistency(large + 0.25, low), torch.full((2,), 0.25), atol=1e-6)


def test_detail_that_averages_out_is_consistent():
    low, checks = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 8, 8)
    checks[..., ::2, ::2] = checks[..., 1::2, 1::2] = -1
    assert float(consistency(checks, low)) == 0


def test_colour_drift_is_by_channel():
    shift = torch.tensor([0.1, 0.0, -0.2])
    drift = colour_drift(torch.zeros(2, 3, 8, 8) + shift[:, None, None], torch.zeros(2, 3, 2, 2))
    assert torch.allclose(drift, shift.expand(2, 3))


def test_sharpness_is_one_for_the_same_and_a_quarter_at_half_the_contrast():
    x = torch.rand(2, 3, 8, 8)
    assert torch.allclose(sharpness(x, x), torch.ones(2))
    assert torch.allclose(sharpness(x / 2, x), torch.full((2,), 0.25))
    stripes = torch.tensor([-1.0, 1.0]).repeat(4).expand(1, 3, 8, 8)
    assert float(gradient_energy(stripes)) == pytest.approx(4)
    with pytest.raises(ValueError, match="one shape"):
        sharpness(x, x[..., :4])
