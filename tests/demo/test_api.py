"""The named endpoints, driven by a client: what each takes, gives and refuses, and its types."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from demo import api
from demo.api_compare import Comparison
from demo.regions import CELLS, GRID
from demo.steering import INSIST
from demo.tabs.inside import LookInside
from ediffi.controls import paint_with_words

from .paintings import HALF, region
from .test_app import ENDPOINTS


def base64_of(picture: Image.Image, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind)
    return base64.b64encode(buffer.getvalue()).decode()


DOCUMENTED = {
    **{f"/{name}": getattr(api.Api, name) for name in ENDPOINTS - {"compare"}},
    "/compare": Comparison.compare,
    "/look_inside": LookInside.stream,
}
LOOK = base64_of(Image.new("RGB", (20, 16), "teal"))


@pytest.fixture(scope="module")
def client(address, tmp_path_factory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("downloads")
    made = Client(address, verbose=False, download_files=str(folder), analytics_enabled=False)
    yield made
    made.close()


def opened(answer: dict[str, Any], index: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer["pictures"][index]["png"])))


def test_generate_takes_a_sentence_and_gives_finished_pictures(client, painter):
    answer = client.predict("a red fox", pictures=2, seed=11, api_name="/generate")
    assert answer["phase"] == "done" and answer["notes"] == []
    assert [picture["seed"] for picture in answer["pictures"]] == [11, 12]
    assert opened(answer).size == (64, 64)
    asked = painter.requests[0]
    assert (asked.steps, asked.guidance, asked.size) == (12, 3.0, None)


def test_every_door_insists_unless_it_is_told_not_to(client, painter):
    box = [{"phrase": "fox", "box": [0, 0, 0.5, 0.5]}]
    for name, *given in (("generate",), ("paint", box), ("style", LOOK)):
        for told in ({}, {"insist": 0.0}):
            client.predict("a red fox", *given, steps=2, api_name=f"/{name}", **told)
    found = [request.steering.insist for request in painter.requests]
    assert found == [INSIST, 0.0] * 3


def test_a_client_sees_every_step(client):
    answers = list(client.submit("a red fox", steps=4, api_name="/generate"))
    assert [answer["phase"] for answer in answers] == ["painting"] * 4 + ["done"]
    assert [answer["step"] for answer in answers[:-1]] == [1, 2, 3, 4]


def test_paint_puts_phrases_into_boxes_or_runs(client, painter):
    box = {"phrase": "red fox", "box": [0, 0.5, 1, 1]}
    answer = client.predict("a red fox", [box], steps=2, api_name="/paint")
    (painted,) = painter.requests[0].painting
    assert (
        painted.mask == HALF
        and painted.weight == paint_with_words.WEIGHT
        and painted.occurrence == 1
    )
    assert answer["regions"][0]["runs"] == [0, CELLS // 2, 255, CELLS // 2]
    client.predict("a fox", [region("fox", weight=-1.0)], steps=2, api_name="/paint")
    assert painter.requests[1].painting[0].weight == -1.0


def test_style_borrows_the_look_of_a_picture_that_is_gone_afterwards(client, painter):
    answer = client.predict("a red fox", LOOK, strength=2.0, steps=2, api_name="/style")
    assert answer["phase"] == "done"
    steering = painter.requests[0].steering
    assert steering.strength == 2.0 and len(steering.style) == 1
    assert not steering.style[0].exists() and not steering.style[0].parent.exists()
    client.predict("a fox", f"data:image/png;base64,{LOOK}", steps=1, api_name="/style")


def test_upscale_enlarges_the_picture_that_is_given(client, painter):
    answer = client.predict(LOOK, 128, api_name="/upscale")
    assert opened(answer).size == (128, 128)
    assert np.asarray(opened(answer))[5, 5].tolist() == [0, 128, 128]
    source = painter.requests[0].source
    assert source is not None and not source.exists()


def test_words_and_recall_answer_without_the_queue(client, painter):
    found = client.predict("a red unicorn", api_name="/unknown_words")
    assert found == [{"word": "unicorn", "start": 6, "end": 13}]
    box = {"phrase": "fox", "box": [0, 0, 0.5, 0.5], "weight": 2.0}
    answer = client.predict("a red fox", [box], 3, 2, 1.5, api_name="/paint")
    settings = client.predict(answer["pictures"][0]["png"], api_name="/recall")
    assert settings["regions"] == answer["regions"]
    del settings["regions"]
    assert settings == {
        "prompt": "a red fox",
        "seed": 3,
        "steps": 2,
        "overlap": "all",
        "elsewhere": 1.0,
        "pull": 0.0,
        "collage": False,
        "insist": 0.05,
        "guidance": 1.5,
        "size": None,
        "without": [],
        "later_words": None,
        "later_from": None,
        "notes": [],
    }


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("generate", {"prompt": "a" * 801}, "801 characters; the limit is 800"),
        ("generate", {"prompt": "a", "steps": 51}, "between 1 and 50, not 51"),
        ("generate", {"prompt": ["a"]}, "must be text, not list"),
        ("paint", {"prompt": "a fox", "regions": {}}, "regions are a list, not dict"),
        ("paint", {"prompt": "a fox", "regions": [{"phrase": "owl", "box": [0, 0, 1, 1]}]}, "owl"),
        ("paint", {"prompt": "a fox", "regions": [{"phrase": "fox"}]}, "exactly the fields"),
        ("style", {"prompt": "a fox", "look": "no base64!"}, "The look is no base64 text"),
        ("style", {"prompt": "a fox", "look": 7}, "must be base64 text, not int"),
        ("style", {"prompt": "a fox", "look": LOOK, "strength": 16}, "between 0 and 15, not 16"),
        ("upscale", {"picture": "a" * 7_000_000, "size": 128}, "more than 5 million bytes"),
        ("upscale", {"picture": LOOK, "size": 5000}, "between 1 and 1024, not 5000"),
        ("unknown_words", {"prompt": "a" * 801}, "the limit is 800"),
        ("recall", {"png": LOOK}, "no recipe"),
        ("recall", {"png": "bm8gcGljdHVyZQ=="}, "not a PNG"),
    ],
)
def test_a_refusal_is_one_sentence(client, painter, name, values, said):
    with pytest.raises(AppError) as refusal:
        client.predict(**values, api_name=f"/{name}")
    assert said in str(refusal.value) and "\n" not in str(refusal.value)
    assert painter.requests == []


def test_view_api_tells_types_and_meaning(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    for name, endpoint in endpoints.items():
        meant = DOCUMENTED[name].__doc__ or ""
        assert endpoint["description"].startswith(meant.strip().split("\n")[0][:40])
        for given in endpoint["parameters"]:
            assert given["type"], f"{name} does not say what {given['parameter_name']} is"
        assert endpoint["returns"][0]["python_type"]["type"] not in ("", "Any", "str")
    given = {each["parameter_name"]: each for each in endpoints["/paint"]["parameters"]}
    assert not given["prompt"]["parameter_has_default"] and given["seed"]["type"]["type"] == (
        "integer"
    )
    properties = given["regions"]["type"]["items"]["properties"]
    assert set(properties) == {"phrase", "occurrence", "weight", "runs", "box"}


def test_no_direct_call_passes_the_queue(address, painter):
    for path in ("run/generate", "api/generate"):
        body = {"data": ["a red fox", 7, 2, 3.0, 1, None]}
        answer = httpx.post(f"{address}gradio_api/{path}", json=body, trust_env=False)
        assert answer.status_code == 404
    assert painter.requests == []


@pytest.mark.parametrize(
    ("box", "cells"),
    [([0, 0, 1, 1], CELLS), ([0.25, 0.5, 0.75, 1], CELLS // 4), ([0, 0, 1 / 64, 1 / 64], 1)],
)
def test_a_box_becomes_the_cells_it_covers(box, cells):
    (entry,) = api.read_regions([{"phrase": "fox", "box": box}])
    runs = entry["runs"]
    mask = [value for value, count in zip(runs[::2], runs[1::2], strict=True) for _ in range(count)]
    grid = np.array(mask).reshape(GRID, GRID) > 0
    left, top, right, bottom = (round(share * GRID) for share in box)
    assert grid.sum() == cells and grid[top:bottom, left:right].all()


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("0,0,1,1", "a list of four numbers"),
        ([0, 0, 1], "a list of four numbers"),
        ([0, 0, 1, 2], "between 0 and 1, not 2"),
        ([0, 0, 1, float("nan")], "between 0 and 1, not nan"),
        ([0, 0, 1, "1"], "must be a number"),
        ([0.5, 0, 0.5, 1], "at least 1/64"),
        ([1, 0, 0, 1], "at least 1/64"),
    ],
)
def test_a_box_that_is_none_is_refused(box, said):
    with pytest.raises(ValueError, match=said):
        api.read_regions([{"phrase": "fox", "box": box}])
