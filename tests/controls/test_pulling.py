"""Pulling a picture to its painting: its energy in closed form, its descent, whom it touches."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ediffi.conditioning.embeddings import PaintedRegions
from ediffi.controls.attention_recorder import AttentionRecorder
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.pulling import ABOVE, Pull, Pulled, energy, pulled, to_places
from ediffi.controls.region_scores import is_cross_attention
from ediffi.networks.taps import listening
from ediffi.pipeline import EDiffI
from tests.fakes import tiny_ensemble_folder, tiny_pipeline

PROMPT = "a red fox and a blue boat"
LEFT = np.broadcast_to(np.arange(64) < 32, (64, 64))
SIGMA = torch.tensor([20.0])


def painting(pull=0.1, weight=1.0, mask=LEFT, **more) -> Painting:
    return Painting(PROMPT, pull=pull).add("a red fox", mask, weight=weight, **more)


def told(model: EDiffI, *paintings: Painting | None):
    requests = [model.request(PROMPT, 1, painting=each) for each in paintings]
    return model.generator.conditioner.batch(requests)[0]


def pull_of(cond) -> Pull:
    pull = to_places(cond.painting)
    assert pull is not None
    return pull


def bound(weight=1.0, pull=0.1, low=0.0) -> PaintedRegions:
    """One region on the left half of a 2 x 2 grid, bound to CLIP's only column."""
    masks = torch.tensor([[1.0, 0.0], [1.0, 0.0]])[None, None]
    blank = torch.zeros(1, 1, 0)
    ends = torch.full((1, 1), low), torch.full((1, 1), math.inf)
    told = torch.full((1, 1), weight), *ends, torch.tensor([False]), torch.tensor([pull])
    return PaintedRegions(masks, blank, torch.ones(1, 1, 1), *told)


def paid(*left_then_right: float) -> torch.Tensor:
    """Probabilities (1, 1, 4, 3) whose first column gets these values on the four pixels."""
    rest = torch.zeros(1, 1, 4, 2)
    return torch.cat([torch.tensor(left_then_right).view(1, 1, 4, 1), rest], dim=3)


@pytest.mark.parametrize(
    ("heard", "weight", "expected"),
    [
        ((0.5, 0.0, 0.5, 0.0), 1.0, 0.0),
        ((0.0, 0.5, 0.0, 0.5), 1.0, 1.0),
        ((0.1, 0.3, 0.1, 0.3), 1.0, 0.75**2),
        ((0.1, 0.3, 0.1, 0.3), -1.0, 0.25**2),
        ((0.1, 0.3, 0.1, 0.3), 0.0, 0.0),
        ((0.0, 0.0, 0.0, 0.0), 1.0, 1.0),
    ],
)
def test_the_energy_is_the_squared_share_that_is_missing(heard, weight, expected):
    found = energy(bound(weight), [paid(*heard)], SIGMA, (8, 8))
    assert found.tolist() == pytest.approx([expected])


def test_a_region_outside_its_window_and_a_picture_that_does_not_pull_have_no_energy():
    heard = [paid(0.0, 1.0, 0.0, 1.0)]
    assert energy(bound(low=30.0), heard, SIGMA, (8, 8)).tolist() == [0]
    assert energy(bound(pull=0.0), heard, SIGMA, (8, 8)).tolist() == [0]
    assert energy(bound(), [], SIGMA, (8, 8)).tolist() == [0]


def test_the_phrase_is_looked_for_nearer_to_its_place_afterwards():
    model = tiny_pipeline()
    cond, network = told(model, painting(pull=0.02)), model.model.network_at(20.0)
    regions = cond.painting
    assert regions is not None
    x = 20 * torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def now(picture):
        heard: list[torch.Tensor] = []
        with torch.no_grad(), listening(network, is_cross_attention, lambda n, p: heard.append(p)):
            network(picture, SIGMA, replace(cond, painting=None))
        coarse = [p for p in heard if p.shape[2] <= 16]
        return float(energy(regions, coarse, SIGMA, (16, 16)))

    moved = pulled(network, x, SIGMA, cond, pull_of(cond))
    assert now(moved) < now(x)
    size = float((moved - x).square().mean().sqrt())
    assert size == pytest.approx(0.02 * 20 * math.sqrt(now(x)), rel=1e-3)
    assert not moved.requires_grad and all(p.grad is None for p in network.parameters())


def test_a_picture_moves_by_itself_whatever_else_is_painted():
    model = tiny_pipeline()
    network, sigma = model.model.network_at(20.0), torch.full((3,), 20.0)
    x = 20 * torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    others = painting(0.3, mask=~LEFT)
    mixed, alike = told(model, painting(), None, others), told(model, *[painting()] * 3)
    together = pulled(network, x, sigma, mixed, pull_of(mixed))
    three = pulled(network, x, sigma, alike, pull_of(alike))
    assert torch.allclose(together[0], three[0], atol=1e-5)
    assert torch.equal(together[1], x[1])
    assert not torch.allclose(together[2], three[2], atol=1e-2)


def test_low_noise_and_paintings_that_do_not_pull_are_left_alone():
    model = tiny_pipeline()
    asked = []

    def answer(x, sigma, cond):
        asked.append(x)
        return x

    cond = told(model, painting())
    denoiser = Pulled(answer, model.model.network_at, cond, pull_of(cond))
    x = torch.randn(1, 3, 16, 16)
    denoiser(x, torch.tensor([ABOVE]), cond)
    denoiser(x, torch.tensor([2 * ABOVE]), cond)
    assert torch.equal(asked[0], x) and not torch.equal(asked[1], x)
    for lazy in (painting(0.0), None):
        assert to_places(told(model, lazy).painting) is None


def test_a_pulled_picture_is_another_one_and_its_recipe_brings_it_back(tmp_path):
    model = EDiffI.from_pretrained(tiny_ensemble_folder(tmp_path / "tiny"))
    made = {
        pull: model.generate(PROMPT, 3, steps=4, painting=painting(pull)) for pull in (0.0, 0.2)
    }
    plain, drawn = (np.asarray(made[pull].image) for pull in (0.0, 0.2))
    assert (plain != drawn).any()
    recipe = made[0.2].recipe
    assert recipe.painting and recipe.painting["pull"] == 0.2
    again = model.replay(recipe)
    assert np.array_equal(np.asarray(again.image), drawn)
    styled = model.generate(PROMPT, 3, steps=4, painting=painting(0.2), without=["clip_text"])
    assert styled.image.size == made[0.2].image.size


def test_who_listens_hears_the_steps_and_not_the_questions():
    from ediffi.attention_watch import watching

    model = tiny_pipeline()
    shapes = []
    for pull in (0.0, 0.2):
        request = model.request(PROMPT, 3, steps=4, painting=painting(pull))
        with watching(model, request) as recorder:
            model.generate_many([request])
        assert isinstance(recorder, AttentionRecorder)
        maps = recorder.maps()
        shapes.append((maps.heard.sigmas, maps.cross.shape))
    assert shapes[0] == shapes[1] and len(shapes[0][0]) == 4


@pytest.mark.parametrize("value", [-0.1, 0.6, math.nan, "far", True])
def test_a_pull_beyond_its_limits_is_refused(value):
    with pytest.raises(ValueError, match="how far a picture is pulled to its places"):
        Painting(PROMPT, pull=value)
