"""Shards: the same bytes from any number of processes, kept when whole, refused when foreign."""

import json
import resource

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from ediffi.storybook import dataset
from ediffi.storybook.captions import SIDEWAYS
from ediffi.storybook.casting import Curriculum
from ediffi.storybook.dataset import ShardPlan, captions_of, draw_chunk, render_shards
from ediffi.storybook.drawing import render
from ediffi.storybook.scene import Scene, sample_scene

SMALL = {"size": 32, "shard_size": 4, "captions_per_scene": 3, "progress": False}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    return render_shards(folder, "train", 100, 10, workers=1, **SMALL)


def everything(paths):
    return [(path.read_bytes(), path.with_suffix(".jsonl").read_bytes()) for path in paths]


def test_a_shard_holds_pictures_seeds_scenes_and_captions(shards):
    assert [path.name for path in shards] == [f"shard-0000{i}.safetensors" for i in range(3)]
    tensors = load_file(shards[2])
    assert tensors["seeds"].tolist() == [108, 109] and tensors["seeds"].dtype == np.int64
    assert tensors["images"].shape == (2, 32, 32, 3) and tensors["images"].dtype == np.uint8
    lines = shards[2].with_suffix(".jsonl").read_text().splitlines()
    for seed, image, line in zip((108, 109), tensors["images"], lines, strict=True):
        record = json.loads(line)
        scene = Scene.from_json(record["scene"])
        assert scene == sample_scene(seed, "train")
        assert (image == render(scene, 32)).all()
        said = [caption["text"] for caption in record["captions"]]
        assert said == [caption.text for caption in captions_of(scene, seed, 3)]


def test_a_disk_that_is_full_is_said_in_a_sentence(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Room for the captions of two scenes, and none for their pictures.
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, limits[1]))
    try:
        with pytest.raises(ValueError, match=r"^Cannot write .*shard-00000\.safetensors: "):
            render_shards(tmp_path, "train", 100, 2, size=128, workers=1, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-00000.jsonl"]


def test_two_processes_write_the_same_bytes(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "CHUNK", 3)
    assert everything(render_shards(tmp_path, "train", 100, 10, workers=2, **SMALL)) == everything(
        shards
    )


def test_a_run_that_was_cut_short_goes_on_and_draws_only_what_is_missing(
    shards, tmp_path, monkeypatch
):
    again = render_shards(tmp_path, "train", 100, 10, workers=1, **SMALL)
    whole, drawn = everything(again), []
    again[1].unlink()

    def watched(plan: ShardPlan, seeds: range):
        drawn.extend(seeds)
        return draw_chunk(plan, seeds)

    monkeypatch.setattr(dataset, "draw_chunk", watched)
    render_shards(tmp_path, "train", 100, 10, workers=1, **SMALL)
    assert drawn == [104, 105, 106, 107]
    assert everything(again) == whole == everything(shards)


def test_a_longer_set_keeps_the_full_shards(shards, tmp_path, monkeypatch):
    render_shards(tmp_path, "train", 100, 6, workers=1, **SMALL)
    longer = render_shards(tmp_path, "train", 100, 10, workers=1, **SMALL)
    assert everything(longer) == everything(shards)


def test_captions_are_short_then_one_long_and_say_the_style_as_asked():
    for seed in range(30):
        scene = sample_scene(seed)
        first, second, third, long = captions_of(scene, seed, 4)
        assert first.names_style or scene.style == "flat"
        assert not second.names_style
        assert len(long.text) > max(len(c.text) for c in (first, second, third))


def test_the_first_two_captions_tell_sides_where_asked_for():
    told = [captions_of(sample_scene(seed), seed, 4, tells_sides=True) for seed in range(200)]
    plain = [captions_of(sample_scene(seed), seed, 4) for seed in range(200)]
    assert [each[2:] for each in told] == [each[2:] for each in plain]
    for k in (0, 1):
        said = [sum(side(each[k]) for each in captions) for captions in (told, plain)]
        assert said[0] > 1.5 * said[1]


def side(caption):
    return caption.relation is not None and caption.relation[0] in SIDEWAYS


def test_a_shard_from_before_a_curriculum_could_say_more_is_kept(tmp_path, monkeypatch):
    flat = Curriculum(styles=("flat",))
    path = render_shards(tmp_path, "train", 0, 2, workers=1, curriculum=flat, **SMALL)[0]
    with safe_open(path, "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        label = json.loads(file.metadata()["plan"])
    del label["curriculum"]["tells_sides"], label["curriculum"]["min_things"]
    save_file(tensors, path, metadata={"plan": json.dumps(label)})
    kept = path.read_bytes()
    render_shards(tmp_path, "train", 0, 2, workers=1, curriculum=flat, **SMALL)
    assert path.read_bytes() == kept
    pairs = Curriculum(styles=("flat",), min_things=2)
    with pytest.raises(ValueError, match="another plan"):
        render_shards(tmp_path, "train", 0, 2, workers=1, curriculum=pairs, **SMALL)


def test_shards_of_another_plan_are_refused(shards):
    with pytest.raises(ValueError, match="another plan; choose an empty folder"):
        render_shards(shards[0].parent, "train", 101, 10, workers=1, **SMALL)


def test_a_broken_shard_is_named(tmp_path):
    path = render_shards(tmp_path, "train", 0, 1, workers=1, **SMALL)[0]
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ValueError, match="is not a readable shard"):
        render_shards(tmp_path, "train", 0, 1, workers=1, **SMALL)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 0),
        ("first_seed", -1),
        ("size", 8),
        ("shard_size", 0),
        ("captions_per_scene", 17),
        ("workers", 0),
    ],
)
def test_bad_numbers_are_refused_in_a_sentence(tmp_path, name, value):
    asked = {"split": "train", "first_seed": 0, "count": 4, "workers": 1, "progress": False}
    with pytest.raises(ValueError, match=name) as refusal:
        render_shards(tmp_path, **(asked | {name: value}))
    assert str(value) in str(refusal.value) and str(refusal.value).endswith(".")


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(ValueError):
        render_shards(tmp_path, "nowhere", 0, 4, workers=1)
    assert not list(tmp_path.iterdir())
