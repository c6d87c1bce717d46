"""Everything a visitor should not send: one clear sentence each, or a picture, and nothing else.

Damaged weights are in `test_weights.py`, damaged recipes in `test_recipe.py`, refusals of the
command line in `test_main.py`.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ediffi.config import SamplingConfig
from ediffi.pipeline import EDiffI
from ediffi.presets import preset
from ediffi.request import Request
from tests.fakes import tiny_model_folder, tiny_pipeline


@pytest.fixture(scope="module")
def model():
    return tiny_pipeline()


@pytest.fixture
def folder(tmp_path):
    return tiny_model_folder(tmp_path / "tiny")


def one_sentence(error: BaseException) -> str:
    said = str(error)
    assert 10 < len(said) < 400
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " \t\n ",
        "\x00\x1b[31mred\x07 fox\x7f",
        "🦊🌙✨ 👨‍👩‍👧",
        "ثعلب أحمر تحت قمر أصفر",
        "‮xof der a‬",
        "zxqv blorp wibble",
        "a\ud800fox",
        "'); DROP TABLE pictures; -- <script>alert(1)</script>",
        "\u0301" * 300,
        "fox " * 490,
    ],
)
def test_any_text_of_2000_characters_gives_a_picture(model, prompt):
    result = model.generate(prompt, steps=1)
    assert result.image.size == (16, 16)
    assert not any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in result.recipe.prompt)


@pytest.mark.parametrize("length", [2_001, 100_000])
def test_longer_text_is_refused_with_both_numbers(model, length):
    with pytest.raises(ValueError, match="2,000") as error:
        model.request("x" * length)
    assert f"{length:,}" in one_sentence(error.value)


@pytest.mark.parametrize("prompt", [None, 5, b"fox", ["a", "fox"]])
def test_what_is_no_text_is_refused(model, prompt):
    with pytest.raises(ValueError, match="must be text") as error:
        model.request(prompt)
    one_sentence(error.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"steps": -1},
        {"steps": 201},
        {"steps": 10**9},
        {"steps": 2.5},
        {"steps": True},
        {"guidance": float("nan")},
        {"guidance": float("inf")},
        {"guidance": -0.1},
        {"guidance": 30.1},
        {"guidance": "3"},
        {"seed": -1},
        {"seed": 2**64},
        {"seed": 10**4_000},
        {"seed": 1.0},
        {"size": 0},
        {"size": -64},
        {"size": 10**9},
        {"size": 16.0},
        {"solver": "magic"},
        {"solver": "__class__"},
        {"window": (5.0, 1.0)},
        {"window": (-1.0, 1.0)},
        {"window": (float("nan"), 1.0)},
        {"window": (1.0,)},
        {"window": 5},
        {"window": "ab"},
        {"expert_guidance": {"high": None}},
        {"expert_guidance": {"high": (1.0, 2.0)}},
        {"without": ("vgg",)},
        {"without": "vgg"},
        {"without": 5},
        {"size": "64"},
        {"without": ("",)},
        {"painting": {"regions": []}},
        {"painting": "left"},
    ],
)
def test_a_value_out_of_range_is_refused_before_any_work(model, changes):
    with pytest.raises(ValueError, match=".") as error:
        model.request("a red fox", **changes)
    one_sentence(error.value)


def test_one_embedding_needs_no_list(model):
    assert model.request("a red fox", without="t5").without == ("t5",)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, "float32"])
def test_a_dtype_that_no_recipe_can_name_is_refused(folder, dtype):
    with pytest.raises(ValueError, match="there are torch.bfloat16 and torch.float32"):
        EDiffI.from_pretrained(folder, dtype=dtype)


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_every_seed_in_range_gives_its_own_picture(model, seed):
    one = np.asarray(model.generate("a red fox", seed=seed, steps=2).image)
    other = np.asarray(model.generate("a red fox", seed=seed ^ 1, steps=2).image)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    "changes",
    [
        {"sigma_min": 0.0},
        {"sigma_min": 80.0},
        {"sigma_max": float("inf")},
        {"sigma_max": 0.001},
        {"rho": 0.0},
        {"rho": float("nan")},
    ],
)
def test_a_noise_grid_out_of_range_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))) as error:
        Request("a red fox", 0, 64, replace(SamplingConfig(), **changes))
    one_sentence(error.value)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=3)
)


@given(
    name=st.sampled_from(
        ["prompt", "seed", "size", "steps", "guidance", "solver", "window", "without", "insist"]
    ),
    value=VALUES | st.sampled_from(["16", "64"]) | st.lists(st.floats(), max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_any_value_in_any_place_gives_a_request_or_one_sentence(model, name, value):
    arguments = {"prompt": "a red fox", name: value}
    try:
        assert isinstance(model.request(**arguments), Request)
    except ValueError as error:
        one_sentence(error)


def test_an_unknown_preset_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="giant.*storybook") as error:
        preset("giant")
    one_sentence(error.value)


def flip(path, position=-5):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def remove(path):
    path.unlink()


def add_key(path):
    path.write_text(json.dumps({**json.loads(path.read_text()), "surprise": 1}))


@pytest.mark.parametrize(
    ("harm", "name", "said"),
    [
        (flip, "baseline/model.safetensors", "sha256"),
        (cut, "baseline/model.safetensors", "cut short"),
        (remove, "baseline/model.safetensors", "missing"),
        (remove, "baseline/config.json", "config.json"),
        (add_key, "baseline/config.json", "surprise"),
        (add_key, "model.json", "surprise"),
        (flip, "t5/model.safetensors", "sha256"),
        (cut, "clip/open_clip_model.safetensors", "sha256"),
        (remove, "clip/open_clip_model.safetensors", "missing"),
        (remove, "t5/tokenizer.json", "missing"),
        (remove, "model.json", "no model folder"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_damaged_model_is_refused_by_name(folder, harm, name, said):
    harm(folder / name)
    with pytest.raises((ValueError, FileNotFoundError), match=said) as error:
        EDiffI.from_pretrained(folder)
    assert name.split("/")[0] in one_sentence(error.value)


@pytest.mark.parametrize(
    "source",
    ["", ".", "/", "/dev/null", "no such thing", "storybook/nobody", "a/b/c", "../up", "~"],
)
def test_what_is_no_model_is_refused(source):
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        EDiffI.from_pretrained(source)
    one_sentence(error.value)


def test_a_request_is_cleaned_and_frozen():
    request = Request("a\x00 red\tfox\r\n", 0, 64, SamplingConfig())
    assert request.prompt == "a red fox"
    assert request == Request("a red fox", 0, 64, SamplingConfig())
