"""What a stranger with a client instead of a browser can do to the studio: nothing.

The probes follow the holes that gradio had over the years, and the limits that a browser alone
would keep. Every refusal must leave the studio able to paint.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from .paintings import HALF, painting, region
from .test_app import PUBLIC

GOOD = {"prompt": "a red fox", "seed": 7, "steps": 2, "guidance": 3.0, "pictures": 1}


@pytest.fixture(scope="module")
def client(address, tmp_path_factory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("downloads")
    made = Client(address, verbose=False, download_files=str(folder), analytics_enabled=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def web(address) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as made:
        yield made


def paint(client: Client, **changed: Any) -> dict[str, Any]:
    values = {**GOOD, **changed}
    names = ("prompt", "seed", "steps", "guidance", "pictures")
    return client.predict(*[values[name] for name in names], api_name="/generate")


def test_the_api_paints_and_is_no_larger_than_it_says(client):
    assert paint(client)["phase"] == "done"
    named = set(client.view_api(return_format="dict")["named_endpoints"])
    assert named == {f"/{name}" for name in PUBLIC}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("prompt", "a" * 100_000, "100,000 characters; the limit is 800"),
        ("seed", -1, "must lie between 0 and 4294967295, not -1"),
        ("seed", 2**64, "must lie between 0 and 4294967295"),
        ("seed", None, "must be a number"),
        ("steps", 0, "0"),
        ("steps", 10**9, "1000000000"),
        ("guidance", -5, "-5"),
        ("guidance", 1e300, "1e+300"),
        ("pictures", 64, "64"),
    ],
)
def test_a_value_beyond_its_limit_is_refused_in_words(client, painter, name, value, said):
    with pytest.raises(AppError) as refusal:
        paint(client, **{name: value})
    assert said in str(refusal.value)
    assert painter.requests == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guidance", math.nan),
        ("guidance", math.inf),
        ("seed", math.nan),
        ("steps", math.nan),
        ("steps", "<b>5</b>"),
        ("pictures", [1, 2]),
    ],
)
def test_what_is_no_value_at_all_never_reaches_the_model(client, painter, name, value):
    with pytest.raises(Exception) as refusal:  # noqa: B017 (the client itself may refuse to send it)
        paint(client, **{name: value})
    assert "root:" not in str(refusal.value) and "Traceback" not in str(refusal.value)
    assert painter.requests == []


def paint_places(client: Client, value: Any) -> dict[str, Any]:
    prompt = value["prompt"] if isinstance(value, dict) else GOOD["prompt"]
    regions = value["regions"] if isinstance(value, dict) else value
    return client.predict(prompt, regions, 7, 2, 3.0, api_name="/paint")


def test_a_client_can_send_a_painting(client, painter):
    value = painting(GOOD["prompt"], region("red fox"))
    assert paint_places(client, value)["regions"] == value["regions"]
    assert painter.requests[0].painting[0].mask == HALF


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[", "The regions are a list, not str"),
        (painting("a red fox", "fox"), "A painted region is an object of JSON, not str"),
        (painting("a red fox", *[region("fox")] * 9), "at most 8 regions, and 9 were sent"),
        (painting("a red fox", region("fox", runs=[255, 10**9])), "add up to 4,096 cells"),
        (painting("a red fox", region("fox", runs=[1, 1] * 200_000)), "at most 4,096 pairs"),
        (painting("a red fox", region("fox", weight=1e300)), "between -2 and 4, not 1e+300"),
        (painting("a red fox", region("<b>owl")), "does not have “&lt;b&gt;owl”"),
        (painting("a red fox", region("fox " * 99)), "396 characters; the limit is 120"),
    ],
)
def test_a_painting_beyond_its_limits_is_refused_in_words(client, painter, value, said):
    with pytest.raises(AppError) as refusal:
        paint_places(client, value)
    assert said in str(refusal.value)
    assert painter.requests == []


def test_nested_json_stops_before_the_model_and_the_studio_goes_on(client, painter, web, app):
    number = next(n for n, event in app.fns.items() if event.api_name == "create")
    deep = "[" * 100_000 + "]" * 100_000
    data = f'["a fox", 7, 2, 3, 1, null, {deep}]'
    body = f'{{"fn_index": {number}, "session_hash": "stranger", "data": {data}}}'
    answer = web.post("/gradio_api/queue/join", content=body)
    assert answer.status_code >= 400 and "Traceback" not in answer.text
    assert painter.requests == []
    assert paint(client)["phase"] == "done"


@pytest.mark.parametrize(
    "prompt", ["", "\x00\x1b[2J", "🦊" * 200, "ثعلب أحمر", "<img src=x onerror=1>"]
)
def test_any_sentence_of_allowed_length_is_painted(client, prompt):
    assert paint(client, prompt=prompt)["phase"] == "done"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("taste", "nothing to compare that is called"),
        ("painting", "Nothing is painted"),
        ("look", "No picture lends its look"),
        ("networks", "This model has one network"),
        ("words", "There are no later words"),
    ],
)
def test_a_comparison_of_nothing_is_refused_in_words(client, painter, kind, said):
    with pytest.raises(AppError) as refusal:
        client.predict("a red fox", kind, api_name="/compare")
    assert said in str(refusal.value)
    assert painter.requests == []


def test_a_client_can_compare(client, painter):
    found = client.predict("a red fox", "encoders", steps=2, api_name="/compare")
    assert found["phase"] == "done" and len(found["tiles"]) == 8
    assert painter.painted == 8


FILES = (
    "/etc/passwd",
    "../../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "/tmp/gradio/../../etc/passwd",
    str(Path(__file__).resolve()),
    str(Path(__file__).resolve().parents[2] / "pyproject.toml"),
    "file:///etc/passwd",
    "http://127.0.0.1:1/",
    "//127.0.0.1/c$",
)


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("route", ["file=", "gradio_api/file="])
def test_no_file_of_the_machine_is_served(web, route, path):
    answer = web.get(f"/{route}{path}")
    assert answer.status_code in (400, 403, 404)
    assert "root:" not in answer.text and "[project]" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/proxy=http://127.0.0.1:1/",
        "monitoring",
        "gradio_api/monitoring/summary",
        "gradio_api/runs",
        "static/../../../../etc/passwd",
        "assets/..%2f..%2f..%2f..%2fetc/passwd",
    ],
)
def test_other_doors_are_shut(web, path):
    answer = web.get(f"/{path}")
    assert answer.status_code >= 400
    assert "root:" not in answer.text


def test_large_uploads_are_refused(web):
    answer = web.post("/gradio_api/upload", files={"files": ("x.png", b"0" * 6_000_000)})
    assert answer.status_code == 413


def recall(web: httpx.Client, app, file: dict[str, Any]) -> str:
    """What the server answers to a client that calls the page's private event by its number."""
    number = next(n for n, event in app.fns.items() if event.api_name == "reread")
    body = {"fn_index": number, "data": [file], "session_hash": "stranger"}
    return web.post("/gradio_api/run/predict", json=body).text


@pytest.mark.parametrize("path", ["/etc/passwd", str(Path(__file__).resolve())])
def test_a_file_that_was_not_uploaded_is_not_read(web, app, path):
    file = {"path": path, "orig_name": "x.png", "meta": {"_type": "gradio.FileData"}}
    said = recall(web, app, file)
    assert "root:" not in said and "recipe" not in said


def test_a_picture_that_unfolds_is_refused_and_the_studio_goes_on(web, app, client):
    bomb = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, format="PNG")
    answer = web.post("/gradio_api/upload", files={"files": ("bomb.png", bomb.getvalue())})
    assert answer.status_code == 200
    file = {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}
    recall(web, app, file)
    assert paint(client)["phase"] == "done"


def test_logs_hold_no_sentence(client, capfd):
    paint(client, prompt="a fox named quillaby")
    paint_places(client, painting("a fox named quillaby", region("quillaby")))
    with pytest.raises(AppError):
        paint_places(client, painting("a fox", region("quillaby")))
    with pytest.raises(AppError):
        paint(client, prompt="quillaby " * 200)
    client.predict("a fox named quillaby", api_name="/unknown_words")
    with pytest.raises(AppError):
        client.predict("a fox named quillaby", "no base64", api_name="/style")
    said = capfd.readouterr()
    assert "quillaby" not in said.out + said.err
