"""Table 1's counterpart with canned evaluations, and every configuration opened from files."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import configs
from analysis.configs import Configs, Scored, measure, missing, open_all, table
from ediffi.model_folder import read_model
from tests.fakes import tiny_configs_folder, tiny_model_folder


def test_every_configuration_opens_with_its_own_networks(tmp_path):
    models = open_all(tiny_configs_folder(tmp_path / "tiny"), stage="sr32")
    ran = {}
    for name, model in models.items():
        steps = list(model.steps(model.request("a fox", size=32, steps=9)))
        ran[name] = {expert for step in steps for expert in step.experts}
    halves = {"sr32-low", "sr32-high"}
    assert ran["A"] == {"baseline", "sr32"}
    assert ran["A+"] == {"low", "middle", "high", "sr32"}
    assert ran["B"] == {"baseline"} | halves
    assert ran["C"] == {"rest", "high"} | halves
    assert ran["D"] == {"low", "middle", "high"} | halves


def test_all_paint_the_same_captions_from_the_same_noise(tmp_path, monkeypatch):
    asked = []

    class Found:
        scores = ()
        distances = ()
        unreadable = 0.0
        sampling_seconds = 1.0

    def evaluated(sample, inspector, n, seed, split):
        pictures = sample(["a fox", "an owl"], [seed, seed + 1])
        asked.append((pictures.shape, n, split))
        return Found()

    monkeypatch.setattr(configs, "evaluate", evaluated)
    models = open_all(tiny_configs_folder(tmp_path / "tiny"), ["A", "D"], stage="sr32")
    found = measure(models, inspector=None, n=2, seed=3, size=32)  # type: ignore[arg-type]
    assert asked == [((2, 64, 64, 3), 2, "test")] * 2
    assert [s.name for s in found.scored] == ["A", "D"]
    assert set(found.scored[0].networks) == {"baseline", "sr32"}
    assert "sr32-low" in found.scored[1].networks


def test_what_a_folder_lacks_is_named(tmp_path):
    folder = tiny_model_folder(tmp_path / "tiny")
    with pytest.raises(ValueError, match="no network 'experts'"):
        open_all(folder, ["D"], stage="sr32")


def test_configurations_without_their_networks_are_left_out_and_told(tmp_path):
    folder = tiny_configs_folder(tmp_path / "tiny")
    contents = read_model(folder)
    assert missing(contents, "sr32") == {}
    few = {name: contents.networks[name] for name in ("baseline", "sr32", "low", "middle", "high")}
    gone = missing(replace(contents, networks=few), "sr32")
    assert gone == {
        "B": ("sr32-low", "sr32-high"),
        "C": ("rest", "sr32-low", "sr32-high"),
        "D": ("sr32-low", "sr32-high"),
    }
    found = Configs(10, 0, 32, "test", (Scored("A", (), {}, {}, 0.0, 1.0),), gone)
    assert "Config B was left out: there is no sr32-low and no sr32-high." in table(found)


def test_the_table_and_what_lies_apart():
    def scored(name, thing):
        half = np.float64(0.02).item()
        share, away = (thing, thing - half, thing + half), (10.0, 8.0, 12.5)
        return Scored(name, (), {"thing": share}, {"frechet": away}, 0.0, 1.0)

    found = Configs(10, 0, 256, "test", (scored("A", 0.5), scored("D", 0.6), scored("B", 0.52)))
    assert found.apart("A", "D") == ("thing",) and found.apart("A", "B") == ()
    assert "| thing | 50.0 (48.0 to 52.0) | 60.0 (58.0 to 62.0) |" in table(found)
    assert "| frechet distance, lower is better | 10 (8 to 12.5) | 10 (8 to 12.5) |" in table(found)
