"""How much of a painted square the drawing code could fill: bounds that can be worked out."""

from dataclasses import replace

import pytest

from analysis import painted_reach, plots_of_shares, result_lines
from analysis.painted_reach import inside, measure, sentences
from analysis.painted_tasks import Box, jobs
from ediffi.config import as_json
from ediffi.storybook.layout import Spot

STANDING = replace(jobs(1, 1)[0], kinds=("cat",), boxes=(Box(0.3, 0.4, 0.4),))


def at(x: float, y: float, size: float) -> tuple[Spot, ...]:
    return (Spot(x, y, size, False, 0.0),)


def test_a_thing_that_fills_its_square_is_all_inside():
    assert inside(STANDING, at(0.5, 0.8, 0.4)) == pytest.approx(1)
    floating = replace(STANDING, kinds=("balloon",))
    assert inside(floating, at(0.5, 0.6, 0.4)) == pytest.approx(1)


def test_what_is_beside_or_larger_is_inside_by_its_area():
    assert inside(STANDING, at(0.7, 0.8, 0.4)) == pytest.approx(0.5)
    assert inside(STANDING, at(0.5, 1.0, 0.8)) == pytest.approx(0.25)
    assert inside(STANDING, at(0.1, 0.8, 0.2)) == 0


def test_what_leaves_the_page_does_not_count():
    corner = replace(STANDING, boxes=(Box(0.0, 0.4, 0.4),))
    assert inside(corner, at(0.0, 0.8, 0.4)) == pytest.approx(1)


def test_of_two_things_the_mean_is_told():
    pair = replace(jobs(1, 2)[0], kinds=("cat", "cat"), boxes=(Box(0, 0, 0.4), Box(0.6, 0.6, 0.4)))
    assert inside(pair, (*at(0.2, 0.4, 0.4), *at(0.2, 0.4, 0.4))) == pytest.approx(0.5)


def test_the_best_page_is_no_worse_than_a_usual_one_and_better_among_more():
    few, more = (measure(12, draws=draws) for draws in (1, 40))
    assert [each.usual for each in few.filled] == [each.best for each in few.filled]
    for one, other in zip(few.filled, more.filled, strict=True):
        assert other.best[0] > max(one.best[0], other.usual[0])
    assert measure(12, draws=40) == more


def test_pages_have_the_things_of_the_caption_alone_in_its_place(monkeypatch):
    asked = []
    monkeypatch.setattr(painted_reach, "arrange", lambda _, *page: asked.append(page))
    measure(6, things=(2,), draws=1)
    for job, (roles, place) in zip(jobs(6, 2), asked, strict=True):
        things = [job.task.scene.things[i] for i in job.task.caption.things]
        drawn = {(t.kind, t.colour, t.wears, t.word) for t in things}
        assert tuple(role.kind for role in roles) == job.kinds
        assert {(r.kind, r.colour, r.wears, r.word) for r in roles} <= drawn
        assert place == job.task.scene.place


def test_it_is_told_in_sentences_a_figure_and_the_card():
    found = measure(4, draws=3)
    said = sentences(found)
    assert [each.split(":")[1].strip()[0] for each in said] == ["1", "2"]
    assert "on the best of 3 (n = 4)" in said[0]
    assert result_lines.reach_lines(as_json(found)).count("\n- ") == 2
    figure = plots_of_shares.painted_reach(found)
    assert "the best of 3 pages" in figure.axes[0].get_title()


def test_where_no_page_is_found_nothing_is_inside(monkeypatch):
    monkeypatch.setattr(painted_reach, "arrange", lambda *_: None)
    assert measure(2, things=(1,), draws=2).filled[0].best == (0, 0, 0)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 4, "draws": 0}])
def test_nothing_to_try_is_refused(wrong):
    with pytest.raises(ValueError, match="1 caption and 1 page at least"):
        measure(**wrong)
