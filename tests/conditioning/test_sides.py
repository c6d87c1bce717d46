"""What a sentence says of sides, on texts alone."""

import pytest

from ediffi.conditioning.prompt import Prompt
from ediffi.conditioning.sides import OPPOSITE, Stated, stated


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("a fox left of a boat", {"a fox": "left", "a boat": "right"}),
        ("a fox sits to the right of a boat", {"a fox sits": "right", "a boat": "left"}),
        ("a fox on the right-hand side of a boat", {"a fox": "right", "a boat": "left"}),
        ("A fox ON THE LEFT SIDE OF a boat", {"A fox": "left", "a boat": "right"}),
        ("a fox above a boat", {"a fox": "top", "a boat": "bottom"}),
        ("a fox beneath a boat", {"a fox": "bottom", "a boat": "top"}),
        ("a drawing of a fox left of a boat", {"a fox": "left", "a boat": "right"}),
        ("a fox in the snow left of a boat", {"a fox": "left", "a boat": "right"}),
        ("in the snow left of a boat", {"the snow": "left", "a boat": "right"}),
        ("an owl, and a fox left of a boat", {"a fox": "left", "a boat": "right"}),
        ("a fox on the left", {"a fox": "left"}),
        ("a fox on the left and a boat on the right.", {"a fox": "left", "a boat": "right"}),
        ("On the left a fox, on the right a boat", {"a fox": "left", "a boat": "right"}),
        ("on the right side of the page, an owl", {"an owl": "right"}),
        ("a sun at the top, a fox at the bottom", {"a sun": "top", "a fox": "bottom"}),
    ],
)
def test_a_text_puts_phrases_on_sides(text, sides):
    prompt = Prompt(text)
    assert {prompt.text[s.start : s.end]: side for s, side in prompt.sides} == sides
    assert len(prompt.sides) == len(sides)


@pytest.mark.parametrize(
    "text",
    [
        "a fox and a boat",
        "what is left",
        "left of a boat",
        "a fox to the left of",
        "a fox on the right track",
        "a boat at the top of a hill",
        "a fox over there",
        "a leftover, an undertow",
        "",
    ],
)
def test_other_texts_put_nothing_on_a_side(text):
    assert Prompt(text).sides == ()


def test_a_phrase_may_have_several_sides():
    prompt = Prompt("a fox left of a boat left of a tree")
    said = [(prompt.text[s.start : s.end], side) for s, side in prompt.sides]
    assert said == [("a fox", "left"), ("a boat", "right"), ("a boat", "left"), ("a tree", "right")]


def test_words_that_say_a_side_belong_to_no_phrase():
    prompt = Prompt("a fox to the left of a boat, an owl on the right")
    said = [prompt.text[span.start : span.end] for span in prompt.phrases]
    assert said == ["a fox", "a boat", "an owl"]


def test_what_is_stated_stands_in_order_with_its_characters():
    text = "a fox on the left, a boat over a hat"
    assert stated(text, ["a"]) == (Stated(6, 17, "left", False), Stated(26, 30, "top", True))


def test_every_side_has_its_opposite():
    assert {OPPOSITE[OPPOSITE[side]] for side in OPPOSITE} == set(OPPOSITE)
