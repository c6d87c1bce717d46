"""What steers a picture: limits, files that are none, and the way through page, model and PNG."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo import engine, steering
from demo.engine import Painted
from demo.steering import STRENGTH, Steering, open_lender, read
from demo.storybook import StorybookEngine
from ediffi.controls import insisting, style_transfer
from ediffi.recipe import write_png
from tests.fakes import tiny_pipeline

from .test_app import handler

SAID = "a fox and an owl"
"""Several things, for one alone is not insisted on."""


def test_what_is_left_alone_steers_nothing():
    assert read() == Steering() == read(None, STRENGTH, ["clip_text", "t5"], " \n", 40)
    assert STRENGTH == style_transfer.STRENGTH
    assert steering.INSIST == insisting.INSISTENCE
    assert steering.MAX_INSIST == insisting.MOST_INSISTENCE


def test_values_become_a_record():
    found = read(["/a.png", "/b.png"], 0.5, ["t5"], " a  white owl ", 25)
    assert [str(path) for path in found.style] == ["/a.png", "/b.png"]
    assert found.strength == 0.5 and found.without == ("clip_text",)
    assert found.turn == (0.25, "a white owl")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"style": ["a"] * 5}, "At most 4 pictures lend their look, not 5"),
        ({"style": [1]}, "are files"),
        ({"style": {"path": "a"}}, "are files"),
        ({"strength": 15.1}, "between 0 and 15, not 15.1"),
        ({"strength": float("nan")}, "between 0 and 15"),
        ({"strength": "3"}, "number from 0 to 15"),
        ({"listened": ["t6"]}, "called 't6'"),
        ({"listened": "t5"}, "is a list"),
        ({"listened": [["t5"]]}, "nothing to listen to"),
        ({"words": "a" * 801}, "The later sentence has 801 characters"),
        ({"words": 3}, "must be text, not int"),
        ({"words": "a", "share": 0}, "between 1 and 99, not 0"),
        ({"words": "a", "share": True}, "number from 1 to 99"),
        ({"insist": 0.6}, "How far to insist must lie between 0 and 0.5, not 0.6"),
        ({"insist": float("nan")}, "between 0 and 0.5"),
        ({"insist": "far"}, "number from 0 to 0.5"),
    ],
)
def test_values_beyond_their_limits_are_named(values, says):
    with pytest.raises(ValueError, match=says):
        read(**values)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("png", mode) for mode in ("RGB", "L", "RGBA", "I;16", "1", "P")),
        *(("jpg", mode) for mode in ("RGB", "L", "CMYK", "1")),
        *(("webp", mode) for mode in ("RGB", "L", "RGBA")),
    ],
)
def test_pictures_of_three_formats_are_opened(tmp_path, kind, mode):
    path = tmp_path / f"a.{kind}"
    Image.new(mode, (20, 16)).save(path)
    assert open_lender(path).size == (20, 16)


def test_files_that_are_no_pictures_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    for made in (b"", b"no picture", b"GIF89a" + bytes(40)):
        path.write_bytes(made)
        with pytest.raises(ValueError, match="no PNG, JPEG or WebP picture"):
            open_lender(path)
    Image.new("RGB", (64, 64)).save(path, "GIF")
    with pytest.raises(ValueError, match="no PNG"):
        open_lender(path)
    Image.effect_noise((64, 64), 99).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="damaged"):
        open_lender(path)
    monkeypatch.setattr(steering, "MAX_LENDER_PIXELS", 99)
    Image.new("RGB", (10, 10)).save(path)
    with pytest.raises(ValueError, match="million pixels"):
        open_lender(path)
    with pytest.raises(ValueError, match="no PNG"):
        open_lender(tmp_path / "none.png")


def test_a_bomb_is_not_unfolded(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (12_000, 12_000)).save(path)
    with pytest.raises(ValueError, match="8 million pixels"):
        open_lender(path)


def test_the_page_hands_on_what_steers(app, painter, tmp_path):
    path = tmp_path / "look.png"
    Image.new("RGB", (16, 16)).save(path)
    values = ("a red fox", 7, 2, 3.0, 1, 64, None, [str(path)], 2.0, ["t5"], "an owl", 50)
    *_, last = handler(app, "create")(*values)
    assert last["phase"] == "done"
    assert painter.requests[-1].steering == Steering((path,), 2.0, ("clip_text",), (0.5, "an owl"))


def test_the_model_is_steered_and_a_png_brings_it_back(tmp_path):
    model = StorybookEngine.of(tiny_pipeline())
    look, out = tmp_path / "look.png", tmp_path / "out.png"
    Image.effect_noise((24, 16), 80).save(look)

    def painted(**steered):
        request = engine.request(SAID, 3, 4, 3.0, 1, None, None, Steering(**steered))
        events = list(model.paint(request))
        assert isinstance(events[-1], Painted)
        return events[-1].pictures[0]

    bare = painted()
    assert painted(style=(look,), strength=0.0).image.tobytes() == bare.image.tobytes()
    for steered in (
        {"style": (look,)},
        {"without": ("t5",)},
        {"turn": (0.5, "an owl")},
        {"insist": 0.0},
    ):
        assert painted(**steered).image.tobytes() != bare.image.tobytes()
    asked = {"without": ("t5",), "turn": (0.5, "an owl"), "insist": 0.2}
    out.write_bytes(painted(style=(look,), **asked).png)
    recalled = model.recall(out)
    steered = recalled.request.steering
    look = steered.look
    assert steered == Steering(look=look, **asked)
    assert recalled.notes == ("The look that it borrowed came back with it.",)
    again = engine.request(SAID, 3, 4, 3.0, 1, 16, None, steered)
    *_, last = model.paint(again)
    assert isinstance(last, Painted)
    assert np.array_equal(np.asarray(last.pictures[0].image), np.asarray(Image.open(out)))


def test_a_look_that_this_page_cannot_use_is_said(tmp_path):
    pipeline = tiny_pipeline()
    model, out = StorybookEngine.of(pipeline), tmp_path / "out.png"
    own = pipeline.style([Image.effect_noise((24, 16), 80)])
    for look, said in (
        (replace(own, strength=20.0), "its strength 20 is above this page's"),
        (replace(own, vector=own.vector[:-1]), "another CLIP read it"),
    ):
        result = pipeline.generate("a fox", seed=3, steps=2)
        write_png(result.image, replace(result.recipe, style=look), out)
        recalled = model.recall(out)
        assert recalled.request.steering == Steering(insist=0.0) and said in recalled.notes[0]


def test_a_kept_look_counts_until_a_file_lends_another():
    look = Image.new("RGB", (16, 16))
    assert read(kept=True, look=look) == Steering(look=look) and read(kept=True, look=look).lends
    assert read(kept=False, look=look) == read(look=look) == Steering()
    assert read(["/a.png"], kept=True, look=look) == Steering((Path("/a.png"),))
    assert not read(strength=0, kept=True, look=look).lends
    with pytest.raises(ValueError, match="forgotten by now: give its picture again, or untick it"):
        read(kept=True)
    assert read(["/a.png"], kept=True) == Steering((Path("/a.png"),))


def test_the_strip_shows_where_the_later_words_begin(app, painter):
    strip = handler(app, "timeline")
    found = strip(8, "an owl", 50)
    assert [step["who"] for step in found["steps"]] == ["high"] * 3 + ["low"] * 5
    assert found["steps"][0]["sigma"] == "80" and found["begins"] == 4
    assert "the later words begin with step 5, at σ 5." in found["line"]
    assert strip(8, " ", 50)["begins"] is None and "later" not in strip(8, "", 50)["line"]
    assert "no step is left" in strip(1, "an owl", 50)["line"]
    assert strip(0, "", 50) is None and strip(8, "a" * 900, 50) is None


@pytest.mark.parametrize(
    ("values", "opens"),
    [
        (("", False, ["clip_text", "t5"]), False),
        (("an owl", False, ["clip_text", "t5"]), True),
        (("", True, ["clip_text", "t5"]), True),
        (("", False, ["t5"]), True),
    ],
)
def test_the_panel_opens_for_what_steers_without_the_visitor(app, values, opens):
    assert handler(app, "steering")(*values).get("open", False) is opens


def test_a_picture_that_lends_nothing_is_refused_in_a_sentence(tmp_path):
    model = StorybookEngine.of(tiny_pipeline())
    dot = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(dot)
    request = engine.request("a fox", 3, 4, 3.0, 1, None, None, Steering(style=(dot,)))
    with pytest.raises(ValueError, match="1 x 1 pixels shows no style"):
        list(model.paint(request))
