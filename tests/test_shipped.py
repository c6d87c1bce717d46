"""The model that comes with the package: whole, small, trained, and the source of its pictures."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.judge import load_judge
from analysis.results import FOLDER
from ediffi.__main__ import main
from ediffi.conditioning.folders import RECORD
from ediffi.experts.ensemble import Ensemble
from ediffi.files import read_json
from ediffi.loading import shipped_folder
from ediffi.model_folder import read_model
from ediffi.pipeline import EDiffI
from ediffi.recipe import read_png
from ediffi.scores import chosen, recorded
from ediffi.storybook.evaluation import draw, make_tasks

PROMPT = "a red fox under a yellow moon"
MEBIBYTE = 2**20
EVALUATED = ("", "-high+baseline", "-experts")
"""In the order in which the recipe chooses: the plainest first."""


@pytest.fixture(scope="module")
def storybook():
    return EDiffI.from_pretrained("storybook")


@pytest.fixture(scope="module")
def baseline():
    return EDiffI.from_pretrained("storybook/baseline")


def smoothness(picture) -> float:
    """The correlation of pixels with their right neighbours: a picture has it, noise does not."""
    grey = np.asarray(picture.convert("L"), np.float64)
    return float(np.corrcoef(grey[:, :-1].ravel(), grey[:, 1:].ravel())[0, 1])


def apart(one, other) -> float:
    """The mean difference of two pictures, in steps of 1/255."""
    return float(np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).mean())


def test_it_opens_with_what_was_measured_to_be_worse_in_nothing(storybook):
    """The rule of the recipe, asked again of the committed evaluations."""
    rows = [read_json(FOLDER / f"evaluation{name}.json") for name in EVALUATED]
    assert storybook.model.name == chosen({row["model"]: recorded(row) for row in rows})
    assert storybook.sizes == (64, 256, 1024)
    named = EDiffI.from_pretrained(storybook.model.name)
    assert named.model.weights == storybook.model.weights


def test_the_files_keep_to_their_budgets(baseline):
    files = [path for path in shipped_folder().rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) <= 16 * MEBIBYTE
    assert sum(path.stat().st_size for path in files) <= 110 * MEBIBYTE
    assert sum(p.numel() for p in baseline.model.denoiser.parameters()) <= 8_200_000
    encoders = baseline.model.encoders
    modules = (encoders.t5.model, encoders.clip.model)
    assert sum(p.numel() for module in modules for p in module.parameters()) <= 6_000_000
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".md"}


def test_the_record_tells_how_it_was_trained():
    record = json.loads((shipped_folder() / "baseline" / "record.json").read_text())
    assert record["pictures"] > 0
    assert record["parameters"] > 0


def test_zeroed_weights_destroy_the_picture(baseline):
    """Nothing is rendered or retrieved: what is seen comes out of the weights."""
    trained = baseline.generate(PROMPT, seed=7).image
    empty = copy.deepcopy(baseline.model.denoiser)
    with torch.no_grad():
        for parameter in empty.parameters():
            parameter.zero_()
    environment = baseline.generator
    blank = EDiffI(replace(baseline.model, denoiser=empty), environment.device, environment.dtype)
    destroyed = blank.generate(PROMPT, seed=7).image
    assert smoothness(trained) > 0.6
    assert abs(smoothness(destroyed)) < 0.2
    assert apart(destroyed, blank.generate("a blue whale in the sea", seed=7).image) == 0


def test_sentence_and_seed_both_decide(storybook):
    first = storybook.generate(PROMPT, seed=7).image
    assert apart(first, storybook.generate("a blue boat on the sea", seed=7).image) > 8
    assert apart(first, storybook.generate(PROMPT, seed=8).image) > 8
    assert apart(first, storybook.generate(PROMPT, seed=7).image) == 0


def test_the_batch_changes_at_most_two_steps_of_255(storybook):
    prompts = [PROMPT, "a cat", "two owls and a green house in the snow", ""]
    requests = [storybook.request(p, seed, steps=8) for seed, p in enumerate(prompts)]
    for request, result in zip(requests, storybook.generate_many(requests), strict=True):
        alone = storybook.generate_many([request])[0].image
        gap = np.abs(np.asarray(alone, np.int16) - np.asarray(result.image, np.int16))
        assert gap.max() <= 2


def test_the_stages_enlarge_what_the_base_painted(storybook):
    """A larger picture is that of the smaller one: shrunk again, it is close to it."""
    result = storybook.generate(PROMPT, seed=7, size=1024)
    for low, high in ((64, 256), (256, 1024)):
        small, large = result.images[low], result.images[high]
        assert large.size == (high, high)
        assert apart(large.resize((low, low), Image.Resampling.BOX), small) < 12
        assert apart(large, small.resize((high, high), Image.Resampling.NEAREST)) > 2
    with pytest.raises(ValueError, match="makes 64, 256, 1024"):
        storybook.generate(PROMPT, size=512)


def test_three_experts_paint_one_picture(baseline):
    three = EDiffI.from_pretrained("storybook/experts")
    ensemble = three.model.ensemble
    assert ensemble is not None
    assert [expert.name for expert in ensemble.experts] == ["low", "middle", "high"]
    assert ensemble.boundaries == pytest.approx((0.0757, 9.61), rel=1e-2)
    steps = list(three.steps(three.request(PROMPT, seed=7)))
    ran = [name for step in steps for name in step.experts]
    assert list(dict.fromkeys(ran)) == ["high", "middle", "low"]
    assert 0 < apart(steps[-1].results[0].image, baseline.generate(PROMPT, seed=7).image)


def test_two_experts_enlarge_to_256(storybook):
    stage = storybook.model.stages[0]
    assert isinstance(stage.denoiser, Ensemble)
    assert stage.denoiser.boundaries == pytest.approx((0.3012,), abs=1e-4)
    steps = list(storybook.steps(storybook.request(PROMPT, seed=7, size=256)))
    ran = [name for step in steps for name in step.experts if name.startswith("sr256")]
    assert list(dict.fromkeys(ran)) == ["sr256-high", "sr256-low"]


def test_the_clip_that_judges_is_not_the_one_that_conditions():
    """It finds the caption of a true scene among those of others, and no network listens to it."""
    judge, own = (shipped_folder() / name / RECORD for name in ("judge", "clip"))
    assert read_json(judge)["sha256"] != read_json(own)["sha256"]
    assert "judge" not in read_model(shipped_folder()).networks
    tasks = make_tasks(24, 0, "test", "short")
    captions = [task.caption.text for task in tasks]
    truth, clip = draw([task.scene for task in tasks], workers=1), load_judge()
    right = clip.scores(truth, captions)
    wrong = clip.scores(truth, captions[1:] + captions[:1])
    assert (right > wrong).mean() > 0.8 and right.mean() > wrong.mean() + 20


def test_the_command_of_the_readme_and_its_replay(tmp_path, capsys):
    fox, again = tmp_path / "fox.png", tmp_path / "again.png"
    assert main(["generate", PROMPT, "--seed", "7", "--out", str(fox)]) == 0
    assert read_png(fox).model == EDiffI.from_pretrained("storybook").model.name
    assert main(["replay", str(fox), "--out", str(again)]) == 0
    assert "to the last bit" in capsys.readouterr().out
