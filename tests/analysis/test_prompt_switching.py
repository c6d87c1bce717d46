"""The study of switched sentences: its pairs, a model that decides at a known share, its record."""

import json
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from analysis import plots, result_lines, results
from analysis.prompt_switching import USUAL, Switches, measure, pairs, sentences, unlike
from ediffi.config import SamplingConfig
from ediffi.controls.prompt_switching import Turn, first_steps
from ediffi.storybook.inspector import Reading, Seen

FIRST, LAST = 40, 240


def seen(kind, colour="red"):
    return Seen(kind=kind, colour=colour, x=0.5, y=0.5, size=0.4, score=1.0)


@dataclass(frozen=True)
class Asked:
    prompt: str
    sampling: SamplingConfig
    timeline: tuple[Turn, ...]


class Decided:
    """A model whose picture is decided after 40 % of the steps; shades follow the sentence."""

    model = SimpleNamespace(name="decided early")

    def __init__(self, asked):
        self.shade = {pair.first.caption.text: FIRST for pair in asked}
        self.shade |= {pair.last.caption.text: LAST for pair in asked}

    def request(self, prompt, seed, steps, solver, timeline):
        return Asked(prompt, SamplingConfig(solver=solver, steps=steps), tuple(timeline))

    def generate_many(self, requests):
        return [SimpleNamespace(image=self.painted(asked)) for asked in requests]

    def painted(self, asked):
        prompt = asked.prompt
        for turn in asked.timeline:
            if first_steps((turn,), asked.sampling.steps)[0] < 0.4 * asked.sampling.steps:
                prompt = turn.prompt
        return np.full((16, 16, 3), self.shade[prompt], np.uint8)


class Shades:
    """An inspector that reads a fox where it is dark and an owl where it is bright."""

    def read(self, images):
        assert images.shape[1:] == (64, 64, 3)
        dark = images.mean(axis=(1, 2, 3)) < 128
        return [Reading(True, (seen("fox" if d else "owl"),), place="snow") for d in dark]

    def features(self, images):
        raise AssertionError("a switch has no distance between sets")


@pytest.fixture(scope="module")
def found() -> Switches:
    model = Decided(pairs(3))
    return measure(model, Shades(), 3, (0.1, 0.3, 0.5, 0.9), (10, 20), ("heun",))  # pyright: ignore


def test_pairs_share_no_kind_and_no_place():
    asked = pairs(6)
    assert pairs(2) == asked[:2]
    for pair in asked:
        kinds = [{t.kind for t in task.scene.things} for task in (pair.first, pair.last)]
        assert not kinds[0] & kinds[1]
        assert pair.first.scene.place != pair.last.scene.place
        assert pair.first.caption.text != pair.last.caption.text


def test_readings_differ_by_what_only_one_shows():
    fox = Reading(True, (seen("fox"),), place="snow", style="flat")
    assert unlike(fox, fox) == 0 == unlike(Reading(False), Reading(False))
    assert unlike(fox, Reading(False)) == 1
    assert unlike(fox, replace(fox, things=(seen("fox", "blue"),))) == pytest.approx(0.5)
    assert unlike(fox, replace(fox, things=(seen("fox"), seen("owl")))) == pytest.approx(0.25)


def test_a_model_that_decides_early_is_measured_so(found):
    assert found.runs() == [("heun", 10), ("heun", 20)]
    along = found.along("heun", 10)
    assert [s.begins for s in along] == [1, 3, 5, 9]
    assert [s.pixels_first[0] for s in along] == [1, 1, 0, 0]
    assert [s.pixels_last[0] for s in along] == [0, 0, 1, 1]
    assert [s.drawn_first[0] for s in along] == [1, 1, 0, 0]
    assert along[0].sigma > along[-1].sigma > 0
    for by in ("pixels", "drawn"):
        calm = found.settled("heun", 20, by)
        assert calm is not None and calm.share == 0.5
    assert "from 50% on (σ = " in sentences(found)[0]
    assert ", by then 0.0%, 0.0% to 0.0%)" in sentences(found)[0]
    assert "10 steps, n = 3 pairs" in sentences(found)[0]


def test_the_usual_sampler_is_given_most_pairs():
    solver, steps = USUAL
    model = Decided(pairs(4))
    found = measure(model, Shades(), 4, (0.1,), (9, steps), (solver,), few=2)  # pyright: ignore
    assert [(s.steps, s.pairs) for s in found.switched] == [(9, 2), (steps, 4)]
    assert f"{solver}, 9 steps, n = 2 pairs" in sentences(found)[0]
    title = plots.prompt_switching(found).get_suptitle()
    assert title == (
        f"decided early, 4 pairs of sentences, {solver} in {steps} steps;"
        " thin: 1 other way to sample, 2 pairs"
    )
    usual = SamplingConfig()
    assert (usual.solver, usual.steps) == USUAL


def test_what_never_settles_says_so(found):
    stirred = tuple(replace(s, pixels_first=(0.5, 0.4, 0.6)) for s in found.switched)
    other = replace(found, switched=stirred)
    assert other.settled("heun", 10) is None
    assert "a pixel never" in sentences(other)[0]
    with pytest.raises(ValueError, match="medium"):
        found.settled("heun", 10, "medium")


def test_the_record_comes_back_as_lines(found):
    record = json.loads(json.dumps(asdict(found)))
    assert result_lines.switching_lines(record).count("\n- heun, ") == 2
    assert results.SWITCHES <= set(record)


def test_the_figure_has_both_ways_of_looking(found):
    figure = plots.prompt_switching(found)
    assert [axes.get_title() for axes in figure.axes] == ["by pixels", "by reading"]
    assert all(len(axes.get_lines()) == 5 for axes in figure.axes)


@pytest.mark.parametrize("n, few", [(0, None), (3, 0)])
def test_no_pair_is_too_few(n, few):
    with pytest.raises(ValueError, match=f"at least 1 pair of captions, not {n} and {few}"):
        measure(Decided([]), Shades(), n, few=few)  # pyright: ignore
