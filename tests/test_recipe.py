"""Recipes: into the PNG and back, and one sentence for whatever is no recipe."""

import json
from dataclasses import replace
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ediffi.config import SamplingConfig, StageChoice
from ediffi.recipe import (
    XMP_CHUNK,
    BatchShape,
    Environment,
    Recipe,
    differences,
    png_bytes,
    read_picture,
    read_png,
    write_png,
)

HERE = Environment("0.1.0", "2.14.1", "cpu", "AVX512", "bfloat16", 2)
RECIPE = Recipe(
    prompt='a "fox"\\ with ümlaut 🦊 שלום',
    seed=2**64 - 1,
    size=64,
    sampling=SamplingConfig(guidance_high=12.5),
    model="storybook/baseline",
    weights={"baseline": "ab" * 32},
    environment=HERE,
    batch=BatchShape(4, 2, 11, 9),
    without=("t5",),
    painting={"format": 1, "regions": []},
)
PICTURE = Image.fromarray(np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3))


def save(path, **chunks):
    info = PngInfo()
    for name, text in chunks.items():
        info.add_text(name, text)
    PICTURE.save(path, pnginfo=info)
    return path


def test_a_recipe_survives_the_png_and_so_do_the_pixels(tmp_path):
    path = tmp_path / "fox.png"
    write_png(PICTURE, RECIPE, path)
    assert read_png(path) == RECIPE
    assert np.array_equal(np.asarray(read_picture(path)), np.asarray(PICTURE))
    assert path.read_bytes() == png_bytes(PICTURE, RECIPE)


def test_a_picture_says_that_a_trained_model_made_it(tmp_path):
    path = tmp_path / "fox.png"
    write_png(PICTURE, RECIPE, path)
    with Image.open(path) as opened:
        packet = opened.info[XMP_CHUNK]
    root = fromstring(packet)
    iptc = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    (found,) = root.iter(iptc)
    assert found.text == ("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia")
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert root.tag == "{adobe:ns:meta/}xmpmeta" and kinds >= {"RDF", "Description"}


@given(
    prompt=st.text(max_size=60),
    seed=st.integers(0, 2**64 - 1),
    guidance=st.floats(0, 30),
    without=st.lists(st.sampled_from(["t5", "clip_text", "clip_image"]), max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_every_recipe_survives_json(prompt, seed, guidance, without):
    sampling = replace(RECIPE.sampling, guidance=guidance)
    recipe = replace(RECIPE, prompt=prompt, seed=seed, sampling=sampling, without=tuple(without))
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(name=st.sampled_from(sorted(RECIPE.to_json())), value=JSON)
@settings(max_examples=150, deadline=None)
def test_any_value_in_any_place_gives_a_recipe_or_one_sentence(name, value):
    try:
        Recipe.from_json({**RECIPE.to_json(), name: value})
    except ValueError as error:
        assert len(str(error)) < 400


@given(text=st.text(alphabet='{}[]",:0123456789.eE+-naulNIfity\\', max_size=60))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_in_the_chunk_gives_one_sentence(tmp_path, text):
    path = save(tmp_path / "a.png", ediffi=text)
    with pytest.raises(ValueError, match="recipe"):
        read_png(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "not readable JSON"),
        ("9" * 10_000, "not readable JSON|no format"),
        ("x" * 1_300_000, "1300000 characters"),
        ('{"format": 5}', "newer ediffi"),
        ('{"format": true}', "no format"),
        ("null", "no format"),
    ],
)
def test_a_broken_chunk_says_what_is_wrong(tmp_path, text, said):
    with pytest.raises(ValueError, match=said):
        read_png(save(tmp_path / "a.png", ediffi=text))


def test_a_recipe_from_before_insisting_does_not_insist():
    sampling = dict(RECIPE.to_json()["sampling"])
    del sampling["insist"]
    old = RECIPE.to_json() | {"format": 2, "sampling": sampling}
    assert Recipe.from_json(old) == replace(RECIPE, format=2)


def test_a_recipe_from_before_softening_softens_nothing():
    stage = StageChoice("sr256", replace(RECIPE.sampling, soften=0.0))
    told = replace(RECIPE, stages=(stage,)).to_json()
    for sampling in (told["sampling"], told["stages"][0]["sampling"]):
        del sampling["soften"]
    old = Recipe.from_json(told | {"format": 3})
    assert old.stages == (stage,) and old.format == 3


def test_an_unknown_or_missing_entry_is_named():
    with pytest.raises(ValueError, match="colour"):
        Recipe.from_json({**RECIPE.to_json(), "colour": "red"})
    lacking = RECIPE.to_json()
    del lacking["seed"]
    with pytest.raises(ValueError, match="seed"):
        Recipe.from_json(lacking)


def test_a_picture_without_recipe_says_so(tmp_path):
    with pytest.raises(ValueError, match="carries no recipe"):
        read_png(save(tmp_path / "a.png", Comment="hello"))


def test_what_is_no_png_says_so(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(FileNotFoundError, match="no file"):
        read_png(path)
    for data in (b"", b"hello", b"\x89PNG\r\n\x1a\n"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="PNG"):
            read_png(path)
    PICTURE.save(path, format="JPEG")
    with pytest.raises(ValueError, match="not a PNG"):
        read_png(path)
    with pytest.raises(ValueError, match="PNG"):
        read_png(tmp_path)


@given(position=st.integers(0, 10_000), value=st.integers(0, 255), keep=st.integers(0, 10_000))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_file_gives_the_recipe_or_one_sentence(tmp_path, position, value, keep):
    data = bytearray(png_bytes(PICTURE, RECIPE))
    data[position % len(data)] = value
    path = tmp_path / "a.png"
    path.write_bytes(bytes(data[: keep % len(data) + 1]))
    try:
        read_png(path)
        read_picture(path)
    except ValueError as error:
        assert str(path) in str(error)


def test_differences_name_what_is_not_as_it_was():
    assert differences(RECIPE, HERE, RECIPE.weights) == ()
    there = replace(HERE, threads=8, torch="2.15.0")
    found = differences(RECIPE, there, {"baseline": "cd" * 32, "t5": "ef" * 32})
    assert found == (
        "torch was 2.14.1, is 2.15.0",
        "threads was 2, is 8",
        "weights of baseline were abababababab, are cdcdcdcdcdcd",
        "weights of t5 were absent, are efefefefefef",
    )


def test_the_environment_is_this_process():
    here = Environment.here(torch.device("cpu"), torch.bfloat16)
    assert here.threads == torch.get_num_threads()
    assert (here.torch, here.dtype, here.device) == (torch.__version__, "bfloat16", "cpu")
