"""What names a thing and what is around it, on words alone and on the storybook's wordings."""

import pytest

from ediffi.conditioning.prompt import Prompt
from ediffi.conditioning.surroundings import surrounds
from ediffi.storybook import phrases
from ediffi.storybook.evaluation import make_tasks


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("a red fox", ["a red fox"]),
        ("a drawing of a red fox in the snow at night", ["a red fox"]),
        ("Flat drawing: a red fox as the sun goes down", ["a red fox"]),
        ("a fox on the left resting in the meadow", ["a fox"]),
        ("a snow leopard in a sun hat", ["a snow leopard", "a sun hat"]),
        ("a night owl watching over the sea", ["a night owl watching"]),
        ("a sign saying SEA", ["a sign saying SEA"]),
        ("a sign that reads SNOW", ["a sign", "that reads SNOW"]),
        ("A FOX IN THE RAIN", ["A FOX"]),
        ("a red fox under the moon", ["a red fox"]),
        ("a red fox under a yellow moon", ["a red fox", "a yellow moon"]),
        ("the snow", []),
        ("a boat among the waves", ["a boat"]),
        ("", []),
        ("7", ["7"]),
        ("🦊 夜 ثعلب", ["夜 ثعلب"]),
    ],
)
def test_a_text_names_things(text, things):
    prompt = Prompt(text)
    assert [prompt.text[span.start : span.end] for span in prompt.things] == things


def test_nothing_surrounds_nothing():
    assert not surrounds([])
    assert not surrounds(["a"])


@pytest.mark.parametrize("rows", [phrases.PLACES, phrases.AFLOAT, phrases.SKIES])
def test_no_wording_of_a_place_or_sky_names_a_thing(rows):
    said = [text for texts in rows.values() for text in texts]
    naming = {text for text in said if len(Prompt(f"a red fox {text}").things) != 1}
    assert naming <= {"while it snows"}


def test_nearly_every_caption_of_one_thing_names_one():
    """Windows of stained glass are things: other lists would lose real windows."""
    lone, others = [], []
    for task in make_tasks(400, 1, "test"):
        things = task.scene.things
        plain = len(things) == 1 and not things[0].wears and things[0].word is None
        prompt = Prompt(task.caption.text)
        named = sum(map(prompt.counted, prompt.things))
        (lone if plain else others).append(named == 1)
    assert sum(lone) >= 0.94 * len(lone) > 0
    assert sum(others) <= 0.01 * len(others)
