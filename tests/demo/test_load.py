"""Many visitors at once: every job ends, memory comes back, and nobody reads another's files.

    EDIFFI_LOAD_SECONDS=300 EDIFFI_LOAD_MODEL=storybook pytest -m load tests/demo/test_load.py

Without the variables it is ten seconds of the painter that only pretends.
"""

import gc
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.app import build_app, launch
from demo.steering import INSIST
from demo.storybook import load

from .fake_engine import FakeEngine
from .test_api import LOOK

VISITORS = 32
SECONDS = float(os.environ.get("EDIFFI_LOAD_SECONDS", "10"))
MODEL = os.environ.get("EDIFFI_LOAD_MODEL")
PATIENCE = 300  # seconds in which a job that was taken on must end
SLACK = 256  # MiB that libraries may keep for themselves; our choice
BOX = [{"phrase": "fox", "box": [0, 0.5, 0.5, 1]}]
ASKS: dict[str, list[Any]] = {
    "generate": ["a red fox", 7, 6, 3.0, 1, None, INSIST],
    "paint": ["a red fox", BOX, 7, 6, 3.0, 2, None, "all", 1.0, 0.0, False, INSIST],
    "style": ["a red fox", LOOK, 3.0, 7, 6, 3.0, 1, None, INSIST],
    "too much": ["a red fox", 7, 99, 3.0, 1, None, INSIST],
}


def memory() -> float:
    """Resident MiB of this process, in which the studio and its visitors live."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Visitor(threading.Thread):
    """Asks for one thing after the other, and writes down how each ended."""

    def __init__(self, address: str, number: int, doors: dict[str, int], paths: list[str]) -> None:
        super().__init__()
        self.web = httpx.Client(base_url=address, trust_env=False, timeout=PATIENCE)
        self.number, self.doors, self.paths = number, doors, paths
        self.until = time.monotonic() + SECONDS
        self.ended: Counter[str] = Counter()
        self.silent: list[str] = []
        self.leaks = self.tried = 0

    def run(self) -> None:
        chance = random.Random(self.number)
        with self.web:
            for k in range(10**9):
                if time.monotonic() > self.until:
                    return
                deed = chance.choice(["stay", "stay", "stay", "leave", "stop", "twice", "pry"])
                if deed == "pry":
                    self.pry(chance)
                else:
                    name = chance.choice(list(ASKS))
                    self.ended[self.job(name, deed, f"{self.number}-{k}")] += 1
                # People look at what came before they ask again.
                time.sleep(chance.uniform(0.2, 1.0))

    def job(self, name: str, deed: str, session: str) -> str:
        door = self.doors["generate" if name == "too much" else name]
        body = {"fn_index": door, "data": ASKS[name], "session_hash": session}
        joined = self.web.post("/gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            return self.refused(joined.json().get("detail"))
        if deed == "twice":
            second = self.web.post("/gradio_api/queue/join", json=body)
            if second.status_code == 200:  # the first was over already
                return self.heard(session, second.json()["event_id"], "stay", body)
            self.ended[self.refused(second.json().get("detail"))] += 1
        return self.heard(session, joined.json()["event_id"], deed, body)

    def heard(self, session: str, event: str, deed: str, body: dict[str, Any]) -> str:
        for told in self.messages(session, event):
            if told["msg"] == "process_completed":
                if told["success"]:
                    return "cancelled" if not told["output"].get("data") else "finished"
                return self.refused(told["output"].get("error"))
            if deed == "leave" and told["msg"] == "process_generating":
                return "cancelled"
            if deed == "stop" and told["msg"] in ("estimation", "process_generating"):
                self.web.post("/gradio_api/cancel", json={**body, "event_id": event})
        return "lost"

    def messages(self, session: str, event: str) -> Iterator[dict[str, Any]]:
        path = f"/gradio_api/queue/data?session_hash={session}"
        with self.web.stream("GET", path) as answer:
            for line in answer.iter_lines():
                told = json.loads(line.removeprefix("data: ")) if line else {}
                if told.get("event_id") == event:
                    yield told

    def refused(self, reason: object) -> str:
        if not reason:
            self.silent.append(f"visitor {self.number} was refused without a reason")
        return "refused"

    def pry(self, chance: random.Random) -> None:
        """Sends a file, and asks for somebody else's by its path."""
        files = {"files": ("mine.png", f"secret of {self.number}".encode())}
        self.paths += self.web.post("/gradio_api/upload", files=files).json()
        answer = self.web.get(f"/gradio_api/file={chance.choice(self.paths)}")
        self.tried += 1
        self.leaks += answer.status_code == 200 or "secret" in answer.text


def crowd(address: str, doors: dict[str, int]) -> list[Visitor]:
    paths: list[str] = []
    visitors = [Visitor(address, number, doors, paths) for number in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(SECONDS + PATIENCE)
    return visitors


def test_the_crowd_asks_for_what_the_doors_take():
    app = build_app(FakeEngine())
    doors = {event.api_name: len(event.inputs) for event in app.fns.values()}
    asked = {("generate" if name == "too much" else name): len(ASKS[name]) for name in ASKS}
    assert asked == {name: doors[name] for name in asked}


@pytest.mark.load
@pytest.mark.timeout(SECONDS + 2 * PATIENCE)
def test_a_crowd_is_served_refused_or_let_go_and_leaves_nothing_behind(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    painter = load(MODEL) if MODEL else FakeEngine(pace=0.002)
    app = build_app(painter)
    address = launch(app, "127.0.0.1", None)
    try:
        doors = {event.api_name: n for n, event in app.fns.items() if event.api_name in ASKS}
        warm = Visitor(address, 99, doors, [])
        assert [warm.job(name, "stay", f"warm {name}") for name in ASKS][:3] == ["finished"] * 3
        before = memory()
        began = time.monotonic()
        visitors = crowd(address, doors)
        took, after = time.monotonic() - began, memory()
        assert warm.job("generate", "stay", "the last") == "finished"
    finally:
        app.close(verbose=False)
    ended = sum((visitor.ended for visitor in visitors), Counter())
    tried = sum(visitor.tried for visitor in visitors)
    leaks = sum(visitor.leaks for visitor in visitors)
    rows = {
        "visitors": VISITORS,
        "seconds": f"{took:.0f}",
        "jobs": ended.total(),
        **{name: ended[name] for name in ("finished", "refused", "cancelled", "lost")},
        "other visitors' files tried": tried,
        "of these readable": leaks,
        "memory before, MiB": f"{before:.0f}",
        "memory after, MiB": f"{after:.0f}",
    }
    with capsys.disabled():
        print("\n| what | measured |\n|---|---:|")
        print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))
    assert not [visitor for visitor in visitors if visitor.is_alive()]
    assert [said for visitor in visitors for said in visitor.silent] == []
    assert ended["finished"] and ended["refused"] and ended["cancelled"]
    assert ended["lost"] == leaks == 0 and tried > 0
    assert after - before < SLACK
    assert not list(tmp_path.glob("studio-*"))
