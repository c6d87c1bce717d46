"""A collage: shapes found and moved in closed form, who answers when, whom it touches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ediffi.attention_watch import watching
from ediffi.controls.collage import (
    ABOVE,
    FIRMLY,
    LARGER,
    LEAST,
    Box,
    Collage,
    Laid,
    box_of,
    firm,
    laid,
    rest_of,
    shape_of,
    sketched,
    sketches,
)
from ediffi.controls.insisting import INSISTENCE
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.region_scores import RegionRecorder, is_cross_attention
from ediffi.networks.taps import tap_names
from ediffi.pipeline import EDiffI
from ediffi.sketching import BELOW, SKETCH
from tests.fakes import apart, tiny_ensemble_folder, tiny_pipeline

PROMPT = "a red fox and a blue boat in the snow"


def square(left: float, top: float, side: float) -> np.ndarray:
    cells = (np.arange(64) + 0.5) / 64
    across, down = ((at < cells) & (cells < at + side) for at in (left, top))
    return down[:, None] & across[None, :]


def painting(*places: tuple[float, float, float], **more) -> Painting:
    made = Painting(PROMPT, collage=True, **more)
    for phrase, place in zip(("a red fox", "a blue boat"), places, strict=False):
        made = made.add(phrase, square(*place))
    return made


def thing(left: int, top: int, wide: int, high: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture (3, 64, 64) of a white box on black, and the shape of the box."""
    shape = torch.zeros(64, 64)
    shape[top : top + high, left : left + wide] = 1
    return (2 * shape - 1).expand(3, 64, 64), shape


# Shapes


def test_the_shape_is_the_piece_that_changes_most():
    change = torch.zeros(64, 64)
    change[10:30, 8:24] = 1.0
    change[40:60, 40:60] = 0.6  # another thing, nearly as loud
    shape = shape_of(change)
    assert shape.min() == 0 and shape.max() == 1
    assert shape[40:60, 40:60].max() == 0 and shape[12:28, 10:22].min() == 1
    found = box_of(shape)
    assert (found.x, found.y) == pytest.approx((16 / 64, 20 / 64), abs=0.02)
    assert (found.width, found.height) == pytest.approx((16 / 64, 20 / 64), abs=0.07)


def test_where_nothing_changes_nothing_is_laid():
    shape = shape_of(torch.zeros(64, 64))
    assert shape.sum() == 0
    page = laid(torch.ones(1, 3, 64, 64), [shape], painting((0.2, 0.2, 0.4)).regions)
    assert page.mask.sum() == 0 and bool(torch.isfinite(page.picture).all())


def test_a_shape_that_winds_is_one_piece():
    change = torch.zeros(64, 64)
    for row in range(4, 60, 8):
        change[row : row + 2, 4:60] = 1.0
        end = 4 if (row // 8) % 2 else 58
        change[row : row + 10, end : end + 2] = 1.0
    assert bool((shape_of(change)[change > 0] > 0).all())


# Laying


@pytest.mark.parametrize(
    ("own", "place", "expected"),
    [
        ((4, 4, 32, 32), (0.5, 0.5, 0.5), Box(0.75, 0.75, 0.5, 0.5)),
        ((4, 4, 32, 16), (0.5, 0.5, 0.5), Box(0.75, 0.75, 0.5, 0.25)),  # keeps its proportions
        ((4, 4, 40, 40), (0.4, 0.4, 0.1), Box(0.45, 0.45, LEAST, LEAST)),
        ((20, 20, 16, 16), (0.0, 0.0, 1.0), Box(0.5, 0.5, 0.25 * LARGER, 0.25 * LARGER)),
        ((4, 4, 40, 40), (0.0, 0.9, 0.1), Box(LEAST / 2, 1 - LEAST / 2, LEAST, LEAST)),
    ],
)
def test_a_thing_fills_its_place_as_far_as_the_limits_allow(own, place, expected):
    picture, shape = thing(*own)
    page = laid(picture[None], [shape], painting(place).regions)
    found = box_of(page.mask[0, 0])
    for side in ("x", "y", "width", "height"):
        assert getattr(found, side) == pytest.approx(getattr(expected, side), abs=1.5 / 64), side
    # Its own colour, to the edge: no black from around it comes along.
    assert page.picture[0][:, page.mask[0, 0] > 0.1].min() > 0.99


def test_of_two_the_later_lies_above():
    white, shape = thing(16, 16, 32, 32)
    pictures = torch.stack([white, -white])
    regions = painting((0.2, 0.2, 0.5), (0.4, 0.4, 0.5)).regions
    page = laid(pictures, [shape, shape], regions)
    assert page.picture[0, 0, 48, 48] < -0.99 and page.picture[0, 0, 20, 20] > 0.99
    assert page.picture[0, 0, 36, 36] < -0.99  # where both are


# Sentences


def test_each_phrase_is_sketched_with_what_is_not_painted():
    made = painting((0, 0, 0.4), (0.5, 0.5, 0.4))
    assert sketches(made) == ("a red fox, in the snow", "a blue boat, in the snow")
    assert rest_of(made) == "in the snow"
    alone = painting((0, 0, 0.4))
    assert sketches(alone) == ("a red fox, a blue boat in the snow",)
    pushed = made.reweighted(1, -1.0)
    assert [r.phrase for r in sketched(pushed)] == ["a red fox"]
    assert rest_of(Painting("a fox").add("a fox", square(0, 0, 0.5))) == ""


def test_a_sketch_never_outgrows_a_prompt():
    long = "fox " + "x" * 1_995
    made = Painting(long, collage=True).add("x" * 1_995, square(0, 0, 0.5))
    assert max(map(len, sketches(made))) <= 2_000


def test_the_rest_of_the_page_hears_the_words_firmly_held_back():
    made = painting((0, 0, 0.4), (0.5, 0.5, 0.4), elsewhere=0.0).reweighted(1, -0.5)
    assert [r.weight for r in firm(made).regions] == [FIRMLY, -0.5]
    assert not firm(made).collage and firm(made).elsewhere == 1


# Who answers


def test_the_collage_lies_there_while_the_noise_is_high():
    mask = torch.zeros(1, 1, 2, 2)
    mask[..., 0] = 1.0

    def whole(x, sigma, cond):
        return x + 10 if cond == "whole" else x

    def rest(x, sigma, cond):
        return x - 10 if cond == "rest" else x

    denoiser = Collage(whole, rest, "rest", Laid(torch.full((1, 3, 2, 2), 0.5), mask))
    x = torch.zeros(1, 3, 2, 2)
    assert bool((denoiser(x, torch.tensor([ABOVE]), "whole") == 10).all())
    answer = denoiser(x, torch.tensor([2 * ABOVE]), "whole")
    assert bool((answer[..., 0] == 0.5).all()) and bool((answer[..., 1] == -10).all())


# The front door


@pytest.fixture(scope="module")
def model() -> EDiffI:
    return tiny_pipeline()


def test_a_collage_is_another_picture_and_its_recipe_brings_it_back(tmp_path):
    model = EDiffI.from_pretrained(tiny_ensemble_folder(tmp_path / "tiny"))
    plain, collage = (
        model.generate(PROMPT, 3, steps=6, painting=replace(painting((0, 0, 0.4)), collage=on))
        for on in (False, True)
    )
    assert apart(plain.image, collage.image) > 0
    assert collage.recipe.painting and collage.recipe.painting["collage"] is True
    assert apart(model.replay(collage.recipe).image, collage.image) == 0


def test_where_nothing_is_drawn_to_a_place_there_is_no_collage(model):
    pushed = painting((0, 0, 0.4)).reweighted(0, -1.0)
    plain, collage = (
        model.generate(PROMPT, 3, steps=4, painting=replace(pushed, collage=on)).image
        for on in (False, True)
    )
    assert apart(plain, collage) == 0
    assert not Painting(PROMPT, collage=True).collaged


def test_a_picture_begins_by_itself_whatever_else_is_in_the_batch(model):
    one = model.request(PROMPT, 3, steps=6, painting=painting((0, 0, 0.4)))
    other = model.request(PROMPT, 4, steps=6, painting=painting((0.5, 0, 0.4), (0, 0.5, 0.4)))
    plain = model.request(PROMPT, 5, steps=6, painting=replace(one.painting, collage=False))
    assert model.groups([one, other, plain]) == [[0, 1], [2]]
    mixed, alike = model.generate_many([one, other]), model.generate_many([one, one])
    assert apart(mixed[0].image, alike[0].image) <= 1


@pytest.mark.parametrize("without", [["clip_text"], ["t5"], ["t5", "clip_text"]])
def test_it_works_with_encoders_switched_off(model, without):
    made = model.generate(PROMPT, 3, steps=4, painting=painting((0, 0, 0.4)), without=without)
    assert made.image.size == (16, 16)


def test_it_works_with_everything_else_that_steers(model):
    made = model.generate(
        PROMPT,
        3,
        steps=6,
        painting=painting((0, 0, 0.4), pull=0.1),
        insist=0.05,
        timeline=[(0.5, "a red fox in the rain")],
        style=model.style([Image.new("RGB", (24, 24), "red")]),
    )
    assert made.image.size == (16, 16) and apart(model.replay(made.recipe).image, made.image) == 0


def test_sketches_come_first_as_steps_of_their_own(model):
    one, two = painting((0, 0, 0.4)), painting((0.5, 0, 0.4), (0, 0.5, 0.4))
    requests = [
        model.request(PROMPT, seed, steps=6, painting=made) for seed, made in ((3, one), (4, two))
    ]
    steps = list(model.steps(requests))
    before = [step for step in steps if step.stage == SKETCH]
    assert [step.index for step in steps] == [0] * len(before) + [1, 2, 3, 4, 5, 6]
    assert {step.total for step in steps} == {6} and len(steps[-1].results) == 2
    # A sketch for each picture; both regions of the second are sketched at once.
    sketch = [step.sigma for step in before[: len(before) // 2]]
    assert [step.sigma for step in before] == sketch * 2
    assert sketch[0] == 80.0 and sketch[-2] >= BELOW > sketch[-1] > 0.002
    shown = before[len(before) // 2].denoised
    assert shown.shape == (2, 3, 16, 16) and torch.equal(
        shown[0], before[len(sketch) - 1].denoised[0]
    )


def test_a_sketch_insists_on_its_phrase_even_where_it_is_the_only_thing(model, monkeypatch):
    moved = []

    def noted(network, x, sigma, cond, pull):
        moved.append(pull.far.tolist())
        return x

    monkeypatch.setattr("ediffi.controls.pulling.pulled", noted)
    lone = "a red fox in the snow"
    made = Painting(lone, collage=True).add("a red fox", np.ones((64, 64), dtype=bool))
    request = model.request(lone, 3, steps=6, painting=made)
    steps = list(model.steps(request))
    sketched = [step for step in steps if step.stage == SKETCH]
    assert sketched and moved and moved == [pytest.approx([INSISTENCE])] * len(moved)


def test_turns_are_sketched_while_the_noise_is_high_and_not_below(model):
    def sketched_steps(share: float) -> int:
        request = model.request(
            PROMPT,
            3,
            steps=8,
            painting=painting((0, 0, 0.4)),
            timeline=[(share, "a red fox in the rain")],
        )
        return sum(step.stage == SKETCH for step in model.steps(request))

    assert sketched_steps(0.2) == 2 * sketched_steps(0.9)


def test_steps_for_the_sake_of_others_are_heard_by_nobody(model):
    request = model.request(PROMPT, 3, steps=6, painting=painting((0, 0, 0.4)))
    bound = model.generator.conditioner.batch([request])[0].painting
    network = model.model.network_at(1.0)
    recorder = RegionRecorder([request.painting], bound)
    with recorder.listening(network):
        steps = list(model.steps(request))
    ((score,),) = recorder.scores()
    low = sum(step.index > 0 and step.sigma <= ABOVE for step in steps)
    assert 0 < score.calls == low * len(bound_layers(network))


def bound_layers(network) -> list[str]:
    return [name for name in tap_names(network) if is_cross_attention(name)]


def test_who_listens_to_one_sentence_is_refused(model):
    request = model.request(PROMPT, 3, steps=4, painting=painting((0, 0, 0.4)))
    with pytest.raises(ValueError, match="and a collage asks for others"), watching(model, request):
        pass


@pytest.mark.parametrize("value", [1, "yes", None])
def test_a_collage_is_true_or_false(value):
    with pytest.raises(ValueError, match="a collage is True or False, not"):
        Painting(PROMPT, collage=value)
