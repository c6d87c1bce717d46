"""The command line: files that carry their recipes, one sentence for every refusal."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ediffi.__main__ import main
from ediffi.recipe import Recipe, read_picture, read_png, write_png
from ediffi.storybook import vocabulary
from ediffi.storybook.inspector import InspectorConfig, InspectorNet
from ediffi.weights import save_network
from tests.fakes import tiny_ensemble_folder, tiny_model_folder

PROMPT = "a red fox under a yellow moon"
INSPECTOR = InspectorConfig(
    kinds=vocabulary.THINGS,
    colours=vocabulary.COLOURS,
    wearables=vocabulary.WEARABLES,
    words=vocabulary.WORDS,
    places=vocabulary.PLACES,
    skies=vocabulary.SKIES,
    styles=vocabulary.STYLES,
    stem=8,
    width=8,
    deep=8,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model_folder(tmp_path_factory.mktemp("models") / "tiny")


def call(*words: object) -> int:
    return main([str(word) for word in words])


def test_a_picture_is_generated_and_replayed_to_the_last_bit(folder, tmp_path, capsys):
    fox, again = tmp_path / "fox.png", tmp_path / "new" / "again.png"
    assert call("generate", PROMPT, "--seed", 7, "--model", folder, "--out", fox) == 0
    assert capsys.readouterr().out.strip() == str(fox)
    recipe = read_png(fox)
    assert (recipe.prompt, recipe.seed, recipe.model) == (PROMPT, 7, "tiny/baseline")
    assert call("replay", fox, "--model", folder, "--out", again) == 0
    told = capsys.readouterr()
    assert "to the last bit" in told.out
    assert told.err == ""
    assert np.array_equal(np.asarray(read_picture(fox)), np.asarray(read_picture(again)))


def test_replay_says_what_is_not_as_it_was_and_how_far_the_pixels_are(folder, tmp_path, capsys):
    fox, other = tmp_path / "fox.png", tmp_path / "other.png"
    call("generate", PROMPT, "--model", folder, "--out", fox)
    recipe = read_png(fox).to_json()
    recipe["environment"]["torch"] = "1.0"
    recipe["seed"] = 1
    write_png(read_picture(fox), Recipe.from_json(recipe), other)
    capsys.readouterr()
    assert call("replay", other, "--model", folder, "--out", tmp_path / "again.png") == 0
    told = capsys.readouterr()
    assert "torch was 1.0, is" in told.err
    assert "Pixels differ by" in told.out


def test_a_picture_of_an_unnamed_model_needs_the_model(folder, tmp_path, capsys):
    fox = tmp_path / "fox.png"
    call("generate", PROMPT, "--model", folder, "--out", fox)
    assert call("replay", fox, "--out", tmp_path / "again.png") == 2
    assert "--model" in capsys.readouterr().err


def test_prompts_times_seeds_and_a_file_of_prompts_fill_a_folder(folder, tmp_path, capsys):
    lines = tmp_path / "prompts.txt"
    # With a byte order mark, and a separator that belongs to the sentence.
    lines.write_text("\ufeffa blue cat\r\n\na green\u2028tree\n", encoding="utf-8")
    out = tmp_path / "out"
    words = ["generate", PROMPT, "--prompt-file", lines, "--seed", 1, 2]
    assert call(*words, "--model", folder, "--steps", 2, "--out", out) == 0
    made = {path.name: read_png(path) for path in out.iterdir()}
    assert len(made) == 6
    assert {(r.prompt, r.seed) for r in made.values()} == {
        (prompt, seed) for prompt in (PROMPT, "a blue cat", "a green tree") for seed in (1, 2)
    }
    assert made["a-blue-cat-2.png"].prompt == "a blue cat"
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_settings_reach_the_recipe(folder, tmp_path):
    out = tmp_path / "a.png"
    words = ["generate", PROMPT, "--model", folder, "--steps", 3, "--guidance", 2.5]
    words += ["--solver", "heun", "--window", 0.1, 9, "--without", "t5", "--size", 16]
    assert call(*words, "--out", out) == 0
    recipe = read_png(out)
    assert (recipe.sampling.steps, recipe.sampling.guidance) == (3, 2.5)
    assert recipe.sampling.solver == "heun"
    assert (recipe.sampling.guidance_low, recipe.sampling.guidance_high) == (0.1, 9)
    assert recipe.without == ("t5",)


def test_notes_about_the_prompt_are_told(folder, tmp_path, capsys):
    words = ["generate", "", "a zeppelin", "--steps", 1, "--model", folder]
    assert call(*words, "--out", tmp_path) == 0
    told = capsys.readouterr().err
    assert "unconditional" in told
    assert "zeppelin" in told


def test_guidance_of_one_expert_reaches_the_recipe(tmp_path, capsys):
    model, out = tiny_ensemble_folder(tmp_path / "model"), tmp_path / "a.png"
    words = ["generate", PROMPT, "--model", model, "--steps", 4, "--out", out]
    assert call(*words, "--expert-guidance", "high=5", "--forget-at-seams") == 0
    sampling = read_png(out).sampling
    own = sampling.per_expert[0]
    assert (own.expert, own.guidance) == ("high", 5.0)
    assert (own.low, own.high) == (sampling.guidance_low, sampling.guidance_high)
    assert not sampling.seam_history
    assert call(*words, "--expert-guidance", "highest=5") == 2
    assert "no expert 'highest'" in capsys.readouterr().err


def test_a_true_render_is_drawn_with_its_caption(tmp_path, capsys):
    out = tmp_path / "scene.png"
    assert call("draw", "--seed", 3, "--size", 64, "--out", out) == 0
    assert read_picture(out).size == (64, 64)
    caption = capsys.readouterr().out.strip()
    assert len(caption) > 5
    assert call("draw", "--seed", 3, "--size", 64, "--out", tmp_path / "b.png") == 0
    assert capsys.readouterr().out.strip() == caption
    assert (tmp_path / "b.png").read_bytes() == out.read_bytes()


def test_presets_are_listed_with_their_sizes(capsys):
    assert call("presets") == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(rows) == {"preset", "tiny", "storybook", "paper"}
    paper = int(rows["paper"].split()[2].replace(",", ""))
    assert 0.8e9 < paper < 1.3e9


def test_an_evaluation_is_printed_and_written(tmp_path, capsys):
    model = tiny_model_folder(tmp_path / "tiny", resolution=64)
    inspector, out = tmp_path / "inspector", tmp_path / "scores.json"
    save_network(inspector, InspectorNet(INSPECTOR).eval(), INSPECTOR, {})
    words = ["evaluate", "--model", model, "--inspector", inspector, "--n", 12, "--steps", 1]
    assert call(*words, "--workers", 1, "--json", out) == 0
    told = capsys.readouterr().out
    assert "12 short captions of test, seed 0" in told
    written = json.loads(out.read_text())
    assert (written["n"], written["model"]) == (12, "tiny/baseline")
    for score in written["scores"]:
        assert score["name"] in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["generate", "--out", "{tmp}"], "0 pictures"),
        (["generate", "a", "--out", "{tmp}/a.jpg"], "no .png"),
        (["generate", "a", "b", "--out", "{tmp}/a.png"], "2 pictures do not fit"),
        (["generate", "a", "--out", "{tmp}/file/a.png"], "Cannot write"),
        (["generate", "a", "--seed", "-1", "--out", "{tmp}", *"--model {model}".split()], "seed"),
        (["generate", "a", "--prompt-file", "{tmp}/none", "--out", "{tmp}"], "Cannot read"),
        (["generate", "a", "--model", "{tmp}", "--out", "{tmp}"], "no model folder"),
        (["generate", "a", "--model", "no such model", "--out", "{tmp}"], "There is no model"),
        (["generate", "a", "--model", "{model}", "--size", "256", "--out", "{tmp}"], "makes 16"),
        (["replay", "{tmp}/none.png", "--out", "{tmp}/a.png"], "no file"),
        (["replay", "{tmp}/file", "--out", "{tmp}/a.png"], "not a PNG"),
        (["draw", "--size", "8", "--out", "{tmp}/a.png"], "size"),
        (["draw", "--seed", "-3", "--out", "{tmp}/a.png"], "-3"),
        (["draw", "--out", "{tmp}/a.gif"], "no .png"),
        (["evaluate", "--model", "{tmp}"], "no model folder"),
        (["evaluate", "--coco", "{tmp}", "--insist", "0.1"], "leave it out with --coco"),
        (["bench", "--rounds", "0"], "rounds"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_nothing(folder, tmp_path, capsys, words, said):
    (tmp_path / "file").write_text("hello")
    filled = [word.format(tmp=tmp_path, model=folder) for word in words]
    assert main(filled) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.startswith("ediffi: ")
    assert len(told.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_place_of_an_error_is_shown_on_request(tmp_path):
    with pytest.raises(ValueError, match="no .png"):
        call("--traceback", "generate", "a", "--out", tmp_path / "a.jpg")


def test_an_unknown_command_is_refused_with_status_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        call("paint")
    assert stopped.value.code == 2
    assert "generate" in capsys.readouterr().err


def test_ctrl_c_ends_quietly_with_what_was_finished(folder, tmp_path):
    """A child of its own, because it is a real signal that must find the way out."""
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from ediffi.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["generate", PROMPT, "--model", str(folder), "--steps", "40", "--out", str(tmp_path)]
    words += ["--seed", *map(str, range(800))]
    child = subprocess.Popen(
        [sys.executable, "-c", script, *words],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 200
    while not any(tmp_path.glob("a-red-fox*.png")) and time.monotonic() < deadline:
        assert child.poll() is None
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=100)
    assert child.returncode == 130
    assert "Traceback" not in told
    assert told.strip().endswith("stopped.")
    made = list(tmp_path.iterdir())
    assert 0 < len(made) < 800
    for path in made:
        assert json.dumps(read_png(path).to_json())
