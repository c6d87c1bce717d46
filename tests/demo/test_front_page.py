"""The README's first picture shows the cards' sentences, each under the picture of its seed."""

import sys
import textwrap

import numpy as np
import pytest
from PIL import Image, ImageChops

from demo import front_page
from demo.examples import PLAIN
from demo.front_page import COLUMNS, GAP, LETTERS, LINE, SIZE
from demo.steering import INSIST
from ediffi.pipeline import EDiffI
from tests.fakes import tiny_cascade_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_cascade_folder(tmp_path_factory.mktemp("models") / "tiny")


def test_a_picture_is_that_of_its_cards_seed_and_has_words_below(folder):
    model = EDiffI.from_pretrained(folder)
    page = front_page.page(model, PLAIN[: COLUMNS + 1], 32)
    left, top = GAP + SIZE + GAP, GAP
    second = model.generate(PLAIN[1].prompt, PLAIN[1].seed, size=32, insist=INSIST).image
    shown = page.crop((left, top, left + SIZE, top + SIZE)).resize((32, 32), Image.Resampling.BOX)
    assert ImageChops.difference(shown, second).getbbox() is None
    below = page.crop((left, top + SIZE, left + SIZE, top + SIZE + 2 * LINE + GAP)).convert("L")
    assert np.asarray(below).min() < 100


def test_every_sentence_has_room():
    shown = PLAIN[: front_page.SHOWN]
    assert all(len(textwrap.wrap(card.prompt, LETTERS)) <= 2 for card in shown)


def test_the_command_writes_a_page(folder, tmp_path, monkeypatch):
    out = tmp_path / "cards.jpg"
    monkeypatch.setattr(sys, "argv", ["front_page", "--model", str(folder), "--out", str(out)])
    assert front_page.main() == 0
    with Image.open(out) as page:
        assert page.width == COLUMNS * (SIZE + GAP) + GAP
