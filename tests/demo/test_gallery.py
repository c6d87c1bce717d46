"""The way back from a picture of this visit, and what the server does not believe of one."""

import base64

import gradio as gr
import pytest

from demo.tabs.create import UNSTEERED
from demo.tabs.gallery import MOST_LETTERS, decoded

from .paintings import painting, region
from .test_app import handler

VALUE = painting("a red fox", region("red fox"))


def clicked(data):
    return gr.EventData(None, data)


@pytest.fixture
def kept(app):
    *_, last = handler(app, "create")("a red fox", 7, 2, 2.5, 1, 64, VALUE)
    return last["pictures"][0]


def test_a_finished_picture_brings_its_recipe_in_words(kept):
    assert kept["words"] == (
        "“a red fox”, seed 7, 2 steps, guidance 2.5, 64 px, places painted for “red fox”"
    )


def test_a_click_brings_everything_back_to_create(app, kept):
    *settings, keep, tabs = handler(app, "bring_back")(clicked({"png": kept["png"]}))
    assert settings == ["a red fox", 7, 2, 2.5, 1, 64, VALUE, *UNSTEERED]
    assert keep is True and tabs.selected == "create"


def test_a_picture_dropped_here_does_the_same(app, kept, tmp_path):
    path = tmp_path / "fox.png"
    path.write_bytes(base64.b64decode(kept["png"]))
    *settings, _, emptied, tabs = handler(app, "gallery_recall")(str(path))
    assert settings[:2] == ["a red fox", 7] and emptied is None and tabs.selected == "create"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "no picture to read"),
        ([], "no picture to read"),
        ({}, "no picture to read"),
        ({"png": 3}, "no picture to read"),
        ({"png": "A" * (MOST_LETTERS + 1)}, "8,000,001 letters of base64; the limit is 8,000,000"),
        ({"png": "<svg>"}, "not a picture that was painted here"),
        ({"png": "ü"}, "not a picture that was painted here"),
        ({"png": ""}, "not a PNG"),
        ({"png": base64.b64encode(b"GIF89a").decode()}, "not a PNG"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(app, painter, data, said):
    with pytest.raises(gr.Error, match=said) as refusal:
        handler(app, "bring_back")(clicked(data))
    assert not refusal.value.print_exception


def test_the_largest_picture_fits():
    assert decoded("A" * 8) == bytes(6)
