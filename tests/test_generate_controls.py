"""The controls from the command line: what is typed reaches the recipe, what is wrong is named."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ediffi.__main__ import main
from ediffi.controls import layouts
from ediffi.controls.paint_with_words import Painting
from ediffi.recipe import read_png
from tests.fakes import tiny_model_folder

PROMPT = "a red fox"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model_folder(tmp_path_factory.mktemp("model"))


def call(*words) -> int:
    return main(["generate", *map(str, words)])


@pytest.fixture
def pictures(tmp_path):
    for name, colour in (("a.png", "red"), ("b.jpg", "blue")):
        Image.new("RGB", (40, 32), colour).save(tmp_path / name)
    return [tmp_path / "a.png", tmp_path / "b.jpg"]


def test_controls_reach_the_recipe_and_replay(folder, pictures, tmp_path, capsys):
    out, again = tmp_path / "out.png", tmp_path / "again.png"
    words = [PROMPT, "--model", folder, "--steps", 5, "--out", out]
    words += ["--style", *pictures, "--style-weights", 2, 1, "--style-strength", 1.5]
    words += ["--style-window", 0.5, 20, "--then", 0.4, "a blue cat", "--then", 0.8, PROMPT]
    words += ["--insist", 0.1]
    assert call(*words, "--t5-prompt", "a zeppelin", "--clip-prompt", "") == 0
    assert "zeppelin" in capsys.readouterr().err
    recipe = read_png(out)
    assert recipe.style is not None
    assert [r.weight for r in recipe.style.references] == [2, 1]
    window = (recipe.style.sigma_low, recipe.style.sigma_high)
    assert (recipe.style.strength, *window) == (1.5, 0.5, 20)
    assert [(t.share, t.prompt) for t in recipe.timeline] == [(0.4, "a blue cat"), (0.8, PROMPT)]
    assert (recipe.t5_prompt, recipe.clip_prompt) == ("a zeppelin", "")
    assert recipe.sampling.insist == 0.1
    assert main(["replay", str(out), "--model", str(folder), "--out", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()


def test_a_saved_painting_is_painted(folder, tmp_path):
    painting = Painting(PROMPT).add("fox", np.eye(64) > 0)
    layouts.save(painting, tmp_path / "layout.png")
    out = tmp_path / "out.png"
    words = [PROMPT, "--model", folder, "--steps", 2, "--out", out]
    assert call(*words, "--painting", tmp_path / "layout.png") == 0
    found = read_png(out).painting
    assert found is not None and Painting.from_json(found) == painting
    assert call(*words, "--painting", tmp_path / "layout.png", "--collage") == 0
    assert read_png(out).painting == replace(painting, collage=True).to_json()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--style", "{none}"], "There is no file"),
        (["--style", "{text}"], "is not a picture"),
        (["--style", "{small}"], "1 x 1 pixels shows no style"),
        (["--style", "{a}", "--style-weights", 1, 2], "1 reference pictures were given 2 weights"),
        (["--style-weights", 1], "--style names none"),
        (["--collage"], "--painting names none"),
        (["--style", "{a}", "--style-strength", "nan"], "strength is nan"),
        (["--style", "{a}", "--style-window", 3, 1], "low < high"),
        (["--then", "soon", "a cat"], "not 'soon'"),
        (["--insist", 0.6], "insistence is 0.6 and must lie between 0 and 0.5"),
        (["--then", 1.5, "a cat"], "not between 0 and 1"),
        (["--then", 0.5, "a cat", "--then", 0.2, "a dog"], "one after the other"),
        (["--t5-prompt", "a" * 3000], "2,000"),
        (["--painting", "{none}"], "no"),
    ],
)
def test_what_is_wrong_is_named(folder, tmp_path, capsys, words, says):
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (1, 1)).save(tmp_path / "small.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    names = {name: tmp_path / f"{name}.png" for name in ("none", "text", "small", "a")}
    typed = [str(word).format(**names) for word in words]
    assert call(PROMPT, "--model", folder, "--out", tmp_path / "out.png", *typed) == 2
    told = capsys.readouterr().err
    assert says in told and len(told.splitlines()) == 1
    assert not (tmp_path / "out.png").exists()
