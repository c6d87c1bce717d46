"""The trained module as a denoiser: nulls, preparation, paintings and the paper's size."""

import math
from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from ediffi.build import build_denoiser, parameter_count
from ediffi.conditioning.embeddings import Conditioning, PaintedRegions
from ediffi.conditioning.projector import paint_at, painted_columns
from ediffi.networks.taps import listening
from ediffi.presets import PRESETS, preset

TINY = preset("tiny").base
SIGMA = torch.tensor([2.0, 0.4])


@pytest.fixture
def denoiser():
    torch.manual_seed(0)
    built = build_denoiser(TINY).eval()
    for parameter in built.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return built


def cond(b=2, n=5, m=4, seed=0):
    g, d = torch.Generator().manual_seed(seed), TINY.encoders
    return Conditioning(
        torch.randn(b, n, d.t5, generator=g),
        torch.ones(b, n, dtype=torch.bool),
        torch.randn(b, m, d.clip, generator=g),
        torch.ones(b, m, dtype=torch.bool),
        torch.randn(b, d.pooled, generator=g),
        torch.randn(b, d.image, generator=g),
        torch.ones(b, dtype=torch.bool),
    )


def painted(weight=1.0, low=0.0, high=math.inf, area=4, spread=False):
    masks = torch.zeros(2, 1, 16, 16)
    masks[:, :, :area] = 1
    t5, clip = torch.zeros(2, 1, 5), torch.zeros(2, 1, 4)
    t5[:, :, 2], clip[:, :, 1] = 1, 1
    ends = torch.full((2, 1), low), torch.full((2, 1), high)
    by_spread = torch.tensor([False, spread])
    return PaintedRegions(
        masks, t5, clip, torch.full((2, 1), weight), *ends, by_spread, torch.zeros(2)
    )


X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(5))


def test_every_embedding_counts(denoiser):
    full = denoiser(X, SIGMA, cond())
    for name in ("t5", "clip_text", "clip_image"):
        assert not torch.allclose(full, denoiser(X, SIGMA, cond().null(name)))


def test_the_null_of_all_is_the_empty_conditioning(denoiser):
    nothing = Conditioning.nothing(2, TINY.encoders)
    assert torch.equal(denoiser(X, SIGMA, cond().null()), denoiser(X, SIGMA, nothing))


def test_masked_columns_change_nothing(denoiser):
    longer = cond()
    padded = replace(
        longer,
        t5=torch.cat([longer.t5, torch.zeros(2, 3, TINY.encoders.t5)], 1),
        t5_mask=torch.cat([longer.t5_mask, torch.zeros(2, 3, dtype=torch.bool)], 1),
        _nulls={},
    )
    assert torch.allclose(denoiser(X, SIGMA, longer), denoiser(X, SIGMA, padded), atol=1e-5)


def test_context_is_prepared_once_and_dropped_when_weights_change(denoiser):
    given = cond()
    with torch.no_grad():
        first = denoiser.prepare(given)
        assert denoiser.prepare(given) is first
        assert denoiser.prepare(cond()) is not first
        before = denoiser(X, SIGMA, given)
        denoiser.projector.t5.weight.mul_(2)
        assert denoiser.prepare(given) is not first
        assert not torch.allclose(before, denoiser(X, SIGMA, given))


def test_what_is_kept_is_bounded_and_training_keeps_nothing(denoiser):
    denoiser.prepare(cond())
    assert denoiser._prepared == []
    with torch.no_grad():
        for seed in range(30):
            denoiser.prepare(cond(seed=seed))
    assert len(denoiser._prepared) == 8


def test_an_empty_painting_changes_nothing(denoiser):
    plain = denoiser(X, SIGMA, cond())
    nothing = replace(cond(), painting=painted(area=0))
    assert torch.allclose(plain, denoiser(X, SIGMA, nothing), atol=1e-6)
    early = replace(cond(), painting=painted(low=5.0))
    assert torch.allclose(plain, denoiser(X, SIGMA, early), atol=1e-6)
    assert not torch.allclose(plain, denoiser(X, SIGMA, replace(cond(), painting=painted())))


def test_paint_grows_with_noise_and_skips_image_and_null_columns():
    paint = paint_at(painted(weight=2.0), cond(), torch.tensor([80.0, 0.01]))
    assert float(paint.strength[0, 0]) == pytest.approx(2 * math.log(81))
    assert float(paint.strength[1, 0]) == pytest.approx(2 * math.log(1.01), rel=1e-4)
    assert paint.columns.shape == (2, 1, 11)
    assert paint.columns[0, 0].nonzero().flatten().tolist() == [1, 4 + 2]


def test_an_unpainted_row_is_bit_equal_to_no_painting_in_the_whole_network(denoiser):
    with torch.no_grad():
        plain = denoiser(X, SIGMA, cond())
        for nothing in (painted(area=0), painted(weight=0.0), painted(low=5.0), painted(high=0.1)):
            for by_spread in (nothing.by_spread, torch.tensor([True, True])):
                told = replace(cond(), painting=replace(nothing, by_spread=by_spread))
                assert torch.equal(denoiser(X, SIGMA, told), plain)


def beside(own, other):
    """The first picture of `own` and the second of `other`."""
    mine, its = (tuple(getattr(p, f.name) for f in fields(p)) for p in (own, other))
    return PaintedRegions(*(torch.stack([a[0], b[1]]) for a, b in zip(mine, its, strict=True)))


def with_regions(painting, r):
    """Room for r regions: empty ones behind those that are there, as `bind` fills up."""

    def padded(t):
        return torch.cat([t, t.new_zeros(2, r - 1, *t.shape[2:])], 1) if t.ndim > 1 else t

    return PaintedRegions(*(padded(getattr(painting, f.name)) for f in fields(painting)))


def test_a_picture_does_not_depend_on_what_else_is_painted(denoiser):
    own = painted(weight=1.5)
    with torch.no_grad():
        for mine in (own, replace(own, by_spread=torch.tensor([True, False]))):
            expected = denoiser(X, SIGMA, replace(cond(), painting=mine))[0]
            crowd = with_regions(painted(weight=-2.0, spread=True), 8)
            crowd.masks[1], crowd.weight[1] = torch.rand(8, 16, 16), torch.rand(8)
            crowd.sigma_high[1] = math.inf
            crowd.t5_columns[1, :5], crowd.clip_columns[1, 5:, 3] = torch.eye(5), 1
            for other in (painted(area=0), painted(spread=True), painted(weight=9.0), crowd):
                room = with_regions(mine, other.weight.shape[1])
                told = denoiser(X, SIGMA, replace(cond(), painting=beside(room, other)))
                assert torch.equal(told[0], expected)


def test_the_effect_shrinks_with_sigma_and_ends_with_the_window(denoiser):
    x, effects = X * 0, []
    with torch.no_grad():
        for sigma in (80.0, 9.6, 1.0, 0.3, 0.01):
            strength = paint_at(painted(), cond(), torch.full((2,), sigma)).strength
            assert float(strength[0, 0]) == pytest.approx(math.log1p(sigma), rel=1e-5)
            told = mass_of_phrase(denoiser, x, sigma, painted())
            effects.append(told - mass_of_phrase(denoiser, x, sigma, None))
    assert effects == sorted(effects, reverse=True) and effects[-1] > 0
    windowed = painted(low=0.5, high=5.0)
    for sigma, acts in ((0.49, False), (0.5, True), (5.0, True), (5.01, False)):
        strength = paint_at(windowed, cond(), torch.full((2,), sigma)).strength
        assert bool((strength > 0).all()) == acts and bool(strength.any()) == acts


def mass_of_phrase(denoiser, x, sigma, painting):
    """The share of attention on the painted columns, in the painted half, over all layers."""
    seen = []

    def hear(name, value):
        half = value[:, :, : value.shape[2] // 4, [1, 4 + 2]]
        seen.append(float(half.sum(-1).mean()))

    with listening(
        denoiser, lambda name: name.endswith("cross_attention.attention.probabilities"), hear
    ):
        denoiser(x, torch.full((2,), sigma), replace(cond(), painting=painting))
    return sum(seen) / len(seen)


@pytest.mark.parametrize("spread", [False, True])
def test_image_null_and_padding_columns_never_get_a_bonus(spread):
    regions = painted(spread=spread)
    paint = paint_at(regions, cond(), SIGMA)
    assert (paint.by_spread is not None) == spread
    bonus = paint.bonus((4, 4))
    others = [column for column in range(11) if column not in (1, 4 + 2)]
    assert not bonus[..., others].any() and bool((bonus[:, 0, :4, [1, 6]] > 0).all())
    assert torch.equal(painted_columns(regions), paint.columns)


def test_gradients_reach_every_parameter(denoiser):
    denoiser.train()
    denoiser(X, SIGMA, cond()).square().sum().backward()
    without = [name for name, p in denoiser.named_parameters() if p.grad is None]
    assert without == []


def test_parameter_counts():
    with torch.device("meta"):
        counts = {name: parameter_count(build_denoiser(p.base)) for name, p in PRESETS.items()}
    assert counts["tiny"] < 0.3e6
    assert counts["storybook"] <= 8e6
    assert counts["paper"] == pytest.approx(1.0e9, rel=0.05)
