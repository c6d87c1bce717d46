"""The study of the encoders: a model that hears what it is told to, and its record."""

import json
from dataclasses import asdict, dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from analysis import embedding_ablation, plots, results
from analysis.embedding_ablation import SCORED, Ablation, measure, sentences
from analysis.side_by_side import EIGHT
from ediffi.config import from_json
from ediffi.storybook.evaluation import make_tasks
from ediffi.storybook.inspector import Reading, Seen
from tests.fakes import tiny_pipeline

N = 12


@dataclass(frozen=True)
class Asked:
    seed: int
    without: tuple[str, ...]
    style: str | None


class Listening:
    """A model that shows a scene's things where T5 is heard and its style where a picture is.

    What it shows is written into its picture's first pixels: the seed, and two flags.
    """

    model = SimpleNamespace(name="listening")

    def style(self, pictures, strength):
        assert len(pictures) == 1 and strength > 0
        return "a look"

    def request(self, prompt, seed, steps, without, style):
        return Asked(seed, without, style)

    def generate_many(self, requests):
        return [SimpleNamespace(image=self.painted(asked)) for asked in requests]

    def painted(self, asked):
        picture = np.zeros((64, 64, 3), np.uint8)
        shown = asked.style is not None and "clip_image" not in asked.without
        picture[0, 0] = asked.seed, "t5" not in asked.without, shown
        return picture


class Flags:
    """An inspector that reads those flags; of pictures without them, true renders, it reads all."""

    def __init__(self, tasks):
        self.tasks = {task.seed: task for task in tasks}

    def read(self, images):
        if images[0, 1:].any():
            return [self.reading(task, True, True) for task in self.tasks.values()]
        return [self.reading(self.tasks[int(p[0, 0, 0])], *p[0, 0, 1:] > 0) for p in images]

    def reading(self, task, things, style):
        found = [Seen(t.kind, t.colour, t.x, t.y, 0.4, 1.0) for t in task.scene.things]
        return Reading(
            True, tuple(found) if things else (), style=task.scene.style if style else None
        )

    def features(self, images):
        raise AssertionError("an ablation has no distance between sets")


@pytest.fixture(scope="module")
def found() -> Ablation:
    reader = Flags(make_tasks(N, 0, "test"))
    return measure(Listening(), reader, N, ("short",))  # pyright: ignore


def test_every_choice_is_scored_by_what_it_was_told(found):
    assert [each.embeddings for each in found.heard] == list(EIGHT)
    for each in found.heard:
        things, style, place = (each.score(name) for name in ("thing", "style", "place"))
        assert things is not None and things.n == N
        assert things.share == float("t5" in each.embeddings) and things.inspector == 1
        assert style is not None and style.share == float("clip_image" in each.embeddings)
        assert place is not None and place.share == 0
        assert {score.name for score in each.scores} <= set(SCORED)
        assert each.shown["thing"] == str(int("t5" in each.embeddings)) * N
        assert len(each.shown["style"]) == N and each.shown["style"].count("-") == N - style.n
    assert found.of("short", ()).embeddings == ()
    with pytest.raises(ValueError, match="T5 was not measured on long captions"):
        found.of("long", ("t5",))


def test_the_sentences_name_what_was_heard(found):
    said = sentences(found)
    assert said[3].startswith("short captions, nothing heard: thing 0.0 % (0.0 to")
    assert len(said) == 9 and said[-1].startswith("n = 12 captions of each length")


def test_the_record_comes_back_as_a_table(found):
    record = json.loads(json.dumps(asdict(found)))
    assert from_json(Ablation, record) == found
    lines = results.heard_table(record).splitlines()
    assert lines[2] == "| heard | short: thing | short: colour | short: place | short: style |"
    assert lines[4].startswith("| T5 + CLIP text | 100 % (76 to 100) |")
    assert len(lines) == 12 and all(line.count("|") == 6 for line in lines[2:])
    assert results.HEARD <= set(record)


def test_the_figure_has_a_panel_for_every_length(found):
    (axes,) = plots.embedding_ablation(found).axes
    assert axes.get_title() == "short captions" and len(axes.get_xticks()) == 8


def test_embeddings_that_are_not_heard_are_the_exact_null():
    model, (one, other) = tiny_pipeline(), make_tasks(2, 0, "test")
    shown = np.stack([np.asarray(np.full((16, 16, 3), v, np.uint8)) for v in (30, 220)])
    made = {
        heard: embedding_ablation.pictures(model, [one, other], shown, heard, steps=2)
        for heard in EIGHT
    }
    assert len({picture.tobytes() for picture in made.values()}) == 8
    alone = model.generate("", one.seed, steps=2).image
    factor = 64 // alone.width
    wide = np.asarray(alone).repeat(factor, 0).repeat(factor, 1)
    assert np.abs(made[()][0].astype(int) - wide).max() <= 2


def test_no_caption_is_too_few():
    with pytest.raises(ValueError, match="at least 1 caption, not 0"):
        measure(tiny_pipeline(), Flags([]), 0)
