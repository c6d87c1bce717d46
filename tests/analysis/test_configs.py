"""Table 1's counterpart with a canned reader, and every configuration opened from files."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.configs import Configs, Scored, measure, missing, open_all, table
from analysis.samples import Samples
from ediffi.config import as_json, from_json
from ediffi.model_folder import read_model
from ediffi.storybook.inspector import Reading
from ediffi.storybook.scoring import SCORES
from tests.fakes import tiny_configs_folder, tiny_model_folder


def test_every_configuration_opens_with_its_own_networks(tmp_path):
    models = open_all(tiny_configs_folder(tmp_path / "tiny"), stage="sr32")
    ran = {}
    for name, model in models.items():
        steps = list(model.steps(model.request("a fox", size=32, steps=24)))
        ran[name] = {expert for step in steps for expert in step.experts}
    halves = {"sr32-low", "sr32-high"}
    assert ran["A"] == {"baseline", "sr32"}
    assert ran["A+"] == {"low", "middle", "high", "sr32"}
    assert ran["B"] == {"baseline"} | halves
    assert ran["C"] == {"rest", "high"} | halves
    assert ran["D"] == {"low", "middle", "high"} | halves
    assert ran["four"] == {"quarter0", "quarter1", "quarter2", "quarter3", "sr32"}


N = 8


class Reader:
    """Sees the true page in true renders, and nothing but a style in what is painted."""

    def features(self, images):
        return images.reshape(len(images), -1)[:, ::3000].astype(float)

    def read(self, images):
        return [Reading(True, (), style="flat")] * len(images)


def test_all_paint_the_same_captions_from_the_same_noise_once(tmp_path):
    models = open_all(tiny_configs_folder(tmp_path / "tiny"), ["A", "A+", "D"], stage="sr32")
    samples, told = Samples(tmp_path / "samples"), []
    for _ in range(2):
        found = measure(models, Reader(), samples, N, 3, 32, tell=lambda *turn: told.append(turn))
        assert samples.sampled == 3 * N, "the second run paints nothing"
    assert [s.name for s in found.scored] == ["A", "A+", "D"]
    assert set(found.scored[0].networks) == {"baseline", "sr32"}
    assert "sr32-low" in found.scored[2].networks
    assert ("sampling", N, N) in told
    first, plus, d = found.scored
    for each in found.scored:
        asked = {name: letters.replace("-", "") for name, letters in each.shown.items()}
        for name, (share, _, _) in each.scores.items():
            assert share == asked[name].count("1") / len(asked[name])
        assert all(len(letters) == N for letters in each.shown.values())
        assert set(each.distances) == {"frechet", "kernel"} and each.unreadable == 0
    assert first.saved is None
    for each in (plus, d):
        far = first.distances["frechet"][0] - each.distances["frechet"][0]
        assert each.saved and each.saved[0] == pytest.approx(far)
    assert from_json(Configs, as_json(found)) == found
    assert "| frechet distance saved beside A, paired | – | " in table(found)


@pytest.mark.parametrize("n, names", [(7, ["A"]), (8, [])])
def test_too_little_for_a_table_is_refused(tmp_path, n, names):
    models = open_all(tiny_configs_folder(tmp_path / "tiny"), names, stage="sr32")
    with pytest.raises(ValueError, match="needs 8 captions and a model, not"):
        measure(models, Reader(), Samples(tmp_path / "samples"), n)


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
        "four": ("quarter0", "quarter1", "quarter2", "quarter3"),
    }
    found = Configs(10, 0, 32, "test", (Scored("A", (), {}, {}, 0.0, {}),), gone)
    lacking = "there is no network 'sr32-low' and no network 'sr32-high'."
    assert f"Config B was left out: {lacking}" in table(found)


def test_the_table_and_what_lies_apart():
    def scored(name, thing):
        half = np.float64(0.02).item()
        share, away = (thing, thing - half, thing + half), (10.0, 8.0, 12.5)
        return Scored(name, (), {"thing": share}, {"frechet": away}, 0.0, {})

    found = Configs(10, 0, 256, "test", (scored("A", 0.5), scored("D", 0.6), scored("B", 0.52)))
    assert found.apart("A", "D") == ("thing",) and found.apart("A", "B") == ()
    shown = f"| {SCORES['thing']} | 50.0 (48.0 to 52.0) | 60.0 (58.0 to 62.0) |"
    assert shown in table(found)
    assert "| frechet distance, lower is better | 10 (8 to 12.5) | 10 (8 to 12.5) |" in table(found)
