"""Painted with a pull and without it: the same captions and noise, compared in pairs."""

import numpy as np
import pytest

from analysis import plots_of_shares, result_lines
from analysis.claim_numbers import of_one_thing
from analysis.painted_tasks import jobs
from analysis.pulled_painting import measure, sentences
from ediffi.config import as_json
from ediffi.storybook.inspector import Reading
from tests.analysis.test_paint_with_words import Obedient, seen
from tests.fakes import noted, tiny_pipeline

BOX = jobs(8, 1)[0].boxes[0]


class Fooled(Obedient):
    """An inspector that finds the first job's thing in its square in every other batch it reads."""

    def __init__(self, kinds):
        super().__init__(kinds)
        self.batches = 0

    def read(self, images):
        self.batches += 1
        x, y = BOX.left + BOX.side / 2, BOX.top + BOX.side / 2
        things = tuple(seen(k, x, y, BOX.side) for k in self.kinds) if self.batches % 2 == 0 else ()
        return [Reading(True, things) for _ in images]


def painted(monkeypatch, reader, **more):
    model = tiny_pipeline()
    asked = noted(monkeypatch, model)
    return measure(model, reader, n=8, things=(1,), steps=1, **more), asked


def test_both_ways_paint_the_same_captions_from_the_same_noise(monkeypatch):
    kinds = {job.kinds[0] for job in jobs(8, 1)}
    found, asked = painted(monkeypatch, Obedient(kinds), pull=0.3)
    # Squares without and with the pull, then both sides by each.
    assert [{r.painting and r.painting.pull for r in requests} for requests in asked] == [
        *({0.0}, {0.3}),
        *({0.0}, {0.0}, {0.3}, {0.3}),
    ]
    assert all([r.seed for r in requests] == [r.seed for r in asked[0]] for requests in asked)
    (squares,) = found.squares
    assert squares.inside == squares.pulled and squares.more == (0, 0, 0)
    assert squares.present == squares.present_pulled == (1, 1, 1)


def test_what_pulling_adds_is_told_in_pairs(monkeypatch):
    kinds = {job.kinds[0] for job in jobs(8, 1)}
    found, _ = painted(monkeypatch, Fooled(kinds))
    (squares,) = found.squares
    assert squares.inside[0] == squares.present[0] == 0 and squares.present_pulled[0] == 1
    own = [job.boxes[0].overlap(BOX) / BOX.side**2 for job in jobs(8, 1)]
    assert squares.more[0] == pytest.approx(np.mean(own), abs=1e-3)
    assert squares.more_present == (1, 1, 1)
    said = sentences(found)
    assert len(said) == 2 and "present 100 % instead of 0 (+100.0 points" in said[0]
    number = of_one_thing(as_json(found))
    assert number is not None and number.value == squares.more[0] and number.n == 8
    assert result_lines.pulled_lines(as_json(found)).count("\n- ") == 2
    axes = plots_of_shares.pulled_painting(found).axes[0]
    assert len(axes.get_yticks()) == 3 and len(axes.lines) == 3 * 2 * 2


def test_too_few_captions_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="at least 8 captions, not 7"):
        measure(tiny_pipeline(), Obedient(()), n=7)
