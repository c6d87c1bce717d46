"""Style, timeline and other words at the front door: exact nulls, replays, batches, bad input."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ediffi.controls.paint_with_words import Painting
from ediffi.controls.prompt_switching import Turn
from ediffi.diffusion.guidance import Guided, NestedGuided, Window
from ediffi.diffusion.noise import seeded_noise
from ediffi.recipe import FORMAT, Recipe, read_png, write_png
from ediffi.stacked_guidance import StyledGuidance, Within, plain
from tests.fakes import apart, tiny_pipeline

PROMPT = "a red fox under a yellow moon"


@pytest.fixture(scope="module")
def model():
    return tiny_pipeline()


@pytest.fixture(scope="module")
def reference():
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    return Image.fromarray(pixels)


def painted(prompt, phrase):
    return Painting(prompt).add(phrase, np.ones((64, 64), bool), weight=2.0)


def test_every_control_changes_the_picture_and_replays(model, reference, tmp_path):
    bare = model.generate(PROMPT, seed=1).image
    for name, changes in {
        "style": {"style": reference},
        "window": {"style": model.style([reference], window=(0.5, 20.0))},
        "several": {"style": model.style([reference, Image.new("RGB", (20, 20))], [2, 1])},
        "turn": {"timeline": [(0.5, "a cat")]},
        "range": {"timeline": [(0.3, "a cat"), (0.6, PROMPT)]},
        "t5": {"t5_prompt": "a cat"},
        "clip": {"clip_prompt": "a cat in a house by the sea"},
        "both": {"t5_prompt": "a cat", "clip_prompt": ""},
        "unguided": {"style": reference, "guidance": 1.0},
    }.items():
        made = model.generate(PROMPT, seed=1, **changes)
        assert apart(made.image, bare) > 0, name
        write_png(made.image, made.recipe, tmp_path / f"{name}.png")
        recipe = read_png(tmp_path / f"{name}.png")
        assert recipe == made.recipe
        assert apart(model.replay(recipe).image, made.image) == 0, name


def test_a_style_of_no_strength_changes_no_bit(model, reference):
    bare = model.generate(PROMPT, seed=2).image
    off = model.style([reference], strength=0.0)
    assert apart(model.generate(PROMPT, seed=2, style=off).image, bare) == 0
    switched = model.generate(PROMPT, seed=2, style=reference, without=["clip_image"]).image
    assert apart(switched, model.generate(PROMPT, seed=2, without=["clip_image"]).image) == 0
    beyond = model.style([reference], window=(9000.0, 10000.0))
    assert apart(model.generate(PROMPT, seed=2, style=beyond).image, bare) <= 1


def test_the_same_words_again_change_no_bit(model):
    bare = model.generate(PROMPT, seed=3).image
    assert apart(model.generate(PROMPT, seed=3, t5_prompt=PROMPT).image, bare) == 0
    assert apart(model.generate(PROMPT, seed=3, timeline=[(0.5, PROMPT)]).image, bare) == 0


def test_an_encoder_that_reads_nothing_is_switched_off(model):
    nothing = model.generate(PROMPT, seed=3, t5_prompt="").image
    assert apart(nothing, model.generate(PROMPT, seed=3, without=["t5"]).image) == 0


@pytest.mark.parametrize("painting", [False, True])
def test_stacked_style_is_nested_guidance(model, reference, painting):
    request = model.request(
        PROMPT, style=reference, painting=painted(PROMPT, "moon") if painting else None
    )
    cond, _ = model.generator.conditioner.batch([request, request])
    denoiser, window = model.model.denoiser, Window(0.5, 5.0)
    styled = StyledGuidance(denoiser, 3.0, 1.5, window, cond)
    nested = NestedGuided(denoiser, 3.0, 1.5, window)
    with torch.no_grad():
        for sigma in (0.1, 2.0, 40.0):
            x, level = seeded_noise([1, 2], (3, 16, 16)) * sigma, torch.full((2,), sigma)
            found = styled(x, level, cond)
            if painting and sigma == 2.0:
                worded, without = denoiser(x, level, plain(cond)), denoiser(x, level, cond.null())
                expected = without + 3.0 * (worded - without)
                expected = expected + 1.5 * (denoiser(x, level, cond) - worded)
            else:
                expected = nested(x, level, cond)
            assert torch.allclose(found, expected, atol=1e-4, rtol=1e-4)


def test_equal_scales_are_plain_guidance_on_both(model, reference):
    cond, _ = model.generator.conditioner.batch([model.request(PROMPT, style=reference)])
    styled = StyledGuidance(model.model.denoiser, 3.0, 3.0, Window(), cond)
    x, sigma = seeded_noise([1], (3, 16, 16)), torch.ones(1)
    with torch.no_grad():
        expected = Guided(model.model.denoiser, 3.0)(x, sigma, cond)
        assert torch.allclose(styled(x, sigma, cond), expected, atol=1e-5)


def test_outside_its_window_another_denoiser_is_told_other_things():
    def say(word):
        return lambda x, sigma, cond: (word, cond)

    within = Within(Window(1.0, 2.0), say("in"), say("out"), "plain")  # pyright: ignore
    asked = [within(torch.ones(1), torch.tensor([s]), "all") for s in (0.5, 1.0, 1.5, 2.0, 3.0)]  # pyright: ignore
    assert asked == [
        ("out", "plain"),
        ("out", "plain"),
        ("in", "all"),
        ("in", "all"),
        ("out", "plain"),
    ]


def test_a_painting_goes_with_the_words_that_survive_a_turn(model):
    request = model.request(
        PROMPT, painting=painted(PROMPT, "moon"), timeline=[(0.3, "a moon"), (0.6, "a cat")]
    )
    first, second = (request.turned(turn) for turn in request.timeline)
    assert first.painting is not None and first.painting.prompt == "a moon"
    assert second.painting is None
    made = model.generator.steps([request], [model.report(PROMPT)])
    assert list(made)[-1].results[0].recipe.timeline == request.timeline


def test_a_painting_binds_only_where_its_words_are_read(model):
    painting = painted(PROMPT, "moon")
    request = model.request(PROMPT, painting=painting, t5_prompt="a moon and a cat")
    cond, _ = model.generator.conditioner.batch([request])
    assert cond.painting is not None
    assert not cond.painting.t5_columns.any() and cond.painting.clip_columns.any()
    with pytest.raises(ValueError, match="nobody reads"):
        model.request(PROMPT, painting=painting, t5_prompt="a cat", clip_prompt="a cat")


def test_batches_keep_dials_apart_and_share_pictures(model, reference):
    other = Image.new("RGB", (16, 16), "green")
    requests = [
        model.request(PROMPT, seed=1, style=reference),
        model.request(PROMPT, seed=2, style=other),
        model.request(PROMPT, seed=3),
        model.request(PROMPT, seed=4, style=model.style([other], strength=1.0)),
        model.request(PROMPT, seed=5, timeline=[(0.5, "a cat")]),
    ]
    assert sorted(model.groups(requests)) == [[0, 1], [2], [3], [4]]
    for request, result in zip(requests, model.generate_many(requests), strict=True):
        assert apart(model.generate_many([request])[0].image, result.image) <= 2
        assert apart(model.replay(result.recipe).image, result.image) == 0
    with pytest.raises(ValueError, match="must share"):
        list(model.steps([requests[0], requests[2]]))


def test_the_report_reads_all_words_and_counts_the_steps(model):
    request = model.request(
        PROMPT, steps=4, t5_prompt="a zeppelin", timeline=[(0.5, "a xylophone"), (0.95, "a fox")]
    )
    step = list(model.steps(request))[-1]
    told = " ".join(step.results[0].report.sentences())
    assert "zeppelin, xylophone" in told
    assert "No step is left for the words from 95% of the steps on." in told


def test_a_style_of_another_clip_is_refused(model, reference):
    style = model.style([reference])
    with pytest.raises(ValueError, match="read by another CLIP"):
        model.generate(PROMPT, style=replace(style, vector=style.vector[:-1]))


def test_values_of_a_wrong_kind_are_refused(model):
    with pytest.raises(ValueError, match="must be a Style, not str"):
        model.request(PROMPT, style="picture.png")
    for turn in (0.5, "a cat", (0.5,), (0.5, "a", "b"), None):
        with pytest.raises(ValueError, match="share of the steps and the words"):
            model.request(PROMPT, timeline=[turn])
    with pytest.raises(ValueError, match="made of turns, not of tuple"):
        replace(model.request(PROMPT), timeline=((0.5, "a cat"),))


def test_forged_recipes_are_refused(model, reference):
    recipe = model.generate(PROMPT, style=reference, timeline=[(0.5, "a cat")]).recipe
    data = recipe.to_json()
    assert Recipe.from_json(data) == recipe
    for change in (
        {"timeline": [{"share": 2.0, "prompt": "a"}]},
        {"timeline": [{"share": 0.5}]},
        {"style": data["style"] | {"strength": 1e9}},
        {"style": data["style"] | {"vector": ["a"]}},
        {"style": data["style"] | {"preprocessing": "other"}},
        {"t5_prompt": 3},
        {"format": FORMAT + 1},
    ):
        with pytest.raises(ValueError, match=r"recipe"):
            Recipe.from_json(data | change)
    shuffled = [{"share": s, "prompt": "a"} for s in (0.5, 0.2)]
    with pytest.raises(ValueError, match="one after the other"):
        model.replay(Recipe.from_json(data | {"timeline": shuffled}))


def test_recipes_of_the_first_format_are_read(model):
    data = model.generate(PROMPT).recipe.to_json()
    new = ("style", "timeline", "t5_prompt", "clip_prompt")
    old = {key: value for key, value in data.items() if key not in new} | {"format": 1}
    assert Recipe.from_json(old).timeline == ()


def test_turns_are_what_they_seem(model):
    """Words that come before the first step is taken would be the only words."""
    assert model.request(PROMPT, timeline=[Turn(0.01, "a cat")]).timeline[0].share == 0.01
