"""Nothing is painted twice: samples by request, on disk, after a kill, by several studies."""

import numpy as np
import pytest

from analysis import (
    embedding_ablation,
    paint_with_words,
    prompt_switching,
    samples,
    style_transfer,
)
from analysis.paint_with_words import Setting
from analysis.samples import Samples
from ediffi.scores import painter
from ediffi.storybook.inspector import Reading
from tests.fakes import tiny_pipeline

CAPTIONS = ("a red fox", "a blue owl", "two green boats", "a cat", "a dog")


@pytest.fixture
def model():
    return tiny_pipeline()


def requests(model, captions=CAPTIONS, steps=1, **settings):
    return [
        model.request(text, seed, steps=steps, **settings) for seed, text in enumerate(captions)
    ]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(samples, "BLOCK", 2)


def test_pictures_are_those_of_the_model_and_come_in_blocks(model, tmp_path, small_blocks):
    told = []
    shared = Samples(tmp_path, lambda *words: told.append(words))
    blocks = list(shared.blocks(model, requests(model)))
    assert [len(block) for block in blocks] == [2, 2, 1]
    assert all(block.dtype == np.uint8 and block.shape[1:] == (16, 16, 3) for block in blocks)
    direct = [np.asarray(r.image) for r in model.generate_many(requests(model))]
    apart = np.abs(np.concatenate(blocks).astype(int) - np.stack(direct))
    assert apart.max() <= 2
    assert told == [("sampling", done, 5) for done in (0, 2, 4, 5)]


def test_another_study_in_another_order_samples_what_is_new(model, tmp_path, small_blocks):
    first = Samples(tmp_path)
    made = first.pictures(model, requests(model)[:4])
    later = Samples(tmp_path)
    again = later.pictures(model, requests(model)[::-1])
    assert (first.sampled, later.sampled) == (4, 1)
    assert np.array_equal(again[::-1][:4], made)


def test_one_caption_asked_for_twice_is_painted_once(model, tmp_path):
    shared = Samples(tmp_path)
    same = [model.request("a fox", 1, steps=1)] * 3
    pictures = shared.pictures(model, same)
    assert shared.sampled == 1 and np.array_equal(pictures[0], pictures[2])


def test_whoever_stops_loses_one_block_at_most(model, tmp_path, small_blocks):
    stopped = Samples(tmp_path).blocks(model, requests(model))
    next(stopped)
    next(stopped)
    stopped.close()
    (tmp_path / next(tmp_path.iterdir()).name / ".part-0a.npz").write_bytes(b"PK cut short")
    later = Samples(tmp_path)
    later.pictures(model, requests(model))
    assert later.sampled == 1


@pytest.mark.parametrize(
    "settings", [{"steps": 2}, {"guidance": 1.0}, {"without": ("t5",)}, {"solver": "euler"}]
)
def test_every_setting_is_a_picture_of_its_own(model, tmp_path, settings):
    shared = Samples(tmp_path)
    plain = shared.pictures(model, requests(model, CAPTIONS[:1]))
    other = shared.pictures(model, requests(model, CAPTIONS[:1], **settings))
    assert shared.sampled == 2
    assert "steps" not in settings or not np.array_equal(plain, other)


def test_other_weights_and_other_seeds_are_other_pictures(model, tmp_path):
    shared = Samples(tmp_path)
    one = shared.pictures(model, [model.request("a fox", 1, steps=1)])
    two = shared.pictures(model, [model.request("a fox", 2, steps=1)])
    other = tiny_pipeline(seed=1)
    other.model.weights["baseline"] = "1" * 64
    three = shared.pictures(other, [other.request("a fox", 1, steps=1)])
    assert shared.sampled == 3
    assert not np.array_equal(one, two) and not np.array_equal(one, three)


def test_the_painter_is_the_one_of_an_evaluation(model, tmp_path):
    shared = Samples(tmp_path)
    for _ in range(2):
        made = shared.painter(model, steps=1)(CAPTIONS[:2], [7, 8])
        direct = painter(model, steps=1)(CAPTIONS[:2], [7, 8])
        assert made.shape == (2, 64, 64, 3) and np.array_equal(made, direct)
    assert shared.sampled == 2


def test_a_damaged_block_is_named(model, tmp_path):
    Samples(tmp_path).pictures(model, requests(model))
    (path,) = tmp_path.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"{path.name} is no readable block.*delete it"):
        Samples(tmp_path).pictures(model, requests(model))


def test_sizes_do_not_mix_and_nothing_is_no_set(model, tmp_path):
    shared = Samples(tmp_path)
    with pytest.raises(ValueError, match="No samples"):
        shared.pictures(model, [])
    mixed = requests(model, CAPTIONS[:2])
    object.__setattr__(mixed[1], "size", 32)
    with pytest.raises(ValueError, match="one size"):
        list(shared.blocks(model, mixed))


class Blind:
    """An inspector to whom every picture is the same."""

    def read(self, images):
        return [Reading(True, (), place="snow") for _ in images]

    def features(self, images):
        return images.reshape(len(images), -1)[:, :4].astype(float)


STUDIES = {
    "embedding_ablation": lambda *told, **more: embedding_ablation.measure(
        *told, n=3, lengths=("short",), steps=1, **more
    ),
    "paint_with_words": lambda *told, **more: paint_with_words.measure(
        *told, n=8, settings=(Setting("max", 0.5, 1.0),), things=(1,), steps=1, **more
    ),
    "prompt_switching": lambda *told, **more: prompt_switching.measure(
        *told, n=2, shares=(0.5,), steps=(2,), solvers=("heun",), **more
    ),
    "style_transfer": lambda *told, **more: style_transfer.measure(
        *told, n=9, strengths=(2.0,), windows=((0.5, 4.0),), steps=1, **more
    ),
}


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_that_is_run_again_paints_nothing_again(model, tmp_path, monkeypatch, study):
    first = Samples(tmp_path)
    found = STUDIES[study](model, Blind(), samples=first)
    assert first.sampled > 0
    again = Samples(tmp_path)
    monkeypatch.setattr(type(model), "generate_many", None)
    assert repr(STUDIES[study](model, Blind(), samples=again)) == repr(found)
    assert again.sampled == 0
