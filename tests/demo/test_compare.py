"""What is put side by side, in which order, from which requests; and how the page tells it."""

import base64
import io
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from analysis.side_by_side import SHARES
from demo import comparing, engine
from demo.comparing import Tile, variants
from demo.engine import Painted, Progress
from demo.regions import Manner
from demo.steering import STRENGTH, Steering
from demo.storybook import StorybookEngine
from demo.told import told
from tests.fakes import tiny_pipeline

from .fake_engine import FakeEngine
from .paintings import painting, region
from .test_app import handler

ASKED = engine.request("a red fox", 7, 8, 3.0, 4)
PAINTED = engine.request("a red fox", 7, 8, 3.0, 1, None, painting("a red fox", region("fox")))
LOOK = Image.new("RGB", (16, 16), "#0fabad")


def steered(**steering):
    return replace(ASKED, steering=Steering(**steering))


def shade(picture):
    return np.asarray(picture.image, dtype=float).mean()


def test_the_encoders_are_put_in_two_rows_and_borrow_where_no_picture_is_lent():
    put = variants("encoders", ASKED, FakeEngine())
    assert [v.request.steering.without for v in put] == [
        (), ("clip_text",), ("t5",), ("t5", "clip_text")
    ] * 2  # fmt: skip
    assert [v.borrows for v in put] == [False] * 4 + [True] * 4
    assert put[4].label == "T5 + CLIP text + CLIP image (the first picture)"
    assert {v.request.pictures for v in put} == {1}
    assert {v.request.seed for v in put} == {7}


def test_a_lent_look_is_what_clip_sees():
    put = variants("encoders", steered(look=LOOK, strength=0.0), FakeEngine())
    assert [v.request.steering.look for v in put] == [None] * 4 + [LOOK] * 4
    assert not any(v.borrows for v in put) and put[4].label == "T5 + CLIP text + CLIP image"
    assert {v.request.steering.strength for v in put[4:]} == {STRENGTH}


def test_what_borrows_takes_the_first_pictures_look():
    painter = FakeEngine()
    put = variants("encoders", ASKED, painter)
    tiles = [e for e in comparing.paint("encoders", put, painter) if isinstance(e, Tile)]
    looks = [request.steering.look for request in painter.requests]
    assert looks == [None] * 4 + [tiles[0].picture.image] * 4
    assert [tile.index for tile in tiles] == list(range(8))


def test_words_are_switched_at_every_share_and_the_later_ones_stand_last():
    asked = replace(PAINTED, steering=Steering(turn=(0.3, "an owl")))
    put = variants("words", asked, FakeEngine())
    assert [v.request.steering.turn for v in put[:2]] == [None, None]
    assert [v.request.prompt for v in put[:2]] == ["a red fox", "an owl"]
    assert [v.request.steering.turn for v in put[2:]] == [(s, "an owl") for s in SHARES[::-1]]
    assert put[2].label == "Later words from 85% on, σ\u00a00.625"
    assert not any(v.request.painting for v in put)
    assert comparing.order("words", len(put)) == [0, 2, 3, 4, 5, 6, 7, 1]
    own = variants("words", asked, FakeEngine(), "a teal house")
    assert own[1].request.prompt == "a teal house"


def test_a_switch_is_measured_on_the_way_from_first_to_last():
    painter = FakeEngine()
    put = variants("words", steered(turn=(0.3, "a blue owl")), painter)
    tiles = [e for e in comparing.paint("words", put, painter) if isinstance(e, Tile)]
    notes = [tiles[k].note for k in comparing.order("words", 8)]
    assert notes[0] == "" and notes[-1].startswith("differs from the first by ")
    assert [n.split("%")[0] for n in notes[1:-1]] == ["0", "0", "0", "100", "100", "100"]


def test_painting_look_and_networks_stand_beside_the_plain_picture():
    plain, by_paper, painted = variants("painting", PAINTED, FakeEngine())
    assert not plain.request.painting and painted.request == PAINTED
    assert by_paper.request == replace(PAINTED, manner=Manner(elsewhere=0.0))
    assert len(variants("painting", by_paper.request, FakeEngine())) == 2
    manner = Manner(pull=0.1)
    *_, unpulled, pulled = variants("painting", replace(PAINTED, manner=manner), FakeEngine())
    assert pulled.request.manner == manner and unpulled.request == PAINTED
    manner = Manner(collage=True)
    *_, plainly, laid = variants("painting", replace(PAINTED, manner=manner), FakeEngine())
    assert laid.request.manner == manner and plainly.request == PAINTED
    plain, lent = variants("look", steered(look=LOOK), FakeEngine())
    assert not plain.request.steering.lends and lent.request.steering.look is LOOK
    far = replace(steered(insist=0.2), prompt="a fox and an owl")
    put = variants("insist", far, FakeEngine())
    assert [v.request.steering.insist for v in put] == [0.0, 0.2]
    usual = variants("insist", replace(PAINTED, steering=Steering(insist=0.0)), FakeEngine())
    assert usual[1].request == PAINTED
    later = steered(turn=(0.5, "a fox and an owl"))
    assert len(variants("insist", later, FakeEngine())) == 2
    painter = FakeEngine(networks=("experts", "baseline"))
    put = variants("networks", ASKED, painter)
    assert [v.request.network for v in put] == ["experts", "baseline"]
    one, other = (e for e in comparing.paint("networks", put, painter) if isinstance(e, Tile))
    assert shade(other.picture) < shade(one.picture) and "differs" in other.note


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("painting", "Nothing is painted"),
        ("look", "No picture lends its look"),
        ("networks", "This model has one network, experts"),
        ("words", "There are no later words"),
        ("insist", "names no two things and places none"),
    ],
)
def test_what_is_missing_is_said(kind, said):
    with pytest.raises(ValueError, match=said):
        variants(kind, ASKED, FakeEngine(), "  ")
    with pytest.raises(ValueError, match="801 characters; the limit is 800"):
        variants("words", ASKED, FakeEngine(), "a" * 801)


@pytest.mark.parametrize("kind", [None, 3, "x" * 500, ["encoders"], "<b>"])
def test_a_kind_that_does_not_exist_is_refused(kind):
    with pytest.raises(ValueError, match="nothing to compare") as refusal:
        comparing.chosen(kind)
    assert len(str(refusal.value)) < 120


def test_steps_count_through_all_pictures_and_stopping_stops_the_engine():
    painter = FakeEngine(networks=("experts", "baseline"))
    put = variants("networks", ASKED, painter)
    steps = [e for e in comparing.paint("networks", put, painter) if isinstance(e, Progress)]
    assert [step.step for step in steps] == list(range(1, 17))
    assert {step.of for step in steps} == {16}
    events = comparing.paint("networks", put, painter)
    next(events)
    events.close()
    assert painter.closed.is_set()


def test_the_page_streams_every_picture_and_ends_with_all(app, painter):
    compare = handler(app, "compare_page")
    values = list(compare("words", "an owl", "a red fox", 7, 4, 3.0))
    *running, last = values
    assert {value["phase"] for value in running} == {"painting"} and last["phase"] == "done"
    assert len({value["run"] for value in values}) == 1
    tiles = [value["tile"] for value in running if value["tile"]]
    assert tiles == last["tiles"] and len(tiles) == len(last["labels"]) == len(last["order"])
    for tile in tiles:
        assert Image.open(io.BytesIO(base64.b64decode(tile["png"]))).size == (64, 64)
    assert "“an owl” from 10% of the steps on" in tiles[-1]["words"]
    assert "root mean squares" in last["notes"][-1]


def test_a_painting_is_left_out_where_words_change_and_that_is_said(app):
    value = painting("a red fox", region("fox"))
    *_, last = handler(app, "compare_page")("words", "an owl", "a red fox", 7, 4, 3.0, 1, 64, value)
    assert last["notes"][0].startswith("The painted places are left out")


def test_a_refusal_reaches_the_visitor_before_the_model_is_asked(app, painter):
    for values, said in (
        (("encoders", "", "a red fox", 7, 0, 3.0), "between 1 and 50, not 0"),
        (("look", "", "a red fox", 7, 4, 3.0), "No picture lends its look"),
    ):
        with pytest.raises(gr.Error, match=said):
            list(handler(app, "compare_page")(*values))
    assert painter.requests == []


def test_what_stands_on_create_is_told_and_escaped(app):
    describe = handler(app, "compare_summary")
    rest = (None, None, 3.0, ["t5"], "an owl", 40, False, None)
    said = describe("a <b>fox", 7, 5, 2.5, 3, 64, *rest)
    assert "“a &lt;b&gt;fox”, seed 7, 5 steps, guidance 2.5, 64 px" in said
    assert "“an owl” from 40% of the steps on, without CLIP text" in said
    assert "must be a number" in describe("a fox", None, 5, 2.5, 3, 64, *rest)


def test_a_request_is_told_in_words():
    whole = replace(PAINTED, network="baseline", steering=Steering(look=LOOK, strength=2.0))
    assert told(whole, 9) == (
        "“a red fox”, seed 9, 8 steps, guidance 3, by baseline, places painted for “fox”,"
        " a lent look at strength 2"
    )
    assert told(steered(insist=0.0)).endswith(", not insisted on")
    assert told(steered(insist=0.2)).endswith(", insisted on by 0.2")
    assert told(replace(ASKED, prompt="", steps=1)).startswith("no sentence, seed 7, 1 step,")


def test_the_real_engine_paints_all_eight(tmp_path):
    model = StorybookEngine.of(tiny_pipeline())
    value = painting("a fox", region("a fox"))
    asked = engine.request("a fox", 3, 2, 3.0, 1, 16, value)
    put = variants("encoders", asked, model)
    tiles = [e for e in comparing.paint("encoders", put, model) if isinstance(e, Tile)]
    assert len({tile.picture.image.tobytes() for tile in tiles}) == 8
    path = tmp_path / "fox.png"
    path.write_bytes(tiles[-1].picture.png)
    assert model.recall(path).request.steering.without == ("t5", "clip_text")
    alone = next(e for e in model.paint(put[3].request) if isinstance(e, Painted))
    assert alone.pictures[0].image.tobytes() == tiles[3].picture.image.tobytes()
