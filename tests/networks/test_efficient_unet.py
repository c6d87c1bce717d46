"""The Efficient U-Net: shapes, where its work lies, and that a crop is a part of the whole."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ediffi.build import build_denoiser, parameter_count
from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import DenoiserConfig, EfficientUNetConfig, EncoderDims
from ediffi.diffusion.denoiser import scalings
from ediffi.diffusion.loss import edm_loss
from ediffi.networks.efficient_unet import EfficientUNet
from ediffi.networks.frame import AttendedBlock, Context
from ediffi.networks.layers import enlarged
from ediffi.networks.taps import tap_names

CONFIG = EfficientUNetConfig(
    channels=8,
    multipliers=(1, 2, 2),
    blocks=(1, 1, 2),
    self_attention=(False, False, True),
    cross_attention=(False, True, True),
    stem_patch=2,
    head_channels=8,
    context_width=12,
    embedding_width=16,
    norm="layer",
    qk_norm=True,
)
CONVOLUTIONS = replace(
    CONFIG, self_attention=(False, False, False), cross_attention=(False, False, False)
)
DIMS = EncoderDims(t5=6, clip=4, pooled=5, image=3)


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
    return Context(torch.randn(b, n, 12, generator=g), mask, torch.randn(b, 16, generator=g))


def denoiser(network=CONFIG):
    torch.manual_seed(0)
    return awake(build_denoiser(DenoiserConfig("sr", 32, network, DIMS)))


def picture(*shape, seed=3):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def told(low_res, seed=0):
    g, b = torch.Generator().manual_seed(seed), len(low_res)
    words = replace(
        Conditioning.nothing(b, DIMS),
        t5=torch.randn(b, 2, 6, generator=g),
        t5_mask=torch.ones(b, 2, dtype=torch.bool),
        clip_pooled=torch.randn(b, 5, generator=g),
    )
    return words.with_low_res(low_res)


@pytest.mark.parametrize("norm", ["layer", "group"])
@pytest.mark.parametrize("size", [(16, 16), (8, 24)])
def test_six_channels_in_and_a_picture_out_at_any_aspect(norm, size):
    network = awake(EfficientUNet(replace(CONFIG, norm=norm)))
    out = network(torch.randn(2, 6, *size), torch.zeros(2), network.prepare(context()))
    assert out.shape == (2, 3, *size) and bool(torch.isfinite(out).all())


def test_sides_that_cannot_be_folded():
    network = EfficientUNet(CONFIG)
    with pytest.raises(ValueError, match="16 x 20 .* multiples of 8"):
        network(torch.zeros(2, 6, 16, 20), torch.zeros(2), network.prepare(context()))


def test_a_fresh_network_answers_zero():
    network = EfficientUNet(CONFIG)
    out = network(torch.randn(2, 6, 16, 16), torch.zeros(2), network.prepare(context()))
    assert float(out.detach().abs().max()) == 0
    x, sigma = picture(2, 3, 32, 32), torch.tensor([0.5, 0.5])
    fresh = build_denoiser(DenoiserConfig("sr", 32, CONFIG, DIMS))
    skip = scalings(sigma, 0.5).c_skip[0]
    assert torch.allclose(fresh(x, sigma, told(picture(2, 3, 8, 8))), skip * x)


def test_everything_reaches_the_output():
    network = awake(EfficientUNet(CONFIG))
    x, c_noise, c = torch.randn(2, 6, 16, 16), torch.zeros(2), context()
    base = network(x, c_noise, network.prepare(c))
    moved = x.clone()
    moved[:, 3:] += 1
    others = (
        network(moved, c_noise, network.prepare(c)),
        network(x, c_noise + 1, network.prepare(c)),
        network(x, c_noise, network.prepare(replace(c, tokens=c.tokens + 1))),
        network(x, c_noise, network.prepare(replace(c, vector=c.vector + 1))),
    )
    assert not any(torch.allclose(base, other) for other in others)


def test_attention_stands_once_behind_a_level_and_blocks_run_on_its_grid():
    network = EfficientUNet(CONFIG)
    crossing = [n for n in tap_names(network) if ".cross_attention." in n and n.endswith("scores")]
    assert crossing == [
        f"{way}.cross_attention.attention.scores"
        for way in ("down.1.0", "down.2.1", "up.0.1", "up.1.0")
    ]
    assert len(network.prepare(context()).keys_values) == 4
    seen = []
    for module in network.modules():
        if isinstance(module, AttendedBlock):
            module.register_forward_hook(lambda m, args, out: seen.append(out[0].shape[2]))
    network(torch.randn(2, 6, 32, 32), torch.zeros(2), network.prepare(context()))
    assert seen == [16, 8, 4, 4, 4, 4, 8, 16]


def test_skip_connections_are_added_and_scaled():
    """With blocks and resampling as identities only the skips act: h becomes (h + h) / sqrt 2."""
    nowhere = (False, False)
    config = replace(
        CONFIG,
        multipliers=(1, 1),
        blocks=(1, 1),
        self_attention=nowhere,
        cross_attention=nowhere,
    )
    network = EfficientUNet(config)
    network.shrink[0], network.grow[0] = nn.AvgPool2d(2), nn.Upsample(scale_factor=2)
    flat = torch.full((1, 8, 4, 4), 0.7)
    out = network._body(flat, torch.zeros(1, 16), network.prepare(context(1)))
    assert torch.allclose(out, flat * 2**0.5)


def test_a_crop_is_a_part_of_the_whole():
    """Without attention and with norms per pixel nothing depends on the size of the picture."""
    model = denoiser(replace(CONVOLUTIONS, blocks=(1, 1, 1)))
    x, low, sigma = picture(1, 3, 256, 256), picture(1, 3, 64, 64, seed=4), torch.tensor([0.3])
    with torch.no_grad():
        whole = model(x, sigma, told(low))
        crop = model(x[..., 32:224, 32:224], sigma, told(low[..., 8:56, 8:56]))
    assert torch.allclose(whole[..., 112:144, 112:144], crop[..., 80:112, 80:112], atol=1e-5)
    grouped = denoiser(replace(CONVOLUTIONS, norm="group"))
    with torch.no_grad():
        whole = grouped(x, sigma, told(low))
        crop = grouped(x[..., 32:224, 32:224], sigma, told(low[..., 8:56, 8:56]))
    assert not torch.allclose(whole[..., 112:144, 112:144], crop[..., 80:112, 80:112], atol=1e-5)


def test_the_low_resolution_picture_reaches_the_answer_through_every_branch():
    model, x, sigma = denoiser(), picture(2, 3, 32, 32), torch.tensor([1.0, 0.2])
    first, second = told(picture(2, 3, 8, 8)), told(picture(2, 3, 8, 8, seed=9))
    assert not torch.allclose(model(x, sigma, first), model(x, sigma, second))
    assert not torch.allclose(model(x, sigma, first.null()), model(x, sigma, second.null()))
    assert not torch.allclose(model(x, sigma, first), model(x, sigma, first.null()))


def test_it_is_enlarged_beside_the_noisy_picture():
    model, x, sigma = denoiser(), picture(2, 3, 32, 32), torch.tensor([1.0, 0.2])
    low = picture(2, 3, 8, 8)
    larger = F.interpolate(low, size=(32, 32), mode="bicubic")
    assert torch.equal(enlarged(low, (32, 32)), larger)
    assert torch.equal(enlarged(low, (8, 8)), low)
    assert torch.allclose(model(x, sigma, told(low)), model(x, sigma, told(larger)), atol=1e-6)


def test_preparing_once_equals_asking_anew():
    model, x, sigma = denoiser(), picture(2, 3, 32, 32), torch.tensor([1.0, 0.2])
    cond = told(picture(2, 3, 8, 8))
    with torch.no_grad():
        first = model(x, sigma, cond)
        assert model.prepare(cond) is model.prepare(cond)
        assert torch.equal(first, model(x, sigma, cond))
        assert torch.equal(first, model(x, sigma, told(picture(2, 3, 8, 8))))


def test_a_missing_or_needless_picture_is_named():
    x, sigma = picture(2, 3, 32, 32), torch.ones(2)
    with pytest.raises(ValueError, match="^sr needs a low-resolution picture$"):
        denoiser()(x, sigma, Conditioning.nothing(2, DIMS))
    plain = denoiser(replace(CONFIG, image_channels=3))
    with pytest.raises(ValueError, match="^sr takes no low-resolution picture$"):
        plain(x, sigma, told(picture(2, 3, 8, 8)))


def test_the_loss_of_the_base_trains_it_too():
    """`edm_loss` passes `cond` through, and the picture is in it: gradients reach every weight."""
    model, x0 = denoiser().train(), picture(2, 3, 32, 32)
    cond = told(F.avg_pool2d(x0, 4))
    losses = edm_loss(model, x0, torch.tensor([0.1, 5.0]), torch.randn_like(x0), cond)
    assert losses.shape == (2,)
    losses.sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_parameters_lie_on_coarse_grids():
    network = EfficientUNet(replace(CONFIG, multipliers=(1, 2, 4)))
    counts = [parameter_count(level) for level in network.down]
    assert counts == sorted(counts) and counts[-1] > sum(counts[:-1])
