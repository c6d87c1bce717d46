"""The study of painted places: squares, what an inspector sees, the settings that it compares."""

import math

import numpy as np
import pytest

from analysis import paint_with_words
from analysis.paint_with_words import LARGEST, SMALLEST, Box, inside, jobs, measure, sentences
from ediffi.storybook.inspector import Reading, Seen
from tests.fakes import tiny_pipeline


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
        assert all(noun in job.task.caption.text.lower() for noun in job.nouns)
        assert all(SMALLEST <= box.side**2 <= LARGEST for box in job.boxes)
        assert all(0 <= min(b.left, b.top) and max(b.left, b.top) + b.side <= 1 for b in job.boxes)
        assert all(a.overlap(b) == 0 for k, a in enumerate(job.boxes) for b in job.boxes[:k])
        painting = job.painting(2.0, "std")
        assert [r.weight for r in painting.regions] == [2.0] * things
        assert painting.rule == "std"


class Obedient:
    """An inspector that finds what was asked for in the middle of every picture."""

    def __init__(self, kinds):
        self.kinds = kinds

    def read(self, images):
        return [Reading(True, tuple(seen(k, 0.5, 0.5, 0.5) for k in self.kinds)) for _ in images]

    def features(self, images):
        return images.reshape(len(images), -1)[:, :8].astype(np.float64)


def test_every_setting_is_measured_on_the_same_captions(monkeypatch):
    painted = []
    model = tiny_pipeline()
    made = model.generate_many

    def watched(requests):
        painted.append(requests)
        return made(requests)

    monkeypatch.setattr(model, "generate_many", watched)
    kinds = {job.kinds[0] for job in jobs(8, 1)}
    found = measure(model, Obedient(kinds), n=8, weights=(1.0,), things=(1,), steps=1)
    assert [(p.rule, p.weight) for p in found.placed] == [("none", 0), ("max", 1), ("std", 1)]
    assert [[r.seed for r in requests] for requests in painted] == [
        [r.seed for r in painted[0]]
    ] * 3
    assert all(request.painting is None for request in painted[0])
    shares = [job.boxes[0].overlap(Box(0.25, 0.25, 0.5)) / 0.25 for job in jobs(8, 1)]
    for placed in found.placed:
        assert placed.inside[0] == pytest.approx(np.mean(shares), abs=1e-3)
        assert placed.chance == pytest.approx(np.mean(shares), abs=1e-3)
        assert placed.present == (1, 1, 1)
        assert all(math.isfinite(value) for value in placed.distance)
    assert len(sentences(found)) == 3 and sentences(found)[0].startswith("Unpainted")


def test_one_caption_is_too_few():
    with pytest.raises(ValueError, match="not 1"):
        measure(tiny_pipeline(), Obedient(()), n=1)


def test_the_command_writes_its_record(monkeypatch, tmp_path, capsys):
    import sys

    from ediffi.files import read_json
    from tests.fakes import tiny_model_folder

    out = tmp_path / "places.json"
    words = ["--model", str(tiny_model_folder(tmp_path / "tiny")), "--n", "8", "--out", str(out)]
    words += ["--weights", "1", "--rules", "max"]
    monkeypatch.setattr(sys, "argv", ["paint_with_words", *words])
    assert paint_with_words.main() == 0
    assert read_json(out)["n"] == 8
    assert capsys.readouterr().out.count("inside its square") == 4
