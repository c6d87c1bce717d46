"""A network on one's own pictures: the README's lines, its record, resuming, experts, stages."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ediffi.__main__ import build_parser, main
from ediffi.build import build_denoiser
from ediffi.config import DenoiserConfig
from ediffi.diffusion.noise import EVERYTHING
from ediffi.experts.records import Descent
from ediffi.experts.tree import Part
from ediffi.presets import preset
from ediffi.recipe import read_png
from ediffi.shards.encoding import Embedder
from ediffi.shards.making import make_shards
from ediffi.training.job import averaged
from ediffi.training.own_data import OwnPictures
from ediffi.training.own_run import OwnRun, network_for, train_own
from ediffi.weights import json_object, load_network, load_state
from tests.fakes import FakeEncoders
from tests.shards.collections_at_hand import collection, source, work

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENCODERS = preset("tiny").base.encoders


def tiny_shards(folder: Path, resolution: int = 16) -> Path:
    """Shards for the tiny preset, with fake embeddings of its widths."""
    side = 2 * resolution
    asked = work(collection(folder / "pictures", 6, (side, side)), folder / "shards")
    asked = replace(
        asked,
        settings=replace(asked.settings, resolution=resolution),
        embedder=Embedder(FakeEncoders(ENCODERS)),
        source=source(ENCODERS),
    )
    make_shards(asked, say=lambda text: None)
    return folder / "shards"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_shards(tmp_path_factory.mktemp("own"))


def train(data: Path, out: Path, **changes):
    told = []
    run = OwnRun(data, "tiny", out, **{"pictures": 16, "batch": 8, **changes})
    return train_own(run, told.append), told


def test_the_lines_of_the_readme_work(tmp_path, monkeypatch, capsys):
    start = README.index("\n## Your own pictures\n")
    lines = re.findall(
        r"^python -m ediffi (.+)$", README[start : README.index("\n## ", start + 1)], re.MULTILINE
    )
    commands = [line.split()[0] for line in lines]
    assert commands == ["shard", "train", "generate", "train", "generate"]
    collection(tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    for line in lines:
        assert main(shlex.split(line)) == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    assert "kept 12 pictures of 16 px (shards: 1), left out 0" in told
    assert "start" not in read_png(tmp_path / "cat.png").weights
    assert {"network", "start"} <= read_png(tmp_path / "cat-with-expert.png").weights.keys()
    mine, high = (
        json_object(Path("runs") / n / "network" / "record.json") for n in ("mine", "high")
    )
    assert mine["pictures"] == high["pictures"] == 16
    assert mine["encoders"] == high["encoders"] != ""
    assert high["base"] == mine["base"] and high["lineage"] == ["mine", "high"]


def test_a_network_folder_says_where_it_comes_from(data, tmp_path):
    folder, told = train(data, tmp_path / "run")
    assert folder is not None
    assert folder == tmp_path / "run" / "network" and "16 pictures" in told[-1]
    module, config, state = load_network(folder, DenoiserConfig, build_denoiser)
    assert config == preset("tiny").base
    record = state.record
    assert (record["pictures"], record["training"]["batch"]) == (16, 8)
    assert record["data"]["pictures"] == 6 and sum(record["drawn"].values()) == 16
    assert Descent.from_json(record).serves == EVERYTHING
    assert all(torch.isfinite(parameter).all() for parameter in module.parameters())
    assert (tmp_path / "run" / "captions.txt").read_text().count("\n") == 6
    assert not (tmp_path / "run" / "model.json").exists(), "its encoders lie nowhere"


def test_a_run_goes_on_and_other_settings_are_refused(data, tmp_path):
    train(data, tmp_path / "run")
    folder, told = train(data, tmp_path / "run", pictures=32)
    assert folder and json_object(folder / "record.json")["pictures"] == 32
    assert "goes on after" in told[0]
    for changes, said in (
        ({"batch": 4}, "batch was 8 and is 4"),
        ({"part": Part.parse("(9, 511)")}, r"node was \(0, 0\) and is \(9, 511\)"),
        ({"start": folder}, "start was None"),
    ):
        with pytest.raises(ValueError, match=said):
            train(data, tmp_path / "run", **changes)


def test_a_stopped_run_ends_like_ctrl_c_and_goes_on(data, tmp_path, monkeypatch, capsys):
    inner = OwnPictures.batch

    def stopped(self, positions):
        os.kill(os.getpid(), signal.SIGINT)
        monkeypatch.setattr(OwnPictures, "batch", inner)
        return inner(self, positions)

    monkeypatch.setattr(OwnPictures, "batch", stopped)
    words = ["train", "--data", data, "--preset", "tiny", "--out", tmp_path / "run", "--batch", 8]
    words = list(map(str, [*words, "--pictures", 800]))
    assert main(words) == 130
    assert "stopped and saved" in capsys.readouterr().out
    assert not (tmp_path / "run" / "network").exists()
    seen = averaged(tmp_path / "run", build_denoiser(preset("tiny").base))["pictures"]
    assert main([*words[:-1], str(seen + 8)]) == 0
    record = json_object(tmp_path / "run" / "network" / "record.json")
    assert record["pictures"] == sum(record["drawn"].values()) == seen + 8


def test_experts_draw_their_noise_in_their_part_only(data, tmp_path):
    whole, _ = train(data, tmp_path / "whole")
    assert whole
    for name, text in (("high", "(9, 511)"), ("middle", "-(9, 511) -(3, 0)")):
        part = Part.parse(text)
        folder, _ = train(data, tmp_path / name, start=whole, part=part)
        assert folder
        record = json_object(folder / "record.json")
        descent = Descent.from_json(record)
        assert descent.part == part and descent.trained_on == part.intervals()
        assert descent.serves == part.intervals()[0]
        assert descent.parent == "network" and descent.lineage == ("whole", name)
        edges = [0, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 1e9]
        for count, high in zip(record["drawn"].values(), edges[1:], strict=True):
            if not any(i.low < high for i in descent.trained_on):
                assert count == 0
    assert sum(record["drawn"].values()) == 16
    assert record["base"] == json_object(whole / "record.json")["base"]


def test_the_side_of_the_pictures_chooses_the_network(tmp_path):
    of = preset("paper")
    assert network_for(of, 64) == (of.base, None)
    assert network_for(of, 1024) == (of.stages[1].denoiser, of.stages[1])
    with pytest.raises(ValueError, match="of 100 px, and the preset paper makes 64, 256, 1024"):
        network_for(of, 100)
    folder, _ = train(tiny_shards(tmp_path, 32), tmp_path / "run", pictures=8)
    assert folder and load_network(folder, DenoiserConfig, build_denoiser)[1].name == "sr32"


@pytest.mark.slow
def test_two_processes_train_what_one_trains_and_one_of_them_writes(data, tmp_path):
    words = ["-m", "ediffi", "train", "--data", data, "--preset", "tiny", "--pictures", 16]
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", 2]
    done = subprocess.run(
        [sys.executable, *map(str, [*launch, *words, "--out", tmp_path / "two"])],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote") == 1
    one, _ = train(data, tmp_path / "one")
    assert one
    alone, shared = load_state(one), load_state(tmp_path / "two" / "network")
    assert shared.record["pictures"] == 16
    for name, tensor in alone.tensors.items():
        assert torch.allclose(tensor.float(), shared.tensors[name].float(), atol=2e-3), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what to train"),
        (["--data", "{data}", "--node", "(9, 512)"], "512"),
        (["--data", "{data}", "--node", "nobody"], "'nobody' is no node"),
        (["--data", "{data}", "--node", ""], "'' is no node"),
        (["--data", "{data}", "--node=-(0, 0)"], "nothing is left"),
        (["--data", "{data}", "--preset", "giant"], "unknown preset 'giant'"),
        (["--data", "{data}", "--preset", "paper"], "t5 embeddings of 192 numbers"),
        (["--data", "{data}", "--preset", "storybook"], "pictures of 16 px"),
        (["--data", "{data}", "--preset", "tiny", "--pictures", "0"], "pictures is 0"),
        (["--data", "{data}", "--preset", "tiny", "--batch", "-1"], "batch is -1"),
        (["--data", "{data}", "--preset", "tiny", "--shard-weights"], "start it by torchrun"),
        (["--data", "{data}", "--preset", "tiny", "--start", "{tmp}"], "no weights"),
        (["--data", "{tmp}", "--preset", "tiny"], "no finished shards"),
        (["--data", "{data}", "--preset", "tiny", "--out", "{data}"], "is not empty"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_nothing(data, tmp_path, capsys, words, said):
    filled = [word.format(data=data, tmp=tmp_path) for word in words]
    if "--out" not in filled:
        filled += ["--out", str(tmp_path / "run")]
    before = sorted(path.name for path in data.iterdir())
    assert main(["train", *filled]) == 2
    told = capsys.readouterr().err
    assert said in told and told.startswith("ediffi: ") and len(told.splitlines()) == 1
    assert not any(tmp_path.iterdir())
    assert sorted(path.name for path in data.iterdir()) == before


def test_the_recipe_of_the_shipped_model_keeps_its_own_words():
    given = build_parser().parse_args(["train", "storybook", "--part", "t5", "--pictures", "9"])
    assert given.recipe == "storybook" and given.data is None and given.pictures is None
    assert given.options == ["--part", "t5", "--pictures", "9"]


def test_a_start_of_other_encoders_is_refused(data, tmp_path):
    folder, _ = train(data, tmp_path / "run")
    assert folder
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps({**record, "encoders": "f" * 16}))
    with pytest.raises(ValueError, match="trained with the encoders ffff"):
        train(data, tmp_path / "other", start=folder)
    assert not (tmp_path / "other").exists()
