"""The front door: one seed one noise, steps that can be left, recipes that replay.

Most tests use a random tiny network, which pictures nothing but obeys every setting.
"""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

import ediffi
from ediffi.conditioner import KEPT, Conditioner
from ediffi.conditioning.embeddings import stack
from ediffi.config import SamplingConfig
from ediffi.controls.paint_with_words import Painting, bind
from ediffi.diffusion.guidance import Guided, Window
from ediffi.diffusion.noise import seeded_noise
from ediffi.generation import MAX_BATCH
from ediffi.images import to_tensor
from ediffi.pipeline import EDiffI
from ediffi.recipe import BatchShape, read_png, write_png
from ediffi.stacked_guidance import PairedGuidance
from tests.fakes import apart, tiny_denoiser, tiny_pipeline

PROMPT = "a red fox under a yellow moon"


@pytest.fixture(scope="module")
def model():
    return tiny_pipeline()


def half_painted(prompt, phrase):
    mask = np.zeros((64, 64), bool)
    mask[:, :32] = True
    return Painting(prompt).add(phrase, mask, weight=4.0)


def test_the_package_exports_the_front_door():
    assert ediffi.EDiffI is EDiffI
    assert ediffi.Painting is Painting


def test_a_result_holds_picture_recipe_and_report(model):
    result = model.generate(PROMPT, seed=3)
    assert result.image.size == (16, 16)
    assert result.images == {16: result.image}
    assert result.recipe.prompt == PROMPT
    assert result.recipe.sampling.steps == 6
    assert result.report.sentences() == ()


def test_a_saved_result_carries_its_recipe(model, tmp_path):
    result = model.generate(PROMPT, seed=3)
    result.save(tmp_path / "fox.png")
    assert read_png(tmp_path / "fox.png") == result.recipe


def test_the_same_seed_gives_the_same_picture_and_another_one_another(model):
    first = model.generate(PROMPT, seed=5).image
    assert apart(first, model.generate(PROMPT, seed=5).image) == 0
    assert apart(first, model.generate(PROMPT, seed=6).image) > 40


def test_a_picture_does_not_depend_on_its_batch(model):
    """Design 5.3: at most 2/255 between batch sizes, however long the neighbours' sentences."""
    prompts = [PROMPT, "", "a very long sentence about a fox and a house and a tree " * 2]
    requests = [model.request(prompt, seed) for seed, prompt in enumerate(prompts)]
    together = model.generate_many(requests)
    for request, result in zip(requests, together, strict=True):
        alone = model.generate_many([request])[0]
        assert apart(alone.image, result.image) <= 2


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 5},
        {"guidance": 6.0},
        {"guidance": 1.0},
        {"solver": "heun"},
        {"solver": "euler"},
        {"solver": "stochastic"},
        {"window": (0.5, 5.0)},
        {"without": ("t5",)},
        {"without": ("clip_text",)},
    ],
)
def test_every_setting_changes_the_picture_and_replays(model, changes):
    plain = model.generate(PROMPT, seed=1).image
    changed = model.generate(PROMPT, seed=1, **changes)
    assert apart(plain, changed.image) > 0
    assert apart(model.replay(changed.recipe).image, changed.image) == 0


@pytest.mark.parametrize("painted", [False, True])
@pytest.mark.parametrize("window", [Window(), Window(0.5, 5.0)])
def test_paired_guidance_is_guidance(model, window, painted):
    """One evaluation of both branches against two; inside the window, at its edges and outside."""
    prompts = (PROMPT, "a cat", "")
    cond = stack([model.model.encoders.condition([text]) for text in prompts])
    if painted:
        texts = [model.model.encoders.encode_text([text]) for text in prompts]
        paintings = [half_painted(PROMPT, "moon"), half_painted("a cat", "cat"), None]
        cond = replace(cond, painting=bind(paintings, texts))
    denoiser = model.model.denoiser
    paired, plain = PairedGuidance(denoiser, 3.0, window, cond), Guided(denoiser, 3.0, window)
    with torch.no_grad():
        for sigma in (0.1, 0.5, 2.0, 5.0, 40.0):
            x = seeded_noise([1, 2, 3], (3, 16, 16)) * sigma
            level = torch.full((3,), sigma)
            expected = plain(x, level, cond)
            assert torch.allclose(paired(x, level, cond), expected, atol=1e-4, rtol=1e-4)


def test_a_guidance_window_without_extent_is_no_guidance(model):
    unguided = model.generate(PROMPT, guidance=1.0).image
    assert apart(model.generate(PROMPT, window=(1.0, 1.0)).image, unguided) == 0


def test_a_picture_from_a_batch_replays_to_the_same_pixels(model, tmp_path):
    requests = [model.request(PROMPT + " and more" * k, seed=k) for k in range(3)]
    for k, result in enumerate(model.generate_many(requests)):
        assert result.recipe.batch.pictures == 3
        write_png(result.image, result.recipe, tmp_path / f"{k}.png")
        again = model.replay(read_png(tmp_path / f"{k}.png"))
        assert apart(again.image, result.image) == 0
        assert again.recipe == result.recipe


def test_a_painting_steers_replays_and_an_empty_one_changes_no_bit(model):
    plain = model.generate(PROMPT, seed=2).image
    painted = model.generate(PROMPT, seed=2, painting=half_painted(PROMPT, "red fox"))
    assert apart(plain, painted.image) > 0
    assert apart(model.replay(painted.recipe).image, painted.image) == 0
    assert apart(model.generate(PROMPT, seed=2, painting=Painting(PROMPT)).image, plain) == 0


def test_a_painting_survives_switched_off_embeddings(model):
    painting = half_painted(PROMPT, "moon")
    result = model.generate(PROMPT, painting=painting, without=("t5",))
    assert apart(model.replay(result.recipe).image, result.image) == 0


def test_a_painting_of_another_sentence_is_refused(model):
    with pytest.raises(ValueError, match="belongs to the prompt"):
        model.request("a blue house", painting=half_painted(PROMPT, "moon"))


def test_steps_count_down_the_noise_and_the_last_one_has_the_result(model):
    request = model.request(PROMPT, seed=4)
    steps = list(model.steps(request))
    assert [step.index for step in steps] == [1, 2, 3, 4, 5, 6]
    assert {step.total for step in steps} == {6}
    sigmas = [step.sigma for step in steps]
    assert sigmas == sorted(sigmas, reverse=True)
    assert sigmas[0] == 80.0
    for step in steps:
        assert step.preview.shape == (3, 16, 16)
        assert step.preview.abs().max() <= 1
        assert step.experts == ("baseline",)
        assert step.seconds > 0
    with pytest.raises(ValueError, match="Step 5 of 6"):
        _ = steps[4].result
    assert apart(steps[-1].result.image, model.generate(PROMPT, seed=4).image) == 0
    assert apart(steps[-1].pictures()[0], steps[-1].result.image) <= 1


def test_whoever_stops_asking_stops_the_work(model):
    calls = []
    denoiser = tiny_denoiser()

    class Counting(torch.nn.Module):
        def forward(self, x, sigma, cond):
            calls.append(float(sigma[0]))
            return denoiser(x, sigma, cond)

    counted = EDiffI(replace(model.model, denoiser=Counting()), torch.device("cpu"), torch.float32)
    for step in counted.steps(counted.request(PROMPT, guidance=1.0)):
        if step.index == 2:
            break
    assert len(calls) == 2


def test_a_step_leaves_the_readers_modes_alone(model):
    for _ in model.steps(model.request(PROMPT)):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled("cpu")


def test_sampling_touches_no_global_randomness_and_no_threads(model):
    torch.manual_seed(0)
    random.seed(0)
    before = torch.random.get_rng_state(), random.getstate(), torch.get_num_threads()
    model.generate(PROMPT)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert (random.getstate(), torch.get_num_threads()) == before[1:]


def test_zeroed_weights_destroy_every_picture(model):
    """Nothing is rendered or retrieved: without weights there is noise, whatever the sentence."""
    empty = tiny_denoiser()
    for parameter in empty.parameters():
        torch.nn.init.zeros_(parameter)
    blank = EDiffI(replace(model.model, denoiser=empty), torch.device("cpu"), torch.float32)
    for seed in (0, 1):
        picture = blank.generate(PROMPT, seed=seed).image
        assert apart(picture, blank.generate("", seed=seed).image) == 0
        noise = seeded_noise([seed], (3, 16, 16))[0]
        pair = torch.stack([to_tensor(picture).flatten(), noise.clamp(-2, 2).flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.98


def test_a_picture_that_stops_being_finite_is_never_shown(model):
    class Broken(torch.nn.Module):
        def forward(self, x, sigma, cond):
            return x * (torch.nan if sigma[0] < 1 else 0)

    broken = EDiffI(replace(model.model, denoiser=Broken()), torch.device("cpu"), torch.float32)
    with pytest.raises(ValueError, match="no longer finite at step"):
        broken.generate(PROMPT)


def test_requests_are_grouped_by_what_they_share_and_come_back_in_order(model):
    requests = [
        model.request(PROMPT, seed, steps=4 if seed % 3 else 5) for seed in range(MAX_BATCH + 4)
    ]
    requests.append(model.request("a fox " * 20, seed=MAX_BATCH + 4, steps=5))
    groups = model.groups(requests)
    assert groups[-1] == [MAX_BATCH + 4]  # a longer sentence would change its neighbours
    assert sorted(sum(groups, [])) == list(range(len(requests)))
    assert all(len({requests[i].sampling.steps for i in group}) == 1 for group in groups)
    assert max(map(len, groups)) <= MAX_BATCH
    results = model.generate_many(requests)
    assert [result.recipe.seed for result in results] == list(range(len(requests)))


def test_a_mixed_batch_replays_too(model):
    batch = [model.request(PROMPT, seed=1), model.request("a fox " * 20, seed=2)]
    *_, last = model.steps(batch)
    assert last.results[0].recipe.batch == BatchShape(2, 0, 64, 64)
    for result in last.results:
        assert apart(model.replay(result.recipe).image, result.image) == 0


def test_prompts_are_remembered_but_not_for_ever(model):
    conditioner = Conditioner(model.model.encoders, model.model.config.encoders)
    first = conditioner.told("prompt 0")
    assert conditioner.told("prompt 0") is first
    for number in range(1, KEPT + 1):
        conditioner.told(f"prompt {number}")
    assert conditioner.told("prompt 0") is not first
    assert first.columns == (32, 32)


def test_a_batch_of_unlike_requests_is_refused(model):
    unlike = [model.request(PROMPT), model.request(PROMPT, steps=3)]
    with pytest.raises(ValueError, match="must share"):
        list(model.steps(unlike))
    with pytest.raises(ValueError, match=f"1 to {MAX_BATCH}"):
        list(model.steps([]))


@pytest.mark.parametrize(
    "batch",
    [
        BatchShape(pictures=0),
        BatchShape(pictures=10**9),
        BatchShape(row=1),
        BatchShape(row=-1),
        BatchShape(t5_columns=10**9),
        BatchShape(clip_columns=-1),
    ],
)
def test_a_recipe_with_an_absurd_batch_is_refused(model, batch):
    recipe = replace(model.generate(PROMPT).recipe, batch=batch)
    with pytest.raises(ValueError, match="batch is not usable"):
        model.replay(recipe)


def test_a_recipe_out_of_range_is_refused(model):
    recipe = model.generate(PROMPT).recipe
    for wrong in (
        replace(recipe, seed=-1),
        replace(recipe, size=1024),
        replace(recipe, sampling=SamplingConfig(steps=10**9)),
        replace(recipe, without=("vgg",)),
        replace(recipe, painting={"format": 99}),
    ):
        with pytest.raises(ValueError, match="."):
            model.replay(wrong)


def test_the_report_names_unknown_words_dropped_words_and_emptiness(model):
    assert "unconditional" in model.report("  ").sentences()[0]
    report = model.report("a red zeppelin")
    assert report.unknown == ("zeppelin",)
    assert "zeppelin" in report.sentences()[0]
    report = model.report("fox " * 120)
    assert len(report.dropped_t5) == 120 - 112
    assert len(report.dropped_clip) == 120 - 76
    assert len(report.sentences()) == 2


def test_the_empty_prompt_is_the_exact_null(model):
    everything_off = model.generate(PROMPT, seed=1, without=("t5", "clip_text", "clip_image"))
    assert apart(model.generate("", seed=1).image, everything_off.image) <= 2
    assert apart(model.generate("", seed=1, guidance=9.0).image, everything_off.image) <= 2


def test_a_size_without_its_stage_names_the_sizes_there_are(model):
    for size in (64, 256, 1024):
        with pytest.raises(ValueError, match=f"{size} pixels and this model makes 16"):
            model.request(PROMPT, size=size)
