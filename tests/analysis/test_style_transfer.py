"""The study of lent styles: its jobs, what counts as a leak, and its command line."""

import pytest

from analysis.style_transfer import by_style, jobs, measure, sentences
from ediffi.controls.style_transfer import STRENGTH
from ediffi.storybook.inspector import Reading, Seen
from ediffi.storybook.vocabulary import STYLES
from tests.fakes import tiny_pipeline


def seen(kind):
    return Seen(kind=kind, colour="red", x=0.5, y=0.5, size=0.4, score=1.0)


class Scripted:
    """An inspector that reads the same out of every picture, and counts them."""

    def __init__(self, style, kinds):
        self.reading = Reading(True, tuple(map(seen, kinds)), style=style)
        self.pictures = []

    def read(self, images):
        self.pictures.append(len(images))
        return [self.reading] * len(images)

    def features(self, images):
        raise AssertionError("a style has no distance")


def test_jobs_name_no_style_and_their_references_take_turns():
    asked = jobs(18)
    assert jobs(5) == asked[:5]
    assert [job.reference.style for job in asked] == list(STYLES) * 2
    for job in asked:
        assert not any(word in job.text.lower() for word in ("watercolour", "linocut", "pixel"))
        assert job.reference.seed != job.scene.seed
        assert not job.foreign & job.kinds


def test_a_style_a_thing_and_a_leak_are_counted():
    asked = jobs(9)
    style, thing = asked[0].reference.style, asked[0].scene.things[0].kind
    foreign = sorted(asked[0].foreign)[0]
    reader = Scripted(style, [thing, foreign])
    found = measure(tiny_pipeline(), reader, n=9, strengths=(2.0,), windows=((0.5, 4.0),), steps=1)
    assert reader.pictures == [9, 9]
    assert [(e.strength, e.sigma_low, e.sigma_high) for e in found.lent] == [
        (0.0, 0.0, 1e4),
        (2.0, 0.5, 4.0),
    ]
    named = [job.scene.things[0].kind for job in asked if job.scene.things]
    leaks = [bool(job.foreign & {thing, foreign}) for job in asked if job.foreign]
    for each in found.lent:
        assert each.style[0] == pytest.approx(1 / 9, abs=1e-4)
        expected = sum(kind in (thing, foreign) for kind in named) / len(named)
        assert each.things[0] == pytest.approx(expected, abs=1e-4)
        assert each.leak[0] == pytest.approx(sum(leaks) / len(leaks), abs=1e-4)
        assert each.leak[0] > 0
        seen_first = "".join(str(int(kind in (thing, foreign))) for kind in named)
        assert each.shown["things"].replace("-", "") == seen_first
        assert each.shown["style"] == "1" + "0" * 8
        assert each.shown["leak"].count("1") == sum(leaks)
        assert by_style(each) == {name: (int(name == style), 1) for name in STYLES}
    assert sentences(found)[0].startswith("No reference")
    assert sentences(found)[-1] == "n = 9; a guess meets the style in 11.1 %."


def test_the_usual_strength_is_told_style_by_style():
    reader = Scripted("crayon", [])
    found = measure(tiny_pipeline(), reader, n=4, strengths=(STRENGTH,), steps=1)
    told = [line for line in sentences(found) if "by the reference's style" in line]
    counts = "flat 0 of 1, watercolour 0 of 1, crayon 1 of 1, cutout 0 of 1"
    assert told == [f"At strength 3 by the reference's style: {counts}."]


def test_no_caption_is_too_few():
    with pytest.raises(ValueError, match="at least 1 caption, not 0"):
        measure(tiny_pipeline(), Scripted("flat", []), n=0)
