"""Long lists of pictures: their files, their shares, and what is there already."""

from pathlib import Path

import numpy as np
import pytest

from ediffi.__main__ import main
from ediffi.recipe import read_picture
from ediffi.worklist import device_of, output_paths, parse_share
from tests.fakes import tiny_model_folder

PROMPT = "a red fox under a yellow moon"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model_folder(tmp_path_factory.mktemp("models") / "tiny")


def paint(*words: object) -> int:
    return main([str(word) for word in words])


def test_a_list_is_shared_by_processes_and_goes_on_where_it_stopped(
    folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("ediffi.worklist.BLOCK", 4)
    lines = tmp_path / "prompts.txt"
    # Short and long prompts are batched apart, the same one twice has two files.
    prompts = ["a blue cat", "a tree " * 40, "an owl", "a fox", "a hen", "a blue cat", "a boat"]
    lines.write_text("\n".join(prompts), encoding="utf-8")
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    words = ["generate", "--prompt-file", lines, "--model", folder, "--steps", 2]
    assert paint(*words, "--out", alone) == 0
    names = sorted(path.name for path in alone.iterdir())
    assert len(names) == 7
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", "2")
        assert paint(*words, "--out", shared) == 0
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name)
    assert sorted(path.name for path in shared.iterdir()) == names
    kept = {name: (shared / name).read_bytes() for name in names}
    (shared / "a-fox-0.png").unlink()
    capsys.readouterr()
    assert paint(*words, "--out", shared, "--resume") == 0
    made = capsys.readouterr().out.split()
    # The whole batch of the missing picture is painted again, and nothing else.
    assert sorted(Path(path).name for path in made) == [
        "a-blue-cat-0.png",
        "a-fox-0.png",
        "an-owl-0.png",
    ]
    for name in names:
        again, first = read_picture(shared / name), read_picture(alone / name)
        assert np.array_equal(np.asarray(again), np.asarray(first))
    assert (shared / "a-boat-0.png").read_bytes() == kept["a-boat-0.png"]


def test_a_picture_of_other_settings_is_not_taken_for_the_one_that_is_asked(
    folder, tmp_path, capsys
):
    words = ["generate", PROMPT, "--model", folder, "--out", tmp_path]
    assert paint(*words, "--steps", 2) == 0
    made = (tmp_path / "a-red-fox-under-a-yellow-moon-0.png").read_bytes()
    assert paint(*words, "--steps", 3, "--resume") == 2
    assert "of other settings or weights" in capsys.readouterr().err
    assert (tmp_path / "a-red-fox-under-a-yellow-moon-0.png").read_bytes() == made


def test_a_gap_before_a_picture_of_other_settings_does_not_hide_it(folder, tmp_path, capsys):
    words = ["generate", "a fox", "--seed", 3, 4, "--model", folder, "--out", tmp_path]
    assert paint(*words, "--steps", 2) == 0
    (tmp_path / "a-fox-3.png").unlink()
    made = (tmp_path / "a-fox-4.png").read_bytes()
    assert paint(*words, "--steps", 3, "--resume") == 2
    assert "of other settings or weights" in capsys.readouterr().err
    assert (tmp_path / "a-fox-4.png").read_bytes() == made
    assert not (tmp_path / "a-fox-3.png").exists()


def test_shares_are_checked():
    assert parse_share("2/3", {}) == (2, 3) and parse_share(None, {}) == (0, 1)
    assert parse_share(None, {"RANK": "1", "WORLD_SIZE": "2"}) == (1, 2)
    for wrong in ("3/3", "1", "-1/2", "a/b", "0/0"):
        with pytest.raises(ValueError, match="is no share such as 0/4"):
            parse_share(wrong, {})
    assert device_of("cuda", {"LOCAL_RANK": "3"}) == "cuda:3"
    assert device_of("cpu", {"LOCAL_RANK": "3"}) == "cpu" and device_of("cuda", {}) == "cuda"


def test_file_names_are_safe_and_never_shared(tmp_path):
    asked = [("../../etc/Passwd!", 1), ("שלום", 1), ("🦊", 1), ("", 2), ("x" * 2000, 3)]
    paths = output_paths(asked, tmp_path)
    assert len(set(paths)) == len(asked)
    for path in paths:
        assert path.parent == tmp_path
        assert len(path.name) < 90
    assert paths[0].name == "etc-passwd-1.png"
    assert [path.name for path in paths[1:4]] == [
        "picture-1.png",
        "picture-1-2.png",
        "picture-2.png",
    ]
