"""Every sentence the studio offers is in the storybook's words, and runs."""

import random
from dataclasses import replace

import numpy as np
import pytest

from demo import engine, examples, regions, storybook
from demo.engine import Defaults, Painted
from demo.examples import EXAMPLES, file_name, oval, surprise
from demo.storybook import StorybookEngine, paint_examples
from ediffi.recipe import read_png
from ediffi.storybook.vocabulary import unknown_words
from tests.fakes import tiny_pipeline

from .fake_engine import FakeEngine


def test_there_are_enough_to_choose_from_and_some_show_more_than_a_sentence():
    assert len(EXAMPLES) >= 12
    assert len({example.picture for example in EXAMPLES}) == len(EXAMPLES)
    assert len([example for example in EXAMPLES if example.painting]) >= 3
    assert [example for example in EXAMPLES if example.lender]
    assert [example for example in EXAMPLES if example.turn]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.prompt)
def test_an_example_is_known_and_runs(example):
    assert unknown_words(example.prompt) == ()
    assert not example.turn or unknown_words(example.turn[1]) == ()
    # What a card asks for passes the checks that a visitor's values pass.
    painted = regions.as_json(example.prompt, example.painting)
    steered = example.steering
    asked = engine.request(example.prompt, example.seed, 2, 3.0, 1, None, painted, steered)
    assert asked == example.request(Defaults(2, 3.0))
    *_, last = FakeEngine().paint(asked)
    assert isinstance(last, Painted) and len(last.pictures) == 1


def test_a_lender_is_the_picture_of_another_card():
    names = {example.picture.name for example in EXAMPLES if not example.lender}
    assert {example.lender for example in EXAMPLES if example.lender} <= names


def test_an_oval_fills_its_frame():
    mask = np.frombuffer(oval(0, 0, 1, 0.5), np.uint8).reshape(64, 64)
    assert set(mask.ravel()) == {0, 255} and not mask[32:].any()
    assert mask[16].all() and (mask > 0).mean() == pytest.approx(np.pi / 8, abs=0.01)


def test_the_cards_pictures_are_the_models_own_and_of_cards_that_exist():
    """`python -m demo --paint-examples` makes them; one sentence changed, and they are stale."""
    folder = EXAMPLES[0].picture.parent
    found = {path: (read_png(path).prompt, read_png(path).seed) for path in folder.glob("*")}
    known = {example.picture: (example.prompt, example.seed) for example in EXAMPLES}
    assert found == known


def test_cards_of_every_kind_are_painted_and_the_lender_first(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "ASSETS", tmp_path)
    painter = StorybookEngine.of(tiny_pipeline())
    painter.sampling = replace(painter.sampling, steps=2)
    chosen = [*[e for e in EXAMPLES if e.lender], *[e for e in EXAMPLES if e.painting][:1]]
    chosen += [e for e in EXAMPLES if e.turn]
    chosen += [e for e in EXAMPLES if e.picture.name == chosen[0].lender]
    monkeypatch.setattr(storybook, "EXAMPLES", chosen)
    paint_examples(painter)
    recipes = [read_png(example.picture) for example in chosen]
    lent, painted, turned, _ = recipes
    assert lent.style is not None and painted.painting is not None and len(turned.timeline) == 1
    assert [recipe.prompt for recipe in recipes] == [example.prompt for example in chosen]


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
