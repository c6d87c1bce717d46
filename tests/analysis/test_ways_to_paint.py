"""Ways of painting beside the default: the same captions and noise, compared in pairs."""

import dataclasses

import numpy as np
import pytest

from analysis import plots_of_shares, result_lines
from analysis.claim_numbers import painted_way
from analysis.painted_tasks import jobs
from analysis.ways_to_paint import DEFAULT, OTHERS, measure, sentences
from ediffi.config import as_json
from ediffi.storybook.inspector import Reading
from tests.analysis.test_paint_with_words import Obedient, seen
from tests.fakes import noted, tiny_pipeline

KINDS = {job.kinds[0] for job in jobs(8, 1)}
BOX = jobs(8, 1)[0].boxes[0]
PULLED = {"pulled": OTHERS["pulled"]}


class Fooled(Obedient):
    """An inspector that finds the first job's thing in its square, but not in its first batch."""

    def __init__(self, kinds):
        super().__init__(kinds)
        self.batches = 0

    def read(self, images):
        self.batches += 1
        x, y = BOX.left + BOX.side / 2, BOX.top + BOX.side / 2
        things = tuple(seen(k, x, y, BOX.side) for k in self.kinds) if self.batches > 1 else ()
        return [Reading(True, things) for _ in images]


def painted(monkeypatch, reader, others=OTHERS):
    model = tiny_pipeline()
    asked = noted(monkeypatch, model)
    return measure(model, reader, n=8, others=others, things=(1,), steps=1), asked


def dials(request):
    return request.painting.pull, request.painting.collage, request.sampling.insist


def test_every_way_paints_the_same_captions_from_the_same_noise(monkeypatch):
    found, asked = painted(monkeypatch, Obedient(KINDS))
    ways = (0.0, False, 0.0), (0.1, False, 0.0), (0.0, True, 0.0), (0.0, False, 0.05)
    # The default's squares come first, for the others are held against them; then sides after each.
    assert [set(map(dials, requests)) for requests in asked] == [
        {way} for way in (ways[0], *ways[0:1] * 2, *ways[1:2] * 3, *ways[2:3] * 3, *ways[3:] * 3)
    ]
    assert all([r.seed for r in requests] == [r.seed for r in asked[0]] for requests in asked)
    assert [(way.pull, way.collage, way.insist) for way in found.painted] == list(ways)
    assert {way.squares for way in found.painted} == {found.painted[0].squares}
    assert found.painted[0].squares[0].more == (0, 0, 0)


def test_what_a_way_adds_is_told_in_pairs(monkeypatch):
    found, _ = painted(monkeypatch, Fooled(KINDS), PULLED)
    usual, pulled = (way.squares[0] for way in found.painted)
    assert usual.inside[0] == usual.present[0] == 0 and pulled.present[0] == 1
    own = [job.boxes[0].overlap(BOX) / BOX.side**2 for job in jobs(8, 1)]
    assert pulled.more[0] == pytest.approx(np.mean(own), abs=1e-3)
    assert pulled.more_present == (1, 1, 1)
    said = sentences(found)
    assert len(said) == 2 and said[0].startswith("Pulled by 0.1, things: 1:")
    assert "present 100 % instead of 0 (+100.0 points" in said[0]
    number = painted_way("pulled")(as_json(found))
    assert number is not None and number.value == pulled.more[0] and number.n == 8
    assert painted_way("insisting")(as_json(found)) is None
    assert result_lines.ways_lines(as_json(found)).count("\n- ") == 2


def test_the_figure_has_a_row_for_each_way_and_a_panel_for_each_measure(monkeypatch):
    found, _ = painted(monkeypatch, Fooled(KINDS))
    panels = plots_of_shares.ways_to_paint(found).axes
    assert [len(axes.lines) for axes in panels] == [4 * 2] * 3
    assert [label.get_text() for label in panels[0].get_yticklabels()] == [
        *("as by default", "pulled by 0.1", "as a collage", "insisting by 0.05")
    ]


def test_every_other_way_turns_one_dial():
    for name, by in OTHERS.items():
        changed = [
            field.name
            for field in dataclasses.fields(by)
            if getattr(by, field.name) != getattr(DEFAULT, field.name)
        ]
        assert len(changed) == 1, name


def test_too_few_captions_are_refused():
    with pytest.raises(ValueError, match="at least 8 captions, not 7"):
        measure(tiny_pipeline(), Obedient(()), n=7)
