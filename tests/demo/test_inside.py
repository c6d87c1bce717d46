"""Look inside: what the page gets, what it refuses, and the real engine behind it."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from demo import engine, inside
from demo.engine import Painted, Progress
from demo.inside import Inside
from demo.steering import INSIST
from demo.storybook import StorybookEngine
from ediffi.attention_watch import attended
from ediffi.controls.attention_files import read_npz
from tests.fakes import tiny_pipeline

from .test_app import events, handler

SENTENCE = "a red fox in the meadow"


def shares(value, branch, layer):
    """A layer's maps as the browser reads them: (steps, streams, words, rows, columns)."""
    grid = value["layers"][layer]["rows"], value["layers"][layer]["columns"]
    shape = len(value["sigmas"]), len(value["streams"]), len(value["words"]), *grid
    data = base64.b64decode(value["branches"][branch]["maps"][layer])
    return (np.frombuffer(data, np.uint8).reshape(shape) / 255.0) ** 2


def test_previews_come_first_and_then_the_picture_with_every_map(app, painter):
    *forming, last = handler(app, "look_inside")(SENTENCE, 7)
    assert [value["phase"] for value in forming] == ["painting"] * painter.steps
    assert last["phase"] == "done" and len({v["run"] for v in [*forming, last]}) == 1
    assert last["words"] == SENTENCE.split() and len(last["sigmas"]) == painter.steps
    assert json.loads(json.dumps(last, allow_nan=False)) == last
    png = base64.b64decode(last["picture"]["png"])
    assert Image.open(io.BytesIO(png)).size == (64, 64)
    found = shares(last, 0, 0)
    assert found[0, 0, 2].max() == pytest.approx(0.3, abs=0.01)
    assert found[0, 1] == pytest.approx(found[0, 0] / 2, abs=2e-3)
    told, nothing = last["branches"]
    assert sum(told["shares"][0][0]) == pytest.approx(1) and nothing["maps"] == []
    assert nothing["shares"][0][0][4] == 1 and nothing["shares"][-1][0] == [None] * 5
    assert last["npz"]["name"].endswith(".npz") and "png" not in last["npz"]["name"]
    asked = painter.requests[0]
    assert (asked.prompt, asked.seed, asked.pictures) == (SENTENCE, 7, 1)
    assert asked.steps == painter.defaults().steps


def test_a_byte_keeps_small_shares_apart():
    small = np.array([0, 1e-4, 2e-4, 0.5, 1, np.nan])
    back = (np.frombuffer(inside.packed(small), np.uint8) / 255.0) ** 2
    assert back == pytest.approx(np.nan_to_num(small), rel=0.5, abs=1e-5)
    assert len(set(back[:5])) == 5


@pytest.mark.parametrize(
    ("prompt", "seed", "said"),
    [
        ("", 7, "without words there is nothing to look at"),
        (" \x00 ", 7, "without words there is nothing to look at"),
        (None, 7, "must be text"),
        ("a" * 801, 7, "801 characters; the limit is 800"),
        ("a fox", -1, "between 0 and 4294967295, not -1"),
        ("a fox", None, "must be a number"),
        ("a fox", float("nan"), "between 0 and 4294967295, not nan"),
        ("a fox", "<b>7", "must be a number"),
    ],
)
def test_what_cannot_be_looked_into_is_refused_in_words(app, painter, prompt, seed, said):
    with pytest.raises(gr.Error, match=said) as refusal:
        list(handler(app, "look_inside")(prompt, seed))
    assert "<" not in refusal.value.message and painter.requests == []


def test_it_waits_in_the_one_queue_and_leaving_stops_the_engine(app, painter):
    event = next(event for event in events(app) if event.api_name == "look_inside")
    assert (event.concurrency_id, event.concurrency_limit) == ("model", 1) and event.queue
    stream = event.fn(SENTENCE, 7)
    next(stream)
    stream.close()
    assert painter.closed.is_set() and painter.painted == 0


@pytest.fixture(scope="module")
def client(address) -> Iterator[Client]:
    made = Client(address, verbose=False, download_files=False, analytics_enabled=False)
    yield made
    made.close()


def test_a_client_gets_the_same_and_is_told_its_shape(client, painter):
    told = client.view_api(return_format="dict")["named_endpoints"]["/look_inside"]
    assert [one["parameter_name"] for one in told["parameters"]] == ["prompt", "seed"]
    assert [one["python_type"]["type"] for one in told["parameters"]] == ["str", "float"]
    assert "words" in str(told["returns"][0])
    value = client.predict(SENTENCE, 7, api_name="/look_inside")
    assert value["phase"] == "done" and value["words"] == SENTENCE.split()
    with pytest.raises(AppError, match="must lie between 0 and 4294967295, not -3"):
        client.predict(SENTENCE, -3, api_name="/look_inside")
    assert len(painter.requests) == 1


@pytest.fixture(scope="module")
def tiny() -> StorybookEngine:
    return StorybookEngine.of(tiny_pipeline())


ASKED = engine.request("a fox by a tree", 5, 3, 2.0, 1)


def test_the_real_engine_shows_the_picture_that_it_paints_and_the_library_s_maps(tiny, tmp_path):
    *steps, found = tiny.look_inside(ASKED)
    *_, painted = tiny.paint(ASKED)
    assert isinstance(found, Inside) and isinstance(painted, Painted)
    assert all(isinstance(step, Progress) for step in steps) and len(steps) == 3
    assert found.png == painted.pictures[0].png and found.name == painted.pictures[0].name
    request = tiny.model.request("a fox by a tree", seed=5, steps=3, guidance=2.0, insist=INSIST)
    _, maps = attended(tiny.model, request)
    value = inside.shown(found, ASKED.prompt, "run")
    assert [branch["name"] for branch in value["branches"]] == ["words", "nothing"]
    assert value["experts"] == ["baseline"] * 3 and value["words"][4] == "tree"
    for layer, one in enumerate(value["layers"]):
        heard = shares(value, 0, layer)[1, :, 4].sum(0)
        sigma = maps.heard.sigmas[1]
        assert heard == pytest.approx(maps.heat("tree", sigma=sigma, layer=one["name"]), abs=5e-3)
    assert sum(value["branches"][0]["shares"][0][0]) == pytest.approx(1, abs=5e-3)
    (tmp_path / "maps.npz").write_bytes(found.npz)
    assert read_npz(tmp_path / "maps.npz").heard == maps.heard


def test_long_sentences_show_their_first_words_and_say_so(tiny):
    long = replace(ASKED, prompt=" ".join(f"w{k}" for k in range(30)), steps=1)
    *_, found = tiny.look_inside(long)
    assert len(found.words) == inside.MOST_WORDS
    assert "The first 24 words are shown; 6 more are not." in found.notes
    with pytest.raises(ValueError, match="without words"):
        next(tiny.look_inside(replace(ASKED, prompt="…")))


def test_leaving_early_leaves_no_listener_behind(tiny):
    looking = tiny.look_inside(ASKED)
    next(looking)
    assert any(m._forward_pre_hooks for m in tiny.model.model.denoiser.modules())
    looking.close()
    hooked = [
        m for m in tiny.model.model.denoiser.modules() if m._forward_hooks or m._forward_pre_hooks
    ]
    assert not hooked
