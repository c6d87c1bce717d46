"""Every strength of insisting: the same captions and noise, compared in pairs with none."""

import numpy as np
import pytest

from analysis import insisting, plots_of_trade_offs, result_lines
from analysis.insisting import ASKED, STATED, captions, measure, sentences
from ediffi.config import as_json, from_json
from ediffi.storybook.inspector import Reading, Seen
from ediffi.storybook.scoring import facts
from tests.fakes import noted, tiny_pipeline

TASKS = captions(2)


class Sighted:
    """An inspector that sees every thing of the scenes in the batches of `turns`, else nothing."""

    def __init__(self, *turns):
        self.turns, self.turn = turns, -1

    def features(self, images):
        return images.reshape(len(images), -1).astype(float)

    def read(self, images):
        self.turn += 1
        assert len(images) == len(TASKS)
        if self.turn not in self.turns:
            return [Reading(True, ())] * len(images)
        return [
            Reading(
                True, tuple(Seen(t.kind, t.colour, t.x, t.y, 0.2, 1.0) for t in task.scene.things)
            )
            for task in TASKS
        ]


def painted(monkeypatch, reader, strengths=(0.0, 0.1)):
    model = tiny_pipeline()
    asked = noted(monkeypatch, model)
    return measure(model, reader, n=2, strengths=strengths, steps=1), asked


def test_captions_state_what_is_asked_and_stand_once_each_in_their_order():
    said = [{fact.score for fact in facts(t.scene, t.caption)} for t in TASKS]
    assert all(said[k] & set(STATED) for k in range(len(TASKS)))
    for name in STATED:
        assert sum(name in each for each in said) >= 2
    assert len({task.seed for task in TASKS}) == len(TASKS)
    assert {task.seed for task in TASKS} <= {task.seed for task in captions(4)}


def test_every_strength_paints_the_same_captions_from_the_same_noise(monkeypatch):
    found, asked = painted(monkeypatch, Sighted())
    assert [{r.sampling.insist for r in requests} for requests in asked] == [{0.0}, {0.1}]
    texts = [[(r.prompt, r.seed) for r in requests] for requests in asked]
    assert texts[0] == texts[1] == [(t.caption.text, t.seed) for t in TASKS]
    assert (found.n, found.captions) == (2, len(TASKS))
    for each in found.insisted:
        assert {row.share[0] for row in each.shown} == {0}
        assert {row.more[0] for row in each.shown} == {0}


def test_what_insisting_adds_is_told_in_pairs(monkeypatch):
    found, _ = painted(monkeypatch, Sighted(1))
    plain, insisted = found.insisted
    assert [row.name for row in plain.shown] == list(ASKED)
    for row in insisted.shown:
        assert row.share[0] == row.more[0] == 1 and row.more[1] > -1
        assert row.n == sum(
            row.name in {fact.score for fact in facts(t.scene, t.caption)} for t in TASKS
        )
    lost, _ = painted(monkeypatch, Sighted(0))
    assert all(row.more[0] == -1 for row in lost.insisted[1].shown)


def test_it_is_told_and_drawn(monkeypatch):
    found, _ = painted(monkeypatch, Sighted(1))
    back = from_json(insisting.Insistence, as_json(found))
    assert back == found
    (said,) = sentences(back)
    assert said.startswith("Insisting by 0.1, ") and "one thing 100 % (+100, " in said
    assert result_lines.insisted_lines(as_json(found)).count("\n- ") == 1
    (axes,) = plots_of_trade_offs.insisting(back).axes
    assert len(axes.lines) == 4 and [t.get_text() for t in axes.get_xticklabels()] == ["0", "0.1"]
    assert list(np.asarray(axes.lines[0].get_ydata())) == [0, 100]


def test_what_no_caption_states_has_no_row(monkeypatch):
    monkeypatch.setattr(insisting, "ASKED", {"thing": "one thing", "word": "the word"})
    unsaid = [t for t in TASKS if "word" not in {f.score for f in facts(t.scene, t.caption)}]
    monkeypatch.setattr(insisting, "captions", lambda n, seed: unsaid)
    monkeypatch.setitem(globals(), "TASKS", unsaid)
    found, _ = painted(monkeypatch, Sighted())
    assert [row.name for row in found.insisted[0].shown] == ["thing"]
    assert found.insisted[0].score("word") is None


@pytest.mark.parametrize("strengths", [(), (0.1, 0.0)])
def test_strengths_begin_with_none(strengths):
    with pytest.raises(ValueError, match="must begin with 0"):
        measure(tiny_pipeline(), Sighted(), n=2, strengths=strengths)


@pytest.mark.parametrize(("n", "told"), [(0, "at least 1 caption"), (20, "have 20 of every kind")])
def test_too_few_and_too_many_captions_are_refused(monkeypatch, n, told):
    monkeypatch.setattr(insisting, "MOST", 24)
    with pytest.raises(ValueError, match=told):
        captions(n)
