"""Every study from its command line: on tiny networks, from files, to the record it leaves."""

import sys
from types import SimpleNamespace

import pytest

from analysis import configs, expert_seams, upscaling
from ediffi.files import read_json
from tests.fakes import tiny_cascade_folder, tiny_configs_folder, tiny_ensemble_folder


@pytest.fixture
def run(monkeypatch):
    def study(module, *words):
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, words)])
        return module.main()

    return study


def test_seams_of_an_ensemble_beside_its_baseline(run, tmp_path, capsys):
    folder, out = tiny_ensemble_folder(tmp_path / "tiny"), tmp_path / "seams.json"
    words = "--model", f"{folder}/experts", "--rival", f"{folder}/baseline", "--n", 2, "--out", out
    assert run(expert_seams, *words) == 0
    record = read_json(out)
    assert record["n"] == 2 and set(record["losses"]) == {"ensemble", "baseline"}
    assert [s["above"] for s in record["seams"]] == ["middle", "high"]
    assert capsys.readouterr().out.count("against baseline") == 4


def test_one_network_has_no_seams(run, tmp_path):
    folder = tiny_ensemble_folder(tmp_path / "tiny")
    with pytest.raises(SystemExit, match="baseline is one network: it has no seams"):
        run(expert_seams, "--model", f"{folder}/baseline", "--n", 1)


def test_a_stage_beside_plain_enlargement(run, tmp_path, capsys):
    folder, out = tiny_cascade_folder(tmp_path / "tiny"), tmp_path / "sr32.json"
    assert run(upscaling, "--model", folder, "--stage", "sr32", "--n", 2, "--out", out) == 0
    assert len(read_json(out)["ways"]) == 6
    assert "| lanczos | flawed |" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no stage 'sr256'; it has sr32, sr64"):
        run(upscaling, "--model", folder)


def test_configurations_from_a_folder_of_weights(run, tmp_path, capsys, monkeypatch):
    def evaluated(sample, inspector, n, seed, split):
        share = SimpleNamespace(name="thing", share=sample(["a fox"], [seed]).shape[1] / 128)
        share.low = share.high = share.share
        return SimpleNamespace(scores=[share], distances=[], unreadable=0.0, sampling_seconds=1.0)

    monkeypatch.setattr(configs, "evaluate", evaluated)
    folder, out = tiny_configs_folder(tmp_path / "tiny"), tmp_path / "configs.json"
    words = "--weights", folder, "--stage", "sr32", "--size", 32, "--n", 8, "--out", out
    assert run(configs, *words, "--config", "A", "--config", "D") == 0
    record = read_json(out)
    assert [s["name"] for s in record["scored"]] == ["A", "D"] and record["size"] == 32
    assert record["scored"][0]["scores"] == {"thing": [0.5, 0.5, 0.5]}
    assert capsys.readouterr().out.startswith("| the picture shows | A | D |")
