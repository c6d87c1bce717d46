"""Insisting on a sentence: its energy in closed form, its descent, what it leaves alone."""

import math

import numpy as np
import pytest
import torch

from ediffi.answers import Result
from ediffi.conditioning.prompt import Prompt
from ediffi.controls.insisting import (
    MOST_PHRASES,
    Phrases,
    energy,
    insistence,
    loudest,
    side_of_page,
)
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.pulling import pulled
from ediffi.controls.region_scores import is_cross_attention
from ediffi.networks.taps import listening
from ediffi.pipeline import EDiffI
from tests.fakes import tiny_cascade_folder, tiny_ensemble_folder, tiny_pipeline

PROMPT = "a red fox and a blue boat"
SIGMA = torch.tensor([20.0])
LEFT = np.broadcast_to(np.arange(64) < 32, (64, 64))


def everywhere(*columns: list[float], asked: int = 1) -> Phrases:
    """Phrases with these columns, in `asked` places each, which may be anywhere on the page."""
    counts = torch.full((1, len(columns)), asked)
    return Phrases(torch.tensor([columns]), torch.ones(1, len(columns), 4, 4), counts)


ONE, BOTH = everywhere([1.0, 0, 0]), everywhere([1.0, 0, 0], [0, 1.0, 0])


def paid(*first, other=0.0) -> torch.Tensor:
    """Probabilities (1, 1, 16, 3) on 4 x 4 cells: 16 values for one column, one for another."""
    own = torch.tensor(first).view(1, 1, 16, 1)
    return torch.cat([own, torch.full_like(own, other), torch.zeros_like(own)], dim=3)


def lone(value: float) -> torch.Tensor:
    return paid(*[0.0] * 5, value, *[0.0] * 10)


def same(one: Result, other: Result) -> bool:
    return one.image.tobytes() == other.image.tobytes()


def told(model: EDiffI, *prompts: str):
    requests = [model.request(prompt, 1) for prompt in prompts]
    return bound(model, requests)


def bound(model: EDiffI, requests):
    conditioner = model.generator.conditioner
    cond = conditioner.batch(requests)[0]
    return cond, conditioner.phrases(requests, cond)


def test_the_energy_is_what_the_best_place_lacks():
    even = paid(*[0.25] * 16, other=0.75)
    assert energy(BOTH, [even], SIGMA, (16, 16)).tolist() == pytest.approx([0.5])
    assert energy(BOTH, [even, even], SIGMA, (16, 16)).tolist() == pytest.approx([0.5])
    assert energy(ONE, [even], SIGMA, (16, 16)).tolist() == pytest.approx([0.75])


def test_one_loud_cell_counts_as_the_mean_around_it():
    """The corner's window has four cells, which is the fewest that a cell shares its value with."""
    assert energy(ONE, [lone(0.9)], SIGMA, (16, 16)).tolist() == pytest.approx([1 - 0.225])


def test_the_loudest_places_stand_apart():
    told = torch.zeros(1, 1, 8, 8)
    told[0, 0, 1, 1], told[0, 0, 1, 2], told[0, 0, 1, 3], told[0, 0, 7, 7] = 0.9, 0.8, 0.5, 0.1
    assert loudest(told, 4).flatten().tolist() == pytest.approx([0.9, 0.5, 0.1, 0])
    assert torch.equal(loudest(told, 1), told.flatten(2).amax(2, keepdim=True))


def test_nothing_stands_apart_on_a_full_page():
    assert loudest(torch.full((1, 1, 2, 2), 0.7), 3).flatten().tolist() == pytest.approx(
        [0.7, 0, 0]
    )


def test_what_is_counted_asks_for_as_many_places():
    """The top left and the bottom right corner have windows of four cells each."""
    corners = paid(0.8, *[0.0] * 14, 0.4)
    assert energy(ONE, [corners], SIGMA, (16, 16)).tolist() == pytest.approx([1 - 0.2])
    twice = everywhere([1.0, 0, 0], asked=2)
    assert energy(twice, [corners], SIGMA, (16, 16)).tolist() == pytest.approx(
        [1 - (0.2 + 0.1) / 2]
    )


def test_every_place_weighs_alike_and_a_missing_phrase_asks_for_none():
    one_and_three = Phrases(BOTH.columns, BOTH.places, torch.tensor([[1, 3]]))
    even = paid(*[0.8] * 16, other=0.0)
    assert energy(one_and_three, [even], SIGMA, (16, 16)).tolist() == pytest.approx([3.2 / 4])
    gone = Phrases(torch.tensor([[[1.0, 0, 0], [0, 0, 0]]]), BOTH.places, torch.tensor([[1, 3]]))
    assert energy(gone, [even], SIGMA, (16, 16)).tolist() == pytest.approx([0.2])


def test_a_picture_without_phrases_has_no_energy():
    assert energy(everywhere([0.0, 0, 0]), [lone(0.9)], SIGMA, (16, 16)).tolist() == [0]
    assert energy(BOTH, [], SIGMA, (16, 16)).tolist() == [0]


def test_phrases_have_the_columns_of_both_streams():
    model = tiny_pipeline()
    cond, phrases = told(model, PROMPT, "")
    columns = phrases.columns
    n, m = cond.t5.shape[1], cond.clip.shape[1]
    assert columns.shape == (2, 2, m + n + 2)
    assert not columns[1].any() and not columns[:, :, -2:].any()
    assert columns[0, :, :m].any(1).all() and columns[0, :, m : m + n].any(1).all()
    assert not (columns[0, 0] * columns[0, 1]).any(), "phrases share no column"
    assert (phrases.places == 1).all()


def test_the_number_a_phrase_begins_with_is_asked():
    _, phrases = told(tiny_pipeline(), "three red foxes and a blue boat", "two boats")
    assert phrases.asked.tolist() == [[3, 1], [2, 1]]


@pytest.mark.parametrize(
    ("prompt", "so"),
    [
        (PROMPT, True),
        ("a red fox", False),
        ("a flat drawing of a red fox in the snow at night", False),
        ("two red foxes", True),
        ("a red fox on the left", True),
        ("a red fox under the moon", False),
        ("the sun above a red fox", False),
        ("a red fox on the left under the moon", True),
        ("a boat under a bridge", True),
        ("a red fox in a blue hat", True),
        ("the snow", False),
        ("", False),
    ],
)
def test_one_thing_alone_is_not_insisted_on(prompt, so):
    assert Prompt(prompt).arranges is so
    _, phrases = told(tiny_pipeline(), prompt, PROMPT)
    assert bool(phrases.columns[0].any()) is so
    assert phrases.columns[1].any(), "what else is in the batch does not matter"


def test_one_thing_that_is_painted_is_insisted_on():
    model, prompt = tiny_pipeline(), "a red fox in the snow"
    painting = Painting(prompt).add("the snow", LEFT)
    requests = [model.request(prompt, 1, painting=each) for each in (painting, Painting(prompt))]
    _, phrases = bound(model, requests)
    assert phrases.columns[0].any(1).sum() == 2
    assert not phrases.columns[1].any(), "an empty painting is none"


def test_what_is_painted_may_be_heard_where_it_is_painted():
    model = tiny_pipeline()
    painting = Painting(PROMPT).add("fox", LEFT).add("blue", ~LEFT, weight=-1.0)
    requests = [model.request(PROMPT, 1, painting=each) for each in (painting, None)]
    _, phrases = bound(model, requests)
    assert np.array_equal(phrases.places[0, 0] > 0.5, LEFT)
    assert (phrases.places[0, 1] == 1).all() and (phrases.places[1] == 1).all()
    here = Phrases(ONE.columns, phrases.places[:1, :1], ONE.asked)
    right = paid(*[0.0, 0.0, 0.9, 0.9] * 4)
    assert energy(here, [right], SIGMA, (16, 16)) == 1 > energy(ONE, [right], SIGMA, (16, 16))


def test_what_the_prompt_puts_on_a_side_may_be_heard_there():
    _, phrases = told(tiny_pipeline(), "a red fox left of a blue boat", "a red fox")
    fox, boat = phrases.places[0]
    assert torch.equal(fox, side_of_page("left")) and torch.equal(boat, side_of_page("right"))
    assert (phrases.places[1] == 1).all()


def test_between_two_things_is_the_middle():
    _, phrases = told(tiny_pipeline(), "a red fox left of a boat left of a fox")
    middle = phrases.places[0, 1]
    assert middle[:, 31:33].min() > 0.4 and not middle[:, [0, -1]].any()


def test_a_painted_phrase_stays_where_it_is_painted():
    model, prompt = tiny_pipeline(), "a red fox left of a blue boat"
    request = model.request(prompt, 1, painting=Painting(prompt).add("fox", ~LEFT))
    _, phrases = bound(model, [request])
    assert np.array_equal(phrases.places[0, 0] > 0.5, ~LEFT)
    assert torch.equal(phrases.places[0, 1], side_of_page("right"))


@pytest.mark.parametrize(("side", "cell"), [("left", (9, 0)), ("right", (9, -1))])
def test_a_side_of_the_page_fades_over_the_middle(side, cell):
    mask = side_of_page(side)
    assert mask[cell] == 1 and mask[:, [0, -1]].sum() == 64 and 0.4 < mask[0, 31:33].mean() < 0.6
    above = side_of_page({"left": "top", "right": "bottom"}[side])
    assert torch.equal(above, mask.T)


def test_only_so_many_phrases_count():
    _, phrases = told(tiny_pipeline(), ", ".join(["a red fox"] * (MOST_PHRASES + 4)))
    assert phrases.columns.shape[1] == MOST_PHRASES


def test_the_phrases_are_heard_more_afterwards_and_each_picture_moves_by_itself():
    model = tiny_pipeline()
    network, sigma = model.model.network_at(20.0), torch.full((2,), 20.0)
    x = 20 * torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    cond, phrases = told(model, PROMPT, "")
    pull = insistence(phrases, 0.02)

    def now(picture):
        heard: list[torch.Tensor] = []
        with torch.no_grad(), listening(network, is_cross_attention, lambda n, p: heard.append(p)):
            network(picture, sigma, cond)
        coarse = [p for p in heard if p.shape[2] <= 16]
        return energy(phrases, coarse, sigma, (16, 16))

    moved = pulled(network, x, sigma, cond, pull)
    before, after = now(x), now(moved)
    assert after[0] < before[0] and before[1] == 0
    assert torch.equal(moved[1], x[1])
    size = float((moved - x)[0].square().mean().sqrt())
    assert size == pytest.approx(0.02 * 20 * math.sqrt(float(before[0])), rel=1e-3)


def test_nothing_to_insist_on_is_the_plain_picture():
    model = tiny_pipeline()
    plain = model.generate("", 3, steps=4)
    assert same(plain, model.generate("", 3, steps=4, insist=0.1))
    lone = "a red fox in the snow"
    assert same(model.generate(lone, 3, steps=4), model.generate(lone, 3, steps=4, insist=0.1))
    zero = model.generate(PROMPT, 3, steps=4, insist=0)
    assert same(zero, model.generate(PROMPT, 3, steps=4))


def test_the_recipe_brings_the_picture_back(tmp_path):
    model = EDiffI.from_pretrained(tiny_ensemble_folder(tmp_path / "tiny"))
    plain = model.generate(PROMPT, 3, steps=4)
    made = model.generate(PROMPT, 3, steps=4, insist=0.1)
    assert not same(plain, made)
    assert made.recipe.sampling.insist == 0.1
    assert same(model.replay(made.recipe), made)


def test_later_words_are_insisted_on_in_their_turn(monkeypatch):
    from ediffi.conditioner import Conditioner

    asked = []
    usual = Conditioner.phrases

    def noted(self, requests, cond, alone):
        assert not alone
        asked.append([request.prompt for request in requests])
        return usual(self, requests, cond, alone)

    monkeypatch.setattr(Conditioner, "phrases", noted)
    later = "an owl"
    tiny_pipeline().generate(PROMPT, 3, steps=4, insist=0.1, timeline=[(0.5, later)])
    assert asked == [[PROMPT], [later]]


@pytest.mark.parametrize("without", [["t5"], ["clip_text"], ["t5", "clip_text"]])
def test_encoders_that_are_switched_off_are_no_hindrance(without):
    model = tiny_pipeline()
    made = model.generate(PROMPT, 3, steps=4, insist=0.1, without=without)
    plain = model.generate(PROMPT, 3, steps=4, without=without)
    assert same(plain, made) == (len(without) == 2), "what nobody hears cannot be insisted on"


@pytest.mark.parametrize("value", [-0.1, 0.6, math.nan, "far", True])
def test_a_wrong_strength_is_refused_in_a_sentence(value):
    with pytest.raises(ValueError, match="insistence"):
        tiny_pipeline().request(PROMPT, insist=value)


def test_a_stage_insists_on_nothing(tmp_path):
    from dataclasses import replace

    model = EDiffI.from_pretrained(tiny_cascade_folder(tmp_path / "tiny"))
    request = model.request(PROMPT, size=model.sizes[1], insist=0.1)
    (stage,) = request.stages
    assert not stage.sampling.insist
    pushy = replace(stage, sampling=replace(stage.sampling, insist=0.1))
    with pytest.raises(ValueError, match="insists on nothing"):
        replace(request, stages=(pushy,))
