"""What steers a picture: limits, files that are none, and the way through page, model and PNG."""

import pytest
from PIL import Image

from demo import engine, steering
from demo.engine import Painted
from demo.steering import STRENGTH, Steering, open_lender, read
from demo.storybook import StorybookEngine
from ediffi.controls import style_transfer
from tests.fakes import tiny_pipeline

from .test_app import handler


def test_what_is_left_alone_steers_nothing():
    assert read() == Steering() == read(None, STRENGTH, ["clip_text", "t5"], " \n", 40)
    assert STRENGTH == style_transfer.STRENGTH


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
    *_, last = handler(app, "paint")(*values)
    assert last["phase"] == "done"
    assert painter.requests[-1].steering == Steering((path,), 2.0, ("clip_text",), (0.5, "an owl"))


def test_the_model_is_steered_and_a_png_brings_it_back(tmp_path):
    model = StorybookEngine.of(tiny_pipeline())
    look, out = tmp_path / "look.png", tmp_path / "out.png"
    Image.effect_noise((24, 16), 80).save(look)

    def painted(**steered):
        request = engine.request("a fox", 3, 4, 3.0, 1, None, None, Steering(**steered))
        events = list(model.paint(request))
        assert isinstance(events[-1], Painted)
        return events[-1].pictures[0]

    bare = painted()
    assert painted(style=(look,), strength=0.0).image.tobytes() == bare.image.tobytes()
    for steered in (
        {"style": (look,)},
        {"without": ("t5",)},
        {"turn": (0.5, "an owl")},
    ):
        assert painted(**steered).image.tobytes() != bare.image.tobytes()
    out.write_bytes(painted(style=(look,), without=("t5",), turn=(0.5, "an owl")).png)
    recalled = model.recall(out)
    assert recalled.request.steering == Steering(without=("t5",), turn=(0.5, "an owl"))
    assert [note for note in recalled.notes if "look from another picture" in note]


def test_a_picture_that_lends_nothing_is_refused_in_a_sentence(tmp_path):
    model = StorybookEngine.of(tiny_pipeline())
    dot = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(dot)
    request = engine.request("a fox", 3, 4, 3.0, 1, None, None, Steering(style=(dot,)))
    with pytest.raises(ValueError, match="1 x 1 pixels shows no style"):
        list(model.paint(request))
