"""The U-Net's shapes, its prepared context, and its norms."""

import dataclasses

import pytest
import torch
from torch import nn

from ediffi.config import UNetConfig
from ediffi.networks.frame import Context
from ediffi.networks.layers import PixelNorm, norm_layer
from ediffi.networks.taps import listening, tap_names
from ediffi.networks.unet import UNet

CONFIG = UNetConfig(
    channels=16,
    multipliers=(1, 2),
    blocks=(1, 2),
    self_attention=(False, True),
    cross_attention=(True, True),
    stem_patch=2,
    head_channels=16,
    context_width=24,
    embedding_width=32,
    norm="layer",
    qk_norm=True,
)


def awake(network):
    """Zero-initialised outputs hide everything: give them values."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network.eval()


def context(b=2, n=5):
    g = torch.Generator().manual_seed(1)
    mask = torch.ones(b, n, dtype=torch.bool)
    mask[0, 3:] = False
    return Context(torch.randn(b, n, 24, generator=g), mask, torch.randn(b, 32, generator=g))


@pytest.mark.parametrize("norm", ["layer", "group"])
@pytest.mark.parametrize("size", [(16, 16), (8, 24)])
def test_pictures_keep_their_shape_at_any_aspect(norm, size):
    network = awake(UNet(dataclasses.replace(CONFIG, norm=norm)))
    out = network(torch.randn(2, 3, *size), torch.zeros(2), network.prepare(context()))
    assert out.shape == (2, 3, *size) and bool(torch.isfinite(out).all())


def test_a_fresh_network_answers_zero():
    network = UNet(CONFIG)
    out = network(torch.randn(2, 3, 16, 16), torch.zeros(2), network.prepare(context()))
    assert float(out.detach().abs().max()) == 0


def test_everything_reaches_the_output():
    network = awake(UNet(CONFIG))
    x, c_noise = torch.randn(2, 3, 16, 16), torch.tensor([0.1, 0.2])
    base = network(x, c_noise, network.prepare(context()))
    other = dataclasses.replace(context(), vector=torch.ones(2, 32))
    assert not torch.allclose(base, network(x, c_noise + 1, network.prepare(context())))
    assert not torch.allclose(base, network(x, c_noise, network.prepare(other)))
    tokens = dataclasses.replace(context(), tokens=context().tokens + 1)
    assert not torch.allclose(base, network(x, c_noise, network.prepare(tokens)))


def test_masked_tokens_do_not_reach_it():
    network = awake(UNet(CONFIG))
    x, c_noise = torch.randn(2, 3, 16, 16), torch.zeros(2)
    tokens = context().tokens.clone()
    tokens[0, 3:] = 99.0
    changed = dataclasses.replace(context(), tokens=tokens)
    first = network(x, c_noise, network.prepare(context()))
    assert torch.allclose(first, network(x, c_noise, network.prepare(changed)), atol=1e-6)


def test_pictures_of_a_batch_do_not_touch():
    network = awake(UNet(CONFIG))
    x, c_noise = torch.randn(2, 3, 16, 16), torch.zeros(2)
    both = network(x, c_noise, network.prepare(context()))
    c = context()
    alone = Context(c.tokens[1:], c.mask[1:], c.vector[1:])
    assert torch.allclose(network(x[1:], c_noise[1:], network.prepare(alone)), both[1:], atol=1e-5)


def test_sides_that_cannot_be_folded():
    network = UNet(CONFIG)
    with pytest.raises(ValueError, match="16 x 18 .* multiples of 4"):
        network(torch.zeros(2, 3, 16, 18), torch.zeros(2), network.prepare(context()))


def test_every_attention_layer_has_named_taps():
    network = UNet(CONFIG)
    names = tap_names(network)
    crossing = [n for n in names if ".cross_attention." in n and n.endswith("scores")]
    assert len(crossing) == len(network.prepare(context()).keys_values)
    assert len(set(names)) == len(names)


def test_listening_changes_no_bit():
    network = awake(UNet(CONFIG))
    x, c_noise = torch.randn(2, 3, 16, 16), torch.zeros(2)
    before = network(x, c_noise, network.prepare(context()))
    with listening(network, lambda name: True, lambda name, value: None):
        during = network(x, c_noise, network.prepare(context()))
    assert torch.allclose(before, during, atol=1e-5)


def test_pixel_norm_is_layer_norm_of_every_pixel():
    x = torch.randn(2, 8, 3, 5)
    rows = x.permute(0, 2, 3, 1)
    expected = (rows - rows.mean(-1, keepdim=True)) / (
        rows.var(-1, unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    assert torch.allclose(PixelNorm(8)(x), expected.permute(0, 3, 1, 2), atol=1e-5)


def test_group_norm_finds_groups_for_any_width():
    assert isinstance(norm_layer("group", 20), nn.GroupNorm)
    assert norm_layer("group", 20)(torch.randn(1, 20, 2, 2)).shape == (1, 20, 2, 2)


def test_configs_that_cannot_be_built():
    with pytest.raises(ValueError, match="every level needs one entry"):
        dataclasses.replace(CONFIG, blocks=(1,))
    with pytest.raises(ValueError, match="heads of 24"):
        dataclasses.replace(CONFIG, head_channels=24)
    with pytest.raises(ValueError, match="norm is 'batch'"):
        dataclasses.replace(CONFIG, norm="batch")
