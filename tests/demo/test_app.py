"""The page taken apart: which events exist, what they take, and what their handlers answer."""

import base64
import io
import re
import socket
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from demo import app as application
from demo.app import launch
from demo.examples import EXAMPLES
from demo.regions import as_json
from demo.steering import INSIST
from demo.tabs.create import UNSTEERED
from demo.theme import studio_css

from .fake_engine import FakeEngine
from .paintings import painting, region

ENDPOINTS = {"generate", "paint", "style", "upscale", "compare", "unknown_words", "recall"}
PUBLIC = ENDPOINTS | {"look_inside"}


def events(app: gr.Blocks) -> list[Any]:
    """Every event with a Python function; `fns` is undocumented, so it is read only here."""
    return [event for event in app.fns.values() if event.fn is not None]


def handler(app: gr.Blocks, name: str) -> Callable[..., Any]:
    return next(event.fn for event in events(app) if event.api_name == name)


def test_names_are_unique_and_only_the_endpoints_are_public(app):
    names = [event.api_name for event in events(app)]
    assert len(set(names)) == len(names)
    public = {event.api_name for event in events(app) if event.api_visibility == "public"}
    assert public == PUBLIC
    assert not [event for event in app.fns.values() if event.api_visibility == "undocumented"]


def test_one_queue_for_all_that_touches_the_model(app):
    painting = [event for event in events(app) if event.api_name.startswith("create")]
    painting = [event for event in painting if not event.api_name.endswith("_refused")]
    assert len(painting) == 3
    named = {event.api_name for event in events(app) if event.concurrency_id == "model"}
    assert named > {"generate", "paint", "style", "upscale", "compare", "look_inside"}
    painting += [event for event in events(app) if event.api_name in named]
    assert {event.concurrency_id for event in painting} == {"model"}
    assert {event.concurrency_limit for event in painting} == {1}
    assert all(event.queue for event in painting)


def test_a_painting_takes_the_request_in_its_order(app):
    for event in events(app):
        if event.concurrency_id == "model" and event.api_name.startswith("create"):
            labels = [getattr(component, "label", None) for component in event.inputs]
            assert labels[1:7] == ["Seed", "Steps", "Guidance", "Pictures", "Size", "Painting"]
            assert len(labels) == 15 and len(event.outputs) == 1


def test_what_depends_on_the_window_names_nothing_above_gradios_prefix():
    for _, rules in re.findall(r"@media ([^{]+)\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}", studio_css()):
        for selector in re.findall(r"([^{}]+)\{", rules):
            assert not re.search(r"\bbody\b|:root|html|\.gradio-container", selector), selector
            assert "," not in "".join(re.findall(r"\([^)]*\)", selector)), selector


def test_previews_never_become_files_and_uploads_are_swept(app):
    kinds = {type(block).__name__ for block in app.blocks.values()}
    assert not kinds & {"Image", "Gallery", "ImageEditor", "Plot", "Model3D", "Video"}
    assert app.delete_cache == (3600, 3600)


def test_painting_streams_steps_and_ends_with_pictures(app, painter):
    values = list(handler(app, "create")("a red fox", 7, 5, 3.0, 2))
    assert [value["phase"] for value in values] == ["painting"] * 5 + ["done"]
    assert [value["step"] for value in values[:-1]] == [1, 2, 3, 4, 5]
    assert len({value["run"] for value in values}) == 1
    frames = [value["pictures"][0]["png"] for value in values]
    assert len(set(frames)) == 6
    png = base64.b64decode(values[-1]["pictures"][1]["png"])
    assert Image.open(io.BytesIO(png)).size == (64, 64)
    assert [picture["seed"] for picture in values[-1]["pictures"]] == [7, 8]


def test_leaving_in_the_middle_stops_the_engine(app, painter):
    stream = handler(app, "create")("a red fox", 7, 50, 3.0, 1)
    next(stream)
    stream.close()
    assert painter.closed.is_set() and painter.painted == 0


def test_a_refusal_reaches_the_visitor_as_plain_text(app, painter):
    with pytest.raises(gr.Error, match="between 1 and 50, not 0"):
        list(handler(app, "create")("a red fox", 7, 0, 3.0, 1))
    with pytest.raises(gr.Error) as refusal:
        handler(app, "reread")(__file__)
    assert "<" not in refusal.value.message and not refusal.value.print_exception
    assert painter.requests == []


def test_an_empty_sentence_is_painted_and_says_so(app):
    *_, last = handler(app, "create")("   ", 7, 2, 3.0, 1)
    assert last["phase"] == "done" and "No sentence" in last["notes"][0]


def test_unknown_words_come_with_their_places(app):
    mark = handler(app, "mark")
    assert mark("a red unicorn") == [[6, 13, "unicorn"]]
    assert mark("") == [] and mark(None) == [] and mark("unicorn " * 1000) == []


def test_a_picture_brings_its_settings_back(app, tmp_path):
    *_, last = handler(app, "create")("a red fox", 7, 5, 2.5, 1)
    path = tmp_path / last["pictures"][0]["name"]
    path.write_bytes(base64.b64decode(last["pictures"][0]["png"]))
    blank = painting("a red fox")
    settings = ["a red fox", 7, 5, 2.5, 1, 64, blank]
    assert handler(app, "reread")(str(path)) == [*settings, *UNSTEERED, True, None]


def test_a_picture_brings_its_painting_back_into_the_painter(app, painter, tmp_path):
    value = painting("a red fox", region("red fox", weight=-0.5))
    *_, last = handler(app, "create")("a red fox", 7, 2, 2.5, 1, 64, value)
    assert [one.phrase for one in painter.requests[0].painting] == ["red fox"]
    assert last["regions"] == value["regions"]
    path = tmp_path / last["pictures"][0]["name"]
    path.write_bytes(base64.b64decode(last["pictures"][0]["png"]))
    assert handler(app, "reread")(str(path))[6] == value


def test_what_the_sentence_lost_is_left_out_and_said(app, painter):
    value = painting("a red fox and an owl", region("red fox"), region("an owl"))
    *_, last = handler(app, "create")("an owl", 7, 2, 2.5, 1, 64, value)
    assert [one.phrase for one in painter.requests[0].painting] == ["an owl"]
    assert last["notes"] == ["The sentence does not have “red fox”, so the painting went without."]


def test_a_bad_painting_is_refused_before_the_model_is_asked(app, painter):
    value = painting("a red fox", {**region("red fox"), "weight": 99})
    with pytest.raises(gr.Error, match="weight of “red fox” must lie between -2 and 4, not 99"):
        list(handler(app, "create")("a red fox", 7, 2, 2.5, 1, 64, value))
    assert painter.requests == []


@pytest.mark.parametrize("data", [{"index": 10**6}, {"index": -1}, {"index": "0"}, {}, [], None])
def test_a_card_that_does_not_exist_is_refused(app, data):
    with pytest.raises(gr.Error, match="no such example"):
        handler(app, "choose")(gr.EventData(None, data))


def test_a_card_gives_its_sentence_and_seed(app):
    prompt, seed, painted, *steered = handler(app, "choose")(gr.EventData(None, {"index": 0}))
    assert prompt.startswith("an orange fox") and seed == 7 and steered == UNSTEERED
    assert painted == painting(prompt)


def test_a_card_brings_its_places_its_look_and_its_later_words(app):
    for index, example in enumerate(EXAMPLES):
        data = gr.EventData(None, {"index": index})
        prompt, _, painted, *_, words, _, kept, look, insist = handler(app, "choose")(data)
        assert painted == as_json(prompt, example.painting)
        assert words == (example.turn[1] if example.turn else "")
        assert insist == example.steering.insist == INSIST
        assert (look is not None) == kept["visible"] == kept["value"] == bool(example.lender)


def test_a_surprise_begins_with_nothing_painted(app):
    prompt, painted, *steered = handler(app, "invent")()
    assert steered == UNSTEERED
    assert painted == painting(prompt)


def test_a_missing_model_is_one_sentence(capsys):
    assert application.main(["--model", "/no/such/model"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("demo: ") and said.count("\n") == 1 and "Traceback" not in said


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "9" * 5000])
def test_a_port_that_is_none_is_refused(port, capsys):
    with pytest.raises(SystemExit):
        application.main([f"--port={port}"])
    assert "give one from 1 to 65535" in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_sentence(app):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"Port {port} of 127.0.0.1 cannot be used"):
            launch(app, "127.0.0.1", port)


def test_launch_settings_keep_the_studio_to_itself(painter, monkeypatch):
    given = {}

    def record(self, **settings):
        given.update(settings)
        return None, "http://127.0.0.1:1/", None

    monkeypatch.setattr(gr.Blocks, "launch", record)
    launch(application.build_app(FakeEngine()), "127.0.0.1", None)
    off = ("share", "show_error", "enable_monitoring", "run_history", "ssr_mode")
    assert [given[name] for name in off] == [False] * 5
    assert given["allowed_paths"] == [] and given["max_file_size"] == "5mb"
    for outside in ("http://", "https://", "@import", "url("):
        assert outside not in given["css"]
