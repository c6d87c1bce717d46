"""The recipe's order and bookkeeping with quick parts, and the whole of it in miniature."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from analysis.judge import load_judge
from ediffi.build import build_denoiser
from ediffi.conditioning import cache
from ediffi.config import DenoiserConfig
from ediffi.experts.ensemble import Ensemble
from ediffi.files import read_json
from ediffi.pipeline import EDiffI
from ediffi.presets import preset
from ediffi.storybook.captions import SIDEWAYS
from ediffi.storybook.dataset import render_shards
from ediffi.storybook.scene import Scene
from ediffi.training import folders, jobs, lineage, parts, plans, storybook
from ediffi.training.inspector import read_shards
from ediffi.training.parts import Cut, Part
from ediffi.weights import load_network, save_network
from tests.training.worlds import CountingEncoders, write_shards


@pytest.fixture
def recipe(monkeypatch):
    """A recipe of three parts that write down when they ran; `cut` parts stop halfway."""
    ran, cut, settings = [], set(), {"a": 1, "b": 2, "c": 3}

    def listed(self):
        def work(name):
            def do():
                ran.append(name)
                if name in cut:
                    raise Cut(name)
                return {"name": name}

            return do

        return [Part(name, {"value": value}, work(name)) for name, value in settings.items()]

    monkeypatch.setattr(parts.Recipe, "parts", listed)
    return ran, cut, settings


def test_a_phase_can_begin_with_the_weights_of_a_network_folder(tmp_path):
    for split in ("train", "validation"):
        cache.build_cache(write_shards(tmp_path / "data" / split), CountingEncoders())
    base = preset("tiny").base
    torch.manual_seed(3)
    shipped = build_denoiser(base)
    save_network(tmp_path / "shipped", shipped, base, {}, torch.float32)
    plan = plans.plan("tiny")
    begun = parts.Recipe(tmp_path, plan, start=tmp_path / "shipped").job(plan.phases[0]).module
    for name, value in shipped.state_dict().items():
        assert torch.equal(begun.state_dict()[name], value), name
    with pytest.raises(FileNotFoundError):
        parts.Recipe(tmp_path, plan, start=tmp_path / "gone").job(plan.phases[0])


def test_experts_that_begin_with_one_folder_share_its_mark(tmp_path):
    for split in ("train", "validation"):
        cache.build_cache(write_shards(tmp_path / "data" / split), CountingEncoders())
    base = preset("tiny").base
    shipped = build_denoiser(base)
    save_network(tmp_path / "base", shipped, base, {"pictures": 8}, torch.float32)
    for name in ("high", "low"):
        small = replace(plans.plan("tiny").phase(name), resolution=8)
        plan = plans.plan("tiny").with_phase(small)
        parts.Recipe(tmp_path, plan, start=tmp_path / "base").job(small)
    marks = {name: lineage.base_of(tmp_path / name) for name in ("high", "low")}
    assert set(marks.values()) == {lineage.weights_mark(shipped.state_dict())}


def test_an_expert_that_goes_on_from_its_own_file_keeps_its_base(tmp_path):
    for split in ("train", "validation"):
        cache.build_cache(write_shards(tmp_path / "data" / split), CountingEncoders())
    base, record = preset("tiny").base, {"pictures": 8, "base": "0123456789abcdef"}
    save_network(tmp_path / "given", build_denoiser(base), base, record, torch.float32)
    small = replace(plans.plan("tiny").phase("high"), resolution=8)
    plan = plans.plan("tiny").with_phase(small)
    parts.Recipe(tmp_path, plan, start=tmp_path / "given").job(small)
    assert lineage.base_of(tmp_path / "high") == "0123456789abcdef"


@pytest.mark.parametrize(
    "only", [(), ("draw",), ("base8", "base16"), ("base16", "middle"), ("remake", "sr32")]
)
def test_weights_to_begin_with_belong_to_one_phase(tmp_path, only):
    with pytest.raises(ValueError, match="start is what one phase begins with, but"):
        storybook.train_storybook(
            tmp_path, plans.plan("tiny"), only, "cpu", lambda text: None, tmp_path
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "device, asked, compiled",
    [
        ("cpu", True, False),
        ("cuda", False, False),
        ("cuda", True, True),
    ],
)
def test_a_phase_is_compiled_on_a_gpu_where_it_asks_for_it(
    tmp_path, monkeypatch, device, asked, compiled
):
    for split in ("train", "validation"):
        cache.build_cache(write_shards(tmp_path / "data" / split), CountingEncoders())
    brought = []
    monkeypatch.setattr(jobs, "brought", lambda source, to: brought.append(to.type) or source)
    plan = plans.plan("tiny")
    phase = replace(plan.phases[0], compiled=asked)
    job = parts.Recipe(tmp_path, plan.with_phase(phase), device).job(phase)
    assert job.compiled is compiled and brought == [device]


def go(folder, only=()):
    said = []
    seconds = storybook.train_storybook(folder, plans.plan("tiny"), only, "cpu", said.append)
    return seconds, said


def test_parts_run_in_order_once_and_print_their_seconds(tmp_path, recipe):
    ran = recipe[0]
    seconds, said = go(tmp_path)
    assert ran == ["a", "b", "c"] and list(seconds or ()) == ["a", "b", "c"]
    assert "a 0 s  b 0 s  c 0 s" in said[-1]
    go(tmp_path)
    assert ran == ["a", "b", "c"]
    record = json.loads((tmp_path / "done" / "b.json").read_text())
    assert record["facts"] == {"name": "b"} and record["seconds"] >= 0


def test_a_changed_part_runs_again_with_all_that_follow(tmp_path, recipe):
    ran, _, settings = recipe
    go(tmp_path)
    settings["b"] = 20
    go(tmp_path)
    assert ran == ["a", "b", "c", "b", "c"]


def test_a_cut_part_is_where_the_next_call_goes_on(tmp_path, recipe):
    ran, cut, _ = recipe
    cut.add("b")
    seconds, said = go(tmp_path)
    assert ran == ["a", "b"] and seconds is None
    assert "the same command goes on from here" in said[-1]
    cut.clear()
    go(tmp_path)
    assert ran == ["a", "b", "b", "c"]


def test_one_part_alone_and_unknown_parts(tmp_path, recipe):
    ran = recipe[0]
    go(tmp_path, ["c"])
    assert ran == ["c"]
    with pytest.raises(ValueError, match="no part 'd'; it has a, b, c"):
        go(tmp_path, ["d"])


def test_the_command_line_changes_one_phase(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        storybook, "train_storybook", lambda *given, start: seen.append((*given, start))
    )
    storybook.main(
        ["--folder", str(tmp_path), "--plan", "tiny", "--part", "base16", "--seconds", "7"]
        + ["--start", str(tmp_path / "shipped")]
    )
    folder, plan, only, start = seen[0]
    assert folder == tmp_path and only == ["base16"] and start == tmp_path / "shipped"
    assert plan.phase("base16").seconds == 7 and plan.phase("base8").seconds is None


def test_a_budget_in_pictures_takes_the_place_of_one_in_seconds(tmp_path, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(storybook, "train_storybook", lambda *given, start: seen.append(given[1]))
    asked = ["--folder", str(tmp_path), "--plan", "storybook-cpu", "--pictures", "64"]
    storybook.main([*asked, "--part", "draw", "--part", "base64"])
    storybook.main([*asked, "--part", "base64", "--seconds", "9"])
    assert [(p.phase("base64").pictures, p.phase("base64").seconds) for p in seen] == [
        (64, None),
        (64, 9),
    ]
    storybook.main([*asked, "--part", "sr256", "--rate", "0.3"])
    assert seen[-1].phase("sr256").rate == 0.3 and seen[-1].phase("sr1024").rate == 1
    for wrong in ("0", "1.5", "nan"):
        with pytest.raises(SystemExit):
            storybook.main([*asked, "--part", "sr256", "--rate", wrong])
        assert "must be above 0 and at most 1" in capsys.readouterr().err
    for parts_alone in ([], ["--part", "draw"]):
        with pytest.raises(SystemExit):
            storybook.main([*asked, *parts_alone])
        assert "are a phase's: name one by --part" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--pictures", "-5"),
        ("--batch", "0"),
        ("--seconds", "nan"),
        ("--scenes", "0"),
        ("--flat-scenes", "-1"),
        ("--first-seed", "-1"),
    ],
)
def test_a_budget_of_nothing_is_refused(option, value, tmp_path, capsys):
    with pytest.raises(SystemExit):
        storybook.main(["--folder", str(tmp_path), "--part", "base64", option, value])
    said = capsys.readouterr().err
    assert f"{option} is {value}" in said and "must " in said and " 0" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("done", "status"), [(None, 130), ({"draw": 1.0}, 0)])
def test_a_stopped_recipe_ends_like_ctrl_c(done, status, tmp_path, monkeypatch):
    monkeypatch.setattr(storybook, "train_storybook", lambda *_, start: done)
    assert storybook.main(["--folder", str(tmp_path), "--plan", "tiny"]) == status


def test_another_first_seed_moves_what_is_trained_on_and_nothing_else(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        folders,
        "render_shards",
        lambda folder, split, seed, count, **_: drawn.append((folder.name, split, seed)),
    )

    def ask(*more):
        drawn.clear()
        storybook.main(["--folder", str(tmp_path), "--plan", "tiny", "--part", "draw", *more])
        return list(drawn)

    usual, moved = ask(), ask("--first-seed", "500")
    assert {split for _, split, _ in usual} == {"train", "validation"}
    for (name, split, seed), other in zip(usual, moved, strict=True):
        assert other == (name, split, seed + (500 if split == "train" else 0))


def test_fewer_scenes_and_none_for_the_stages_can_be_asked_for(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        folders,
        "render_shards",
        lambda folder, split, seed, count, **_: drawn.update({folder.name: count}),
    )
    asked = ["--folder", str(tmp_path), "--plan", "tiny", "--part", "draw"]
    storybook.main([*asked, "--scenes", "9", "--flat-scenes", "0", "--base-only"])
    rare = dict(plans.plan("tiny").rare_scenes)
    assert drawn == {"train": 9, **rare, "validation": 16}


def test_signs_dressed_animals_words_and_pairs_are_trained_on_besides(tmp_path, monkeypatch):
    plan = plans.plan("tiny")
    assert dict(plan.rare_scenes) == dict.fromkeys(folders.RARE, 8)
    monkeypatch.setattr(folders, "render_shards", partial(render_shards, workers=1))
    there = folders.Folders(tmp_path)
    there.draw(replace(plan, scenes=2, flat_scenes=0, held_out=2, large_scenes=()))
    assert [folder.name for folder in there.training] == ["train", *folders.RARE]
    shown, said, styles = {}, {}, {}
    for name in folders.RARE:
        text = (there.of(name) / "shard-00000.jsonl").read_text("utf-8")
        records = [json.loads(line) for line in text.splitlines()]
        scenes = [Scene.from_json(record["scene"]) for record in records]
        shown[name] = [scene.things for scene in scenes]
        styles[name] = {scene.style for scene in scenes}
        said[name] = [record["captions"] for record in records]
    assert all(thing.word for things in shown["signs"] for thing in things)
    assert sum(any(thing.wears for thing in things) for things in shown["dressed"]) >= 5
    assert all(len(things) == 1 and things[0].word for things in shown["words"])
    assert all(things[0].size >= 0.5 for things in shown["words"])
    for pairs in ("pairs", "styled-pairs"):
        assert all(len(things) == 2 for things in shown[pairs])
        sides = [each["relation"] for captions in said[pairs] for each in captions[:2]]
        assert sum(bool(told) and told[0] in SIDEWAYS for told in sides) >= 4
    assert styles["pairs"] == {"flat"}
    assert "flat" not in styles["styled-pairs"] and len(styles["styled-pairs"]) > 2
    read = read_shards(there.training)
    assert (read.truth.word >= 0).any(1).sum() >= 8


@pytest.mark.timeout(600)
def test_the_whole_recipe_in_miniature(tmp_path):
    plan = plans.plan("tiny")
    seconds = storybook.train_storybook(tmp_path, plan, device="cpu", say=lambda text: None)
    assert list(seconds or ())[:3] == ["draw", "tokenizers", "t5"]
    assert list(seconds or ())[-3:] == ["judge", "export", "evaluate"]
    module, config, state = load_network(
        tmp_path / "weights" / "baseline", DenoiserConfig, build_denoiser
    )
    assert config == preset("tiny").base
    assert state.record["pictures"] == 16 + 32 + 48
    model = EDiffI.from_pretrained(tmp_path / "weights" / "experts")
    assert model.model.ensemble is not None
    assert [e.lineage for e in model.model.ensemble.experts] == [
        ("base8", "base16", name) for name in ("low", "middle", "high")
    ]
    assert model.sizes == (16, 32, 64)
    first = model.model.stages[0].denoiser
    assert isinstance(first, Ensemble) and first.boundaries == pytest.approx((0.3012,), abs=1e-4)
    remade = sorted((tmp_path / "data" / "large32").glob("remade-*.safetensors"))
    assert remade and not list((tmp_path / "data" / "large64").glob("remade-*"))
    for name in ("sr32", "sr32-low", "sr64"):
        assert list((tmp_path / name).glob("sheet-*.png")), name
    assert model.generate("a red fox", size=64).image.size == (64, 64)
    candidates = ("baseline", "high+baseline", "experts")
    for name in candidates:
        scored = read_json(tmp_path / f"evaluation-{name}.json")
        assert scored["model"] == f"weights/{name}" and scored["n"] == plan.evaluated
    judge, own = (tmp_path / "weights" / name for name in ("judge", "clip"))
    assert read_json(judge / "record.json")["sha256"] != read_json(own / "record.json")["sha256"]
    assert read_json(own / "record.json")["looks"]["steps"] == plan.looks.steps
    assert (judge / "tokenizer.json").read_bytes() == (own / "tokenizer.json").read_bytes()
    assert load_judge(judge).scores(np.zeros((2, 16, 16, 3), np.uint8), ["a", "b"]).shape == (2,)
    default = EDiffI.from_pretrained(tmp_path / "weights").model.network
    assert default == read_json(tmp_path / "done" / "evaluate.json")["facts"]["default"]
    assert default in candidates
    low = json.loads((tmp_path / "weights" / "low" / "record.json").read_text())
    assert low["drawn"]["0.2-0.5"] == 0 and sum(low["drawn"].values()) >= 8
    assert all(torch.isfinite(p).all() for p in module.parameters())
    assert list((tmp_path / "base16").glob("sheet-*.png"))
    again = storybook.train_storybook(tmp_path, plan, device="cpu", say=lambda text: None)
    assert again == seconds
