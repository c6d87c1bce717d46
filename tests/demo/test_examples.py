"""Every sentence the studio offers is in the storybook's words, and runs."""

import random

import pytest

from demo import engine
from demo.engine import Painted
from demo.examples import EXAMPLES, file_name, surprise
from demo.storybook import StorybookEngine
from ediffi.recipe import read_png
from ediffi.storybook.vocabulary import unknown_words

from .fake_engine import FakeEngine


def test_there_are_enough_to_choose_from():
    assert len(EXAMPLES) >= 12
    assert len({example.prompt for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.prompt)
def test_an_example_is_known_and_runs(example):
    assert unknown_words(example.prompt) == ()
    asked = engine.request(example.prompt, example.seed, 2, 3.0, 1)
    *_, last = FakeEngine().paint(asked)
    assert isinstance(last, Painted) and len(last.pictures) == 1


def test_the_cards_pictures_are_the_models_own_and_all_there_or_none():
    """`python -m demo --paint-examples` makes them; one sentence changed, and they are stale."""
    folder = EXAMPLES[0].picture.parent
    found = {read_png(path).prompt: read_png(path).seed for path in folder.glob("*")}
    assert found in ({}, {example.prompt: example.seed for example in EXAMPLES})


def test_surprises_differ_and_are_known():
    said = [surprise(random.Random(seed)) for seed in range(200)]
    assert len(set(said)) > 190
    assert [sentence for sentence in said if unknown_words(sentence)] == []


def test_every_word_in_the_word_box_is_known():
    # The shelves come from the vocabulary alone, whatever the weights.
    shelves = StorybookEngine.shelves(object.__new__(StorybookEngine))
    words = [word for shelf in shelves for word in shelf.words]
    assert len(words) > 100
    assert [word for word in words if unknown_words(word)] == []


@pytest.mark.parametrize("prompt", ["../../etc/passwd", "", "🦊" * 50, "a" * 800, 'x"; rm -rf'])
def test_file_names_are_plain(prompt):
    name = file_name(prompt, 7)
    assert name.endswith("-7.png") and len(name) < 64
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.") and name.count(".") == 1
