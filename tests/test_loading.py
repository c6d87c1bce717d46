"""Models from folders and from the hub: what is read, what is refused, in which precision."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ediffi.conditioning.folders import fingerprint
from ediffi.pipeline import EDiffI
from ediffi.precision import fastest_dtype
from tests.fakes import FakeEncoders, apart, tiny_model_folder

PROMPT = "a red fox under a yellow moon"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model_folder(tmp_path_factory.mktemp("tiny"))


def test_a_model_folder_is_loaded_and_named_in_the_recipe(folder):
    model = EDiffI.from_pretrained(folder, dtype=torch.float32)
    result = model.generate(PROMPT, seed=1)
    assert result.recipe.model == f"{folder.name}/baseline"
    assert set(result.recipe.weights) == {
        "baseline",
        "t5/model.safetensors",
        "t5/tokenizer.json",
        "clip/open_clip_model.safetensors",
        "clip/tokenizer.json",
    }
    same = EDiffI.from_pretrained(folder / "baseline", dtype=torch.float32)
    assert apart(same.replay(result.recipe).image, result.image) == 0


def test_half_precision_gives_nearly_the_same_picture(folder):
    full = EDiffI.from_pretrained(folder, dtype=torch.float32)
    half = EDiffI.from_pretrained(folder, dtype=torch.bfloat16)
    one, other = full.generate(PROMPT, seed=3), half.generate(PROMPT, seed=3)
    mean = np.abs(np.asarray(one.image, np.int16) - np.asarray(other.image, np.int16)).mean()
    assert mean < 8
    assert other.recipe.environment.dtype == "bfloat16"


def test_a_network_trained_on_other_encoders_is_refused(folder, monkeypatch):
    from ediffi import loading
    from ediffi.config import EncoderDims

    wrong = FakeEncoders(EncoderDims(t5=8, clip=8, pooled=8, image=8))
    monkeypatch.setattr(loading, "load_encoders", lambda t5, clip: wrong)
    with pytest.raises(ValueError, match="was trained on"):
        EDiffI.from_pretrained(folder)


def test_a_network_whose_record_names_other_encoders_is_told_of(folder, tmp_path):
    copied = Path(shutil.copytree(folder, tmp_path / "copied"))
    path = copied / "baseline" / "record.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    there = fingerprint(copied / "t5", copied / "clip")
    path.write_text(json.dumps(record | {"encoders": there}), encoding="utf-8")
    EDiffI.from_pretrained(copied)
    path.write_text(json.dumps(record | {"encoders": "0123456789abcdef"}), encoding="utf-8")
    with pytest.warns(UserWarning, match=f"with the encoders 0123456789abcdef, and .* {there}"):
        EDiffI.from_pretrained(copied)


def test_a_hub_model_without_network_is_one_sentence():
    with pytest.raises(FileNotFoundError, match="could not be fetched.*give its folder"):
        EDiffI.from_pretrained("nobody/nothing-here")


def test_a_hub_model_is_read_as_a_folder_of_json_and_safetensors(folder, monkeypatch):
    import huggingface_hub

    asked = {}

    def snapshot(repository, allow_patterns):
        asked.update(repository=repository, patterns=allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    model = EDiffI.from_pretrained("someone/storybook")
    assert asked == {"repository": "someone/storybook", "patterns": ["*.safetensors", "*.json"]}
    assert model.model.name == "someone/storybook/baseline"


def test_the_fast_dtype_is_one_of_the_two():
    assert fastest_dtype(torch.device("cpu")) in (torch.bfloat16, torch.float32)
