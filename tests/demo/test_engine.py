"""What the studio lets through to a model, in values; no page, no server."""

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from demo import engine
from demo.engine import Painted, Progress

from .fake_engine import FakeEngine
from .paintings import painting, region

GOOD = {"prompt": "a red fox", "seed": 7, "steps": 4, "guidance": 3.0, "pictures": 2}


def test_a_good_request_passes_unchanged():
    assert engine.request(**GOOD) == engine.Request(**GOOD)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("prompt", None, "must be text"),
        ("prompt", ["a"], "must be text"),
        ("prompt", "a" * 100_000, "100,000 characters; the limit is 800"),
        ("seed", -1, "between 0 and 4294967295, not -1"),
        ("seed", 2**64, "between 0 and 4294967295"),
        ("seed", 10**400, "more than 21 digits"),
        ("seed", 1.5, "whole number"),
        ("seed", True, "must be a number"),
        ("seed", None, "must be a number"),
        ("seed", "7", "must be a number"),
        ("steps", 0, "between 1 and 50, not 0"),
        ("steps", 10**9, "between 1 and 50, not 1000000000"),
        ("guidance", math.nan, "between 0 and 15, not nan"),
        ("guidance", math.inf, "not inf"),
        ("guidance", -0.1, "not -0.1"),
        ("pictures", 5, "between 1 and 4, not 5"),
        ("pictures", 0, "between 1 and 4, not 0"),
        ("size", 0, "between 1 and 1024, not 0"),
        ("size", 5000, "between 1 and 1024, not 5000"),
        ("size", "64", "must be a number"),
        ("painting", "a fox", "A painting is an object of JSON, not str"),
    ],
)
def test_a_bad_value_is_named_with_its_limit(name, value, said):
    with pytest.raises(ValueError, match=r"^(The|A) .*\.$") as refusal:
        engine.request(**{**GOOD, name: value})
    assert said in str(refusal.value)


def test_a_painting_of_another_sentence_keeps_what_this_one_has():
    value = painting("a red fox and an owl", region("red fox"), region("an owl"))
    asked = engine.request(**{**GOOD, "painting": value})
    assert [one.phrase for one in asked.painting] == ["red fox"] and asked.lost == ("“an owl”",)
    assert engine.request(**{**GOOD, "painting": None}) == engine.Request(**GOOD)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("  a  red\tfox\n", "a red fox"),
        ("a\x00red\x1b[31mfox", "a red [31mfox"),
        ("\ud800", ""),
        ("ثعلب أحمر", "ثعلب أحمر"),
        ("a fox 🦊", "a fox 🦊"),
        ("", ""),
    ],
)
def test_sentences_are_cleaned_not_judged(written, read):
    assert engine.clean(written) == read


@given(st.text(max_size=60))
def test_a_clean_sentence_stays_as_it_is_and_can_be_sent(text):
    once = engine.clean(text)
    assert engine.clean(once) == once
    once.encode("utf-8")


@given(st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.none(), st.booleans()))
def test_numbers_are_inside_or_refused(value):
    try:
        read = engine.whole(value, "The seed", 0, 9)
    except ValueError:
        assert isinstance(value, bool) or value not in range(10)
    else:
        assert read == value and read in range(10)


def test_a_bomb_is_refused_before_it_unfolds(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (12_000, 12_000)).save(path)
    assert path.stat().st_size < 50_000
    with pytest.raises(ValueError, match="more than 2048 x 2048 pixels"):
        engine.open_png(path)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40])
def test_what_is_no_png_is_refused(tmp_path, data):
    path = tmp_path / "x.png"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not a PNG"):
        engine.open_png(path)


def test_another_format_with_a_png_name_is_refused(tmp_path):
    path = tmp_path / "x.png"
    Image.new("RGB", (8, 8)).save(path, format="GIF")
    with pytest.raises(ValueError, match="not a PNG"):
        engine.open_png(path)


def test_the_fake_tells_its_story_as_the_protocol_does():
    painter = FakeEngine()
    *steps, last = painter.paint(engine.request(**GOOD))
    assert [step.step for step in steps if isinstance(step, Progress)] == [1, 2, 3, 4]
    assert isinstance(last, Painted)
    assert [picture.seed for picture in last.pictures] == [7, 8]
    for picture in last.pictures:
        assert Image.open(io.BytesIO(picture.png)).size == (64, 64)
