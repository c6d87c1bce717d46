"""What a caption states, as rows: from canned evaluations to the figure."""

import pytest

from analysis import composition, plots_of_shares
from analysis.composition import Composition, Shown, measure, sentences, shown
from ediffi.config import as_json, from_json
from ediffi.storybook.evaluation import Evaluation
from ediffi.storybook.scoring import SCORES, Score


def found(length="short"):
    scores = (
        Score("two_things", 40, 20, 0.5, 0.35, 0.65, 0.1, 0.97),
        Score("thing", 50, 45, 0.9, 0.78, 0.96, 0.85, 1.0),
        Score("word", 3, 1, 1 / 3, 0.06, 0.79, None, None),
        Score("style", 50, 50, 1.0, 0.9, 1.0, 0.2, 1.0),
    )
    return Evaluation("test", length, 50, 0, 0.0, scores, (), (), 1.0, 1.0)


def test_rows_are_the_scores_about_composition_in_their_order():
    rows = shown(found())
    assert [row.name for row in rows] == ["thing", "two_things", "word"]
    assert set(composition.ASKED) <= set(SCORES)
    assert rows[1] == Shown("short", "two_things", 40, 0.5, 0.35, 0.65, 0.1, 0.97)


def test_above_chance_is_a_matter_of_the_whole_interval():
    thing, two_things, word = shown(found())
    assert two_things.above_chance and not thing.above_chance
    assert not word.above_chance, "chance is unknown"


def test_both_lengths_are_evaluated_and_drawn(monkeypatch):
    asked = []

    def evaluate(sample, reader, n, seed, length, progress, workers):
        asked.append((n, seed, length))
        return found(length)

    monkeypatch.setattr(composition, "evaluate", evaluate)
    made = measure("model", None, None, n=50, seed=3)  # type: ignore[arg-type]
    assert asked == [(50, 3, "short"), (50, 3, "long")]
    back = from_json(Composition, as_json(made))
    row = back.row("word", "long")
    assert row is not None and row.chance is None and back.row("count") is None
    (axes,) = plots_of_shares.composition(back).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["thing", "two things", "word"]
    assert "50.0 % (35.0 to 65.0; by chance 10.0 %, n = 40)" in " ".join(sentences(back))
    assert sum("unknown" in said for said in sentences(back)) == 2


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_captions_are_refused_before_anything_is_painted(n):
    with pytest.raises(ValueError, match=f"n must be a whole number from 2.*{n}"):
        measure("model", lambda captions, seeds: pytest.fail("painted"), None, n=n)  # type: ignore[arg-type]
