"""Begun as a collage and not: the same captions and noise, compared in pairs."""

import pytest

from analysis import plots_of_shares, result_lines
from analysis.claim_numbers import of_one_thing
from analysis.collaged_painting import measure, sentences
from analysis.painted_tasks import jobs
from ediffi.config import as_json
from ediffi.controls.collage import LEAST
from tests.analysis.test_paint_with_words import Obedient
from tests.analysis.test_pulled_painting import Fooled
from tests.fakes import noted, tiny_pipeline

KINDS = {job.kinds[0] for job in jobs(8, 1)}


def painted(monkeypatch, reader):
    model = tiny_pipeline()
    asked = noted(monkeypatch, model)
    return measure(model, reader, n=8, things=(1,), steps=1), asked


def test_both_ways_paint_the_same_captions_from_the_same_noise(monkeypatch):
    found, asked = painted(monkeypatch, Obedient(KINDS))
    # Squares without and with a collage, then both sides by each.
    assert [{r.painting and r.painting.collage for r in requests} for requests in asked] == [
        *({False}, {True}),
        *({False}, {False}, {True}, {True}),
    ]
    assert all([r.seed for r in requests] == [r.seed for r in asked[0]] for requests in asked)
    assert found.squares[0].more == (0, 0, 0) and found.least == LEAST


def test_what_a_collage_adds_is_told_in_pairs(monkeypatch):
    found, _ = painted(monkeypatch, Fooled(KINDS))
    (squares,) = found.squares
    assert squares.present[0] == 0 and squares.present_collaged[0] == 1
    assert squares.collaged[0] == squares.more[0] > 0 and squares.more_present == (1, 1, 1)
    said = sentences(found)
    assert len(said) == 2 and said[0].startswith("As a collage, things: 1:")
    number = of_one_thing(as_json(found))
    assert number is not None and number.value == squares.more[0]
    assert result_lines.collaged_lines(as_json(found)).count("\n- ") == 2
    label = plots_of_shares.collaged_painting(found).axes[0].get_xlabel()
    assert "filled: begun as a collage" in label


def test_too_few_captions_are_refused():
    with pytest.raises(ValueError, match="at least 8 captions, not 7"):
        measure(tiny_pipeline(), Obedient(()), n=7)
