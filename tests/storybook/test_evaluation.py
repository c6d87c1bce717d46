"""The evaluation's procedure with an inspector that knows the truth."""

import json

import numpy as np
import pytest

from ediffi.storybook import evaluation
from ediffi.storybook.evaluation import blurred, evaluate, make_tasks
from ediffi.storybook.inspector import Reading, Seen
from ediffi.storybook.inspector_pictures import centre


class Oracle:
    """Reads a picture by the number written into its first pixel: that of a task, or nothing."""

    def __init__(self, tasks):
        self.readings = [
            Reading(
                True,
                tuple(
                    Seen(t.kind, t.colour, *centre(t), t.size, 1.0, t.wears, t.word)
                    for t in task.scene.things
                ),
                task.scene.place,
                task.scene.sky,
                task.scene.style,
            )
            for task in tasks
        ]

    def read(self, images):
        numbers = images[:, 0, 0, 0]
        return [self.readings[k] if k < len(self.readings) else Reading(False) for k in numbers]

    def features(self, images):
        return images.reshape(len(images), -1)[:, ::1024].astype(float)


@pytest.fixture
def tasks(monkeypatch):
    tasks = make_tasks(40, 0, "test")

    def draw(scenes, workers, tell):
        random = np.random.default_rng(len(scenes))
        images = random.integers(0, 256, (len(scenes), 64, 64, 3), np.uint8)
        images[:, 0, 0, 0] = np.minimum(np.arange(len(scenes)), 255)
        return images

    monkeypatch.setattr(evaluation, "draw", draw)
    return tasks


def sampler(tasks, numbers):
    """A model that paints for caption i what task `numbers[i]` asks for."""
    order = iter(numbers)

    def sample(captions, seeds):
        images = np.random.default_rng(1).integers(0, 256, (len(captions), 64, 64, 3), np.uint8)
        images[:, 0, 0, 0] = [next(order) for _ in captions]
        return images

    return sample


def test_a_model_that_paints_what_is_asked_gets_full_marks(tasks):
    told = []
    found = evaluate(
        sampler(tasks, range(40)), Oracle(tasks), n=40, progress=lambda *told_: told.append(told_)
    )
    assert {score.name for score in found.scores} >= {"thing", "colour", "two_things", "style"}
    for score in found.scores:
        assert score.share == 1 and score.inspector == 1, score
        assert score.chance is None or score.chance < 0.7, score
    assert found.unreadable == 0 and found.n == 40
    assert told[0] == ("sampling", 0, 40) and told[-1] == ("reading", 40, 40)
    assert [distance.name for distance in found.distances] == ["frechet", "kernel"]


def test_a_model_that_does_not_listen_scores_what_chance_is(tasks):
    found = evaluate(sampler(tasks, [*range(7, 40), *range(7)]), Oracle(tasks), n=40)
    thing = found.score("thing")
    assert thing is not None and thing.chance is not None
    assert thing.share < 0.4 and thing.chance == pytest.approx(thing.share, abs=0.25)
    assert thing.inspector == 1


def test_an_evaluation_is_json_and_repeats(tasks):
    one, other = (
        evaluate(sampler(tasks, range(12)), Oracle(tasks), n=12, seed=0).to_json() for _ in "ab"
    )
    for times in (one, other):
        assert times.pop("sampling_seconds") >= 0 and times.pop("inspection_seconds") >= 0
    assert json.loads(json.dumps(one)) == json.loads(json.dumps(other))


def test_controls_tell_a_reader_that_believes_anything(tasks):
    found = evaluate(sampler(tasks, range(40)), Oracle(tasks), n=40)
    controls = {control.name: control for control in found.controls}
    assert controls["true renders"].thing == 1
    assert controls["shuffled captions"].thing < 0.4
    assert controls["noise"].unreadable > 0.5


def test_tasks_are_decided_by_the_seed_and_do_not_depend_on_n():
    assert make_tasks(5, 3, "test") == make_tasks(8, 3, "test")[:5]
    assert make_tasks(5, 3, "test") != make_tasks(5, 4, "test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 1}, "n must be .* 2 to 10000, but is 1"),
        ({"n": 10**9}, "but is 1000000000"),
        ({"seed": -1}, "seed must be"),
        ({"split": "train"}, "'train'"),
    ],
)
def test_refusals_name_value_and_limit(changes, message):
    with pytest.raises(ValueError, match=message):
        evaluate(sampler([], []), Oracle([]), **changes)


def test_a_model_that_gives_too_few_pictures_is_refused(tasks):
    with pytest.raises(ValueError, match="1 pictures for 12"):
        evaluate(lambda c, s: np.zeros((1, 64, 64, 3), np.uint8), Oracle(tasks), n=12)


def test_blurring_keeps_the_mean_and_takes_the_detail():
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    soft = blurred(images, 4.0)
    assert soft.std() < 0.1 * images.std()
    assert soft.mean() == pytest.approx(images.mean(), abs=2)
