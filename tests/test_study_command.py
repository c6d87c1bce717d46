"""`python -m ediffi study`: one, all, none, and what is refused."""

import sys

import pytest

import analysis
from analysis import register
from analysis.records import read_record
from ediffi.__main__ import main
from tests.fakes import tiny_ensemble_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_ensemble_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def call(folder, tmp_path):
    def study(*words):
        places = "--out", tmp_path / "out", "--samples", tmp_path / "samples", "--model", folder
        return main([str(word) for word in ("study", *words, *places)])

    return study


def test_the_list_names_every_study_with_its_needs(capsys):
    assert main(["study", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [one.name for one in register.STUDIES]
    assert "needs experts, stages" in lines[-1]


def test_a_study_is_measured_kept_and_redrawn(call, capsys, tmp_path):
    assert call("expert_ranges", "--n", 18) == 0
    assert "expert_ranges: measured: " in capsys.readouterr().out
    assert call("expert_ranges", "--n", 18) == 0
    assert capsys.readouterr().out.endswith("1 kept\n")
    figure = tmp_path / "out/expert_ranges.png"
    figure.unlink()
    assert call("expert_ranges", "--redraw") == 0
    assert capsys.readouterr().out.strip() == str(figure) and figure.exists()
    assert read_record(tmp_path / "out/expert_ranges.json").n == 18


def test_all_of_them_go_on_past_what_does_not_apply(call, capsys, monkeypatch, tmp_path):
    chosen = ("expert_ranges", "expert_seams", "seam_history", "variations", "upscaling")
    few = tuple(one for one in register.STUDIES if one.name in chosen)
    monkeypatch.setattr(register, "STUDIES", few)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/variations.json").write_text("{}")
    assert call("all", "--n", 2) == 1
    told = capsys.readouterr().out
    assert "upscaling: left out: it needs stages, which" in told
    assert "variations: failed: " in told and "stays as it is" in told
    assert told.endswith("3 measured, 1 left out, 1 failed\n")
    assert read_record(tmp_path / "out/expert_seams.json").found["gains"][0]["rival"] == "baseline"
    assert call("variations", "--n", 2, "--seed", 3) == 1
    (tmp_path / "out/variations.json").unlink()
    assert call("variations", "--n", 2) == 0
    assert read_record(tmp_path / "out/variations.json").found["seeds"] == 4


@pytest.mark.parametrize(
    "words, told",
    [
        (("fid",), "There is no study 'fid'; there are expert_ranges"),
        (("expert_ranges", "--n", 0), "n is 0 and must lie between 2 and 10000"),
        (("all", "--n", 1), "n is 1 and must lie between 2 and 10000"),
        (("variations", "--redraw"), "variations.json is missing"),
    ],
)
def test_what_cannot_be_is_one_sentence(call, capsys, words, told):
    assert call(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith("ediffi: ") and told in error and error.count("\n") == 1


def test_a_results_folder_that_cannot_be_written_is_named(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    words = ["study", "expert_ranges", "--model", str(folder), "--out", str(tmp_path / "file")]
    assert main(words) == 2
    assert f"Cannot write {tmp_path / 'file'}" in capsys.readouterr().err


def test_without_what_studies_need_the_command_says_so(monkeypatch, capsys):
    monkeypatch.delattr(analysis, "register", raising=False)
    monkeypatch.setitem(sys.modules, "analysis.register", None)
    assert main(["study", "list"]) == 2
    assert "Studies need analysis.register: pip install" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["attention_over_noise", "prompt_switching", "embedding_ablation"])
def test_a_study_of_what_is_heard_is_measured_and_drawn_again(call, tmp_path, name):
    assert call(name, "--n", 2) == 0
    figure = tmp_path / "out" / f"{name}.png"
    first = figure.read_bytes()
    assert first.startswith(b"\x89PNG") and len(first) > 10_000
    figure.unlink()
    assert call(name, "--redraw") == 0
    assert figure.stat().st_size > 10_000
