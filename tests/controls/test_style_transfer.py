"""References become one vector without being squeezed or cut; what cannot lend a style says so."""

import math

import pytest
import torch
from PIL import Image

from ediffi import config
from ediffi.controls.style_transfer import Reference, Style, picture_vector, squares, style_of
from ediffi.images import to_tensor

RED = Image.new("RGB", (32, 32), "red")
BLUE = Image.new("RGB", (48, 32), "blue")


def means(x):
    """An encoder that sees mean colours, and how many pictures it was shown."""
    return x.mean(dim=(2, 3)) + torch.tensor([3.0, 3.0, 3.0])


def lent(**changes):
    values = {"vector": (1.0, -1.0), "references": (Reference("ab"),)} | changes
    return Style(**values)


@pytest.mark.parametrize(("h", "w"), [(8, 8), (8, 9), (9, 8), (8, 16), (31, 8), (8, 32)])
def test_squares_cover_every_pixel_and_nothing_else(h, w):
    picture = torch.arange(h * w).reshape(1, h, w).expand(3, h, w)
    parts = squares(picture)
    assert all(part.shape == (3, min(h, w), min(h, w)) for part in parts)
    assert len(parts) == -(-max(h, w) // min(h, w))
    seen = torch.cat([part[0].flatten() for part in parts])
    assert set(seen.tolist()) == set(range(h * w))


def test_the_vector_is_the_mean_over_squares_with_mean_square_one():
    picture = to_tensor(BLUE)
    expected = torch.stack([means(square[None])[0] for square in squares(picture)]).mean(0)
    found = picture_vector(picture, means)
    assert torch.allclose(found, expected / expected.square().mean().sqrt(), atol=1e-6)
    assert math.isclose(found.square().mean().item(), 1, rel_tol=1e-5)


def test_weights_mix_references_and_only_their_ratio_counts():
    alone = style_of([RED], means).tensor()
    assert torch.allclose(style_of([RED, RED], means, [1, 5]).tensor(), alone, atol=1e-6)
    mostly = style_of([RED, BLUE], means, [9, 1]).tensor()
    twice = style_of([RED, BLUE], means, [18, 2]).tensor()
    evenly = style_of([RED, BLUE], means).tensor()
    assert torch.allclose(mostly, twice, atol=1e-6)
    assert (mostly - alone).norm() < (evenly - alone).norm()


def test_a_style_names_its_pictures_and_survives_json():
    style = style_of([RED, BLUE], means, [2, 1], strength=4.5, window=(0.5, math.inf))
    assert [r.weight for r in style.references] == [2, 1]
    assert style.references[0].digest != style.references[1].digest
    assert config.from_json(Style, config.as_json(style)) == style
    assert style.sigma_high == config.HIGHEST_SIGMA


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"strength": -0.1}, "-0.1 and must lie between 0 and 30"),
        ({"strength": math.nan}, "nan"),
        ({"strength": 31.0}, "31"),
        ({"sigma_low": 2.0, "sigma_high": 2.0}, "2.0 and 2.0"),
        ({"sigma_low": -1.0}, "-1"),
        ({"sigma_high": math.inf}, "inf"),
        ({"vector": ()}, "empty"),
        ({"vector": (1.0, math.nan)}, "not finite"),
        ({"references": ()}, "not 0"),
        ({"references": (Reference("a"),) * 9}, "not 9"),
        ({"preprocessing": "squares-9"}, "squares-9"),
    ],
)
def test_values_beyond_their_limits_are_named(changes, says):
    with pytest.raises(ValueError, match=says):
        lent(**changes)


@pytest.mark.parametrize(
    ("pictures", "weights", "says"),
    [
        ([], None, "not 0"),
        ([RED] * 9, None, "not 9"),
        ([RED], [1, 2], "1 reference pictures were given 2 weights"),
        ([RED], [0], "is 0"),
        ([RED], [math.inf], "inf"),
        ([Image.new("RGB", (1, 1))], None, "1 x 1 pixels shows no style"),
        ([Image.new("RGB", (100, 10))], None, "100 x 10 pixels"),
    ],
)
def test_pictures_that_cannot_lend_a_style_are_refused(pictures, weights, says):
    with pytest.raises(ValueError, match=says):
        style_of(pictures, means, weights)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "1", "LA"])
def test_pictures_of_any_kind_lend_a_style(mode):
    style = style_of([Image.new(mode, (16, 16))], means)
    assert len(style.vector) == 3
