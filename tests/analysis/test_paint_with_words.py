"""The study of painted places: squares, what an inspector sees, the settings that it compares."""

import math

import numpy as np
import pytest

from analysis import paint_with_words
from analysis.paint_with_words import inside, measure, sentences, sides
from analysis.painted_tasks import LARGEST, SMALLEST, Box, Setting, jobs
from ediffi.storybook.inspector import Reading, Seen
from tests.fakes import noted, tiny_pipeline


def seen(kind, x, y, size):
    return Seen(kind=kind, colour="red", x=x, y=y, size=size, score=1.0)


def test_overlaps_of_squares_in_closed_form():
    box = Box(0.25, 0.25, 0.5)
    assert box.overlap(box) == pytest.approx(0.25)
    assert box.overlap(Box(0.5, 0.5, 0.5)) == pytest.approx(0.0625)
    assert box.overlap(Box(0.75, 0.0, 0.25)) == 0
    assert box.mask().sum() == 32 * 32
    assert Box(0.0, 0.0, 1.0).mask().all()


def test_the_share_inside_is_that_of_the_things_own_box():
    box = Box(0.0, 0.0, 0.5)
    assert inside(Reading(True, (seen("fox", 0.25, 0.25, 0.4),)), "fox", box) == pytest.approx(1)
    assert inside(Reading(True, (seen("fox", 0.5, 0.25, 0.4),)), "fox", box) == pytest.approx(0.5)
    assert inside(Reading(True, (seen("fox", 0.9, 0.9, 0.2),)), "fox", box) == 0
    # What hangs over the edge of the page is not there to be inside or outside.
    assert inside(Reading(True, (seen("fox", 0.0, 0.25, 0.4),)), "fox", box) == pytest.approx(1)
    assert inside(Reading(True, (seen("owl", 0.25, 0.25, 0.4),)), "fox", box) is None
    two = (seen("fox", 0.9, 0.9, 0.2), seen("fox", 0.25, 0.25, 0.2))
    assert inside(Reading(True, two), "fox", box) == pytest.approx(1)


@pytest.mark.parametrize("things", [1, 2])
def test_captions_name_each_thing_once_and_squares_keep_apart(things):
    asked = jobs(12, things)
    assert len(asked) == 12 and jobs(5, things) == asked[:5]
    for job in asked:
        assert len(job.kinds) == len(set(job.kinds)) == len(job.boxes) == things
        assert all(phrase in job.task.caption.text for phrase in job.phrases)
        assert all(SMALLEST <= box.side**2 <= LARGEST for box in job.boxes)
        assert all(0 <= min(b.left, b.top) and max(b.left, b.top) + b.side <= 1 for b in job.boxes)
        assert all(a.overlap(b) == 0 for k, a in enumerate(job.boxes) for b in job.boxes[:k])
        painting = job.painting(Setting("std", 2.0, 0.5))
        assert [r.weight for r in painting.regions] == [2.0] * things
        assert (painting.rule, painting.elsewhere) == ("std", 0.5)
        assert not any("describe it" in said for said in painting.warnings(8))


def test_things_are_painted_by_all_the_words_that_describe_them():
    phrases = [phrase for job in jobs(40, 1) for phrase in job.phrases]
    assert sum(" " in phrase for phrase in phrases) > 30
    assert any(phrase.lower().startswith(("a ", "an ", "the ")) for phrase in phrases)


class Obedient:
    """An inspector that finds what was asked for in the middle of every picture."""

    def __init__(self, kinds):
        self.kinds = kinds

    def read(self, images):
        return [Reading(True, tuple(seen(k, 0.5, 0.5, 0.5) for k in self.kinds)) for _ in images]

    def features(self, images):
        return images.reshape(len(images), -1)[:, :8].astype(np.float64)


def test_every_setting_is_measured_on_the_same_captions(monkeypatch):
    model = tiny_pipeline()
    painted = noted(monkeypatch, model)
    kinds = {job.kinds[0] for job in jobs(8, 1)}
    settings = (Setting("max", 1.0, 0.0), Setting("std", 2.0, 1.0))
    found = measure(model, Obedient(kinds), n=8, settings=settings, things=(1,), steps=1)
    assert [(p.rule, p.weight, p.elsewhere) for p in found.placed] == [
        ("none", 0, 0),
        ("max", 1, 0),
        ("std", 2, 1),
    ]
    # Squares without and with each setting, then both sides by each.
    assert [[r.seed for r in requests] for requests in painted] == [
        [r.seed for r in painted[0]]
    ] * 7
    assert all(request.painting is None for request in painted[0])
    shares = [job.boxes[0].overlap(Box(0.25, 0.25, 0.5)) / 0.25 for job in jobs(8, 1)]
    for placed in found.placed:
        assert placed.inside[0] == pytest.approx(np.mean(shares), abs=1e-3)
        assert placed.chance == pytest.approx(np.mean(shares), abs=1e-3)
        assert placed.present == (1, 1, 1)
        assert placed.beyond and placed.beyond[0] == pytest.approx(
            placed.inside[0] - placed.chance, abs=2e-4
        )
        assert all(math.isfinite(value) for value in placed.distance)
    said = sentences(found)
    # What stands in the middle is not on the left.
    assert [(s.rule, s.captions, s.asked[0], s.present[0]) for s in found.sided] == [
        ("max", 8, 0.5, 1),
        ("std", 8, 0.5, 1),
    ]
    assert "50 % stand where they were painted" in said[3]
    assert len(said) == 5 and said[0].startswith("Unpainted")
    assert said[1].startswith("Max, weight 1, things") and "held back elsewhere" in said[2]


class OnTheLeft(Obedient):
    """An inspector that finds it on the left in pictures that are darker there, else nowhere."""

    def read(self, images):
        dark = [image[:, :32].mean() < image[:, 32:].mean() for image in images]
        there = tuple(seen(kind, 0.2, 0.5, 0.2) for kind in self.kinds)
        return [Reading(True, there if is_dark else ()) for is_dark in dark]


class OnTheDarkSide(Obedient):
    """An inspector that finds it on the darker half."""

    def read(self, images):
        left = [image[:, :32].mean() < image[:, 32:].mean() for image in images]
        return [
            Reading(
                True, tuple(seen(kind, 0.2 if on_left else 0.8, 0.5, 0.2) for kind in self.kinds)
            )
            for on_left in left
        ]


def dark_where_painted(model, asked, by, steps, masks, samples):
    """Pictures that are black where the mask is."""
    page = np.where(masks[0], 0, 200).astype(np.uint8)
    return np.broadcast_to(page[None, :, :, None], (len(asked), *page.shape, 3)).copy()


def test_a_thing_counts_where_it_is_there_and_on_the_side_that_was_asked_for(monkeypatch):
    asked = jobs(8, 1)
    dark_left = np.full((8, 64, 64, 3), 200, np.uint8)
    dark_left[:4, :, :32] = 0
    monkeypatch.setattr(paint_with_words, "sampled_by", lambda *_: dark_left)
    kinds = {job.kinds[0] for job in asked}
    model = tiny_pipeline()
    found = sides(model, OnTheLeft(kinds), asked, Setting("max", 1.0, 1.0))
    assert found.captions == 4 and found.present[0] == 0.5
    assert found.asked == (0.5, 0.15, 0.85)
    # Eight of eight still leave room for doubt.
    monkeypatch.setattr(paint_with_words, "sampled_by", dark_where_painted)
    every = sides(model, OnTheDarkSide(kinds), asked, Setting("max", 1.0, 1.0))
    assert every.captions == 8 and every.asked == (1.0, 0.6756, 1.0)
    nowhere = sides(model, OnTheLeft(()), asked, Setting("max", 1.0, 1.0))
    assert (nowhere.captions, nowhere.asked) == (0, (0.5, 0.0, 1.0))


def test_one_caption_is_too_few():
    with pytest.raises(ValueError, match="not 1"):
        measure(tiny_pipeline(), Obedient(()), n=1)
