"""The walls of a public studio: one run each, a deadline, no broken picture, no file, no host."""

import asyncio
import ctypes
import io
import json
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from demo import engine, waiting
from demo.app import SESSIONS, build_app, launch
from demo.engine import Painted, Progress
from demo.gate import MAX_BYTES
from demo.storybook import StorybookEngine
from demo.walls import Walled
from tests.fakes import tiny_pipeline

from .fake_engine import FakeEngine
from .test_load import memory

ASKED = engine.request("a red fox", 7, 4, 3.0, 1)
SESSION = "the-first-visitor"


class Held(FakeEngine):
    """It paints its first step and no other until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def paint(self, request: engine.Request) -> Generator[Progress | Painted]:
        for event in super().paint(request):
            yield event
            assert self.let_go.wait(60)


class Broken(FakeEngine):
    """Its third step is not finite."""

    def paint(self, request: engine.Request) -> Generator[Progress | Painted]:
        for event in super().paint(request):
            if isinstance(event, Progress) and event.step == 3:
                event = Progress(3, event.of, event.sigma, 0.0, np.full((1, 8, 8, 3), np.nan))
            yield event


@pytest.fixture(scope="module")
def shared_painter() -> FakeEngine:
    return FakeEngine(pace=0.05)


@pytest.fixture
def web(address) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as made:
        yield made


def join(
    web: httpx.Client, app: Any, steps: int, session: str = SESSION, name: str = "generate"
) -> httpx.Response:
    """Asks for a job: of the page, which says so, where `name` is not that of the endpoint."""
    number, asked = next((n, each) for n, each in app.fns.items() if each.api_name == name)
    data = ["a red fox", 7, steps, 3.0, 1, None]
    data += [block.value for block in asked.inputs[len(data) :]]
    body = {"fn_index": number, "data": data, "session_hash": session}
    whose = "api" if name == "generate" else "app"
    return web.post("/gradio_api/queue/join", json=body, headers={"x-gradio-user": whose})


def heard(web: httpx.Client, session: str = SESSION) -> Iterator[dict[str, Any]]:
    with web.stream("GET", f"/gradio_api/queue/data?session_hash={session}") as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def ends(web: httpx.Client, session: str = SESSION) -> dict[str, Any]:
    """The last message of a session's only run."""
    return next(told for told in heard(web, session) if told["msg"] == "process_completed")


def test_a_run_ends_at_its_deadline_with_a_sentence():
    slow = FakeEngine(pace=0.02)
    *steps, _ = Walled(slow, seconds=5).paint(ASKED)
    assert len(steps) == 4
    with pytest.raises(ValueError, match="at step 1 of 4: a run may take 0.01 seconds"):
        list(Walled(slow, seconds=0.01).paint(ASKED))
    assert slow.closed.is_set() and slow.painted == 1


def test_a_picture_that_breaks_reaches_nobody():
    events: Any = Walled(Broken()).paint(ASKED)
    assert [next(events).step, next(events).step] == [1, 2]
    with pytest.raises(ValueError, match="broke at step 3 of 4"):
        next(events)


def test_what_a_run_has_freed_goes_back_to_the_system():
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("this C library keeps no freed memory that it could be asked for")
    held = [bytearray(b"x") * 50_000 for _ in range(4_000)]
    last = bytearray(b"x") * 50_000  # what lies above keeps the heap from shrinking by itself
    del held[:]
    before = memory()
    with closing(Walled(FakeEngine()).paint(ASKED)) as events:
        next(events)
    assert before - memory() > 100 and len(last) == 50_000


def test_a_model_that_breaks_is_a_sentence():
    model = tiny_pipeline()
    with torch.no_grad():
        network = cast(torch.nn.Module, model.model.denoiser)
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match=r"^The picture is no longer finite at step 1 of 4 .*\.$"):
        list(Walled(StorybookEngine.of(model)).paint(ASKED))


def test_two_runs_never_evaluate_at_once():
    inside, most = 0, 0

    class Watchful(FakeEngine):
        def paint(self, request: engine.Request) -> Generator[Progress | Painted]:
            nonlocal inside, most
            for event in super().paint(request):
                inside += 1
                most = max(most, inside)
                time.sleep(0.005)
                inside -= 1
                yield event

    walled = Walled(Watchful())
    runs = [threading.Thread(target=lambda: list(walled.paint(ASKED))) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)
    assert most == 1


def test_a_second_job_of_a_visitor_is_refused_until_the_first_is_done(web, app, painter):
    assert join(web, app, 20).status_code == 200
    again = join(web, app, 2)
    assert again.status_code == 422
    (told,) = again.json()["detail"]
    assert told["message"].startswith("Your last picture is still on its way")
    other = join(web, app, 2, "another-visitor")
    assert other.status_code == 200
    assert ends(web)["success"] and ends(web, "another-visitor")["success"]
    assert join(web, app, 2).status_code == 200
    assert ends(web)["success"]
    assert [asked.steps for asked in painter.requests] == [20, 2, 2]


def test_a_second_job_of_the_page_takes_the_place_of_the_first(web, app, painter, monkeypatch):
    monkeypatch.setattr(waiting, "LINGER", 0.5)
    first = join(web, app, 50, name="create").json()["event_id"]
    told, second = [], ""
    for message in heard(web):
        told.append((message.get("event_id"), message["msg"]))
        if message["msg"] == "process_generating" and not second:
            second = join(web, app, 2, name="create_chosen").json()["event_id"]
    assert told.count((first, "process_completed")) == told.count((second, "process_completed"))
    over = told.index((first, "process_completed"))
    assert first not in {event for event, _ in told[over + 1 :]}
    assert painter.closed.wait(20) and painter.painted == 1
    assert [asked.steps for asked in painter.requests] == [50, 2]


def test_the_stream_of_a_page_outlives_its_job_for_a_while(web, app, monkeypatch):
    monkeypatch.setattr(waiting, "LINGER", 0.5)
    asked, over = [join(web, app, 2, name="create").json()["event_id"]], []
    for message in heard(web):
        if message["msg"] == "process_completed":
            over.append(message["event_id"])
        if len(over) == len(asked) == 1:
            asked.append(join(web, app, 2, name="create").json()["event_id"])
    assert over[:2] == asked, "one stream told of both"
    assert over[2:] and over[2].startswith(waiting.HELD) and len(over) == 3
    assert app._queue.pending_event_ids_session[SESSION] == set()


def test_few_sessions_are_remembered(address, app):
    assert app.app.state_holder.capacity == SESSIONS <= 256


def test_messages_that_nobody_fetches_do_not_pile_up(web, app):
    kept = app._queue.pending_messages_per_session
    known = app._queue.pending_event_ids_session
    for k in range(kept.max_size + 5):
        kept[f"nobody-{k}"] = asyncio.Queue()
        known[f"nobody-{k}"] = set()
    assert join(web, app, 1, "nobody-7").status_code == 200
    assert len(kept) == kept.max_size < 100 and "nobody-4" not in kept
    assert [each for each in known if each.startswith("nobody")] == ["nobody-7"]
    assert next(reversed(kept)) == "nobody-7", "whoever asks again is forgotten last"
    assert ends(web, "nobody-7")["success"]


def test_a_visitor_who_leaves_in_the_middle_frees_the_model(web, app, painter, address):
    leaver = httpx.Client(base_url=address, trust_env=False, timeout=30)
    with closing(leaver):
        assert join(leaver, app, 50, "leaver").status_code == 200
        with leaver.stream("GET", "/gradio_api/queue/data?session_hash=leaver") as answer:
            next(line for line in answer.iter_lines() if "process_generating" in line)
    assert painter.closed.wait(20) and painter.painted == 0
    assert join(web, app, 2).status_code == 200
    assert ends(web)["success"] and painter.painted == 1


def test_whoever_finds_no_place_is_told_so():
    held = Held()
    full = build_app(held, places=1)
    where = launch(full, "127.0.0.1", None, mcp=False)
    try:
        with httpx.Client(base_url=where, trust_env=False, timeout=30) as web:
            assert join(web, full, 1, "a").status_code == 200
            next(told for told in heard(web, "a") if told["msg"] == "process_starts")
            answers = [join(web, full, 1, f"waits-{k}") for k in range(3)]
            assert answers[-1].status_code == 503 and "full" in answers[-1].json()["detail"]
            assert web.post("/gradio_api/mcp", json={}).status_code >= 400
    finally:
        held.let_go.set()
        full.close(verbose=False)


def test_no_file_that_a_visitor_sent_is_served_to_anyone(web):
    sent = web.post("/gradio_api/upload", files={"files": ("mine.png", b"private")})
    (path,) = sent.json()
    assert Path(path).read_bytes() == b"private"
    for route in ("file=", "gradio_api/file=", "gradio_api/file/", "gradio_api/stream/"):
        answer = web.get(f"/{route}{path}")
        assert answer.status_code in (403, 404) and "private" not in answer.text


def test_what_was_sent_is_deleted_when_the_studio_closes():
    app = build_app(FakeEngine())
    where = launch(app, "127.0.0.1", None)
    sent = httpx.post(
        f"{where}gradio_api/upload", files={"files": ("x.png", b"gone soon")}, trust_env=False
    )
    path = Path(sent.json()[0])
    assert path.exists()
    app.close(verbose=False)
    assert not path.exists()


def test_a_file_that_is_named_by_an_address_is_not_fetched(web, app, painter, monkeypatch):
    asked = []
    find = socket.getaddrinfo

    def noted(*given: Any, **more: Any) -> Any:
        asked.append(given[0])
        return find(*given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    address = "https://example.com/look.png"
    file = {"path": address, "url": address, "meta": {"_type": "gradio.FileData"}}
    for name in ("reread", "gallery_recall", "unknown_words"):
        number, event = next((n, each) for n, each in app.fns.items() if each.api_name == name)
        body = {"fn_index": number, "data": [file], "session_hash": f"stranger-{name}"}
        if event.queue:
            assert web.post("/gradio_api/queue/join", json=body).status_code == 200
            said = str(ends(web, body["session_hash"])["output"])
        else:
            said = web.post("/gradio_api/run/predict", json=body).text
        assert "fetches nothing from other hosts" in said
    assert set(asked) <= {"127.0.0.1", "localhost"}


@pytest.mark.parametrize("announce", [True, False])
def test_a_request_beyond_all_measure_is_refused(web, painter, announce):
    body = b" " * (MAX_BYTES + 1)
    content = body if announce else iter([body[: MAX_BYTES // 2], body[MAX_BYTES // 2 :]])
    headers = {"content-type": "application/json"}
    answer = web.post("/gradio_api/queue/join", content=content, headers=headers)
    assert answer.status_code == (413 if announce else 400)


def picture_bytes(mode: str, size: tuple[int, int], kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (picture_bytes("CMYK", (40, 32), "JPEG"), None),
        (picture_bytes("I;16", (40, 32), "PNG"), None),
        (picture_bytes("RGBA", (40, 32), "WEBP"), None),
        (picture_bytes("L", (40, 32), "GIF"), "no PNG, JPEG or WebP picture"),
        (b"a text file with a png's name", "no PNG, JPEG or WebP picture"),
        (picture_bytes("RGB", (1, 1), "PNG"), "1 x 1 pixels shows no style"),
        (picture_bytes("1", (12_000, 12_000), "PNG"), "at most 8 million pixels"),
    ],
)
def test_a_style_picture_works_or_is_refused_in_a_sentence(tmp_path, sent, said):
    path = tmp_path / "look.png"
    path.write_bytes(sent)
    steering = engine.Steering(style=(path,))
    asked = engine.request("a fox", 7, 1, 3.0, 1, None, None, steering)
    painting = Walled(StorybookEngine.of(tiny_pipeline())).paint(asked)
    if said is None:
        assert isinstance(list(painting)[-1], Painted)
    else:
        with pytest.raises(ValueError, match=said):
            list(painting)


def test_a_refusal_of_the_walls_reaches_the_visitor(tmp_path):
    app = build_app(Broken())
    where = launch(app, "127.0.0.1", None)
    try:
        client = Client(where, verbose=False, download_files=str(tmp_path))
        with pytest.raises(AppError, match="broke at step 3 of 12"):
            client.predict("a red fox", api_name="/generate")
        client.close()
    finally:
        app.close(verbose=False)
