"""`docs/api.md` is true: its Python runs, its tables and addresses are the endpoints' own."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from demo import gate, walls

from .fake_engine import FakeEngine
from .test_app import PUBLIC

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
PRINTED = "http://127.0.0.1:7860"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def rows(endpoint: str) -> list[tuple[str, str]]:
    """Name and default of every parameter in an endpoint's table."""
    section = TEXT.split(f"### `/{endpoint}`\n")[1].split("\n#")[0]
    return re.findall(r"^\| `(\w+)` \| (.*?) ?\| ", section, flags=re.MULTILINE)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_of_the_page_runs_from_top_to_bottom(address, painter: FakeEngine, here, capsys):
    shown = blocks("python")
    assert len(shown) == 5
    script = "\n".join(shown).replace(PRINTED, address.rstrip("/"))
    exec(compile(script, "docs/api.md", "exec"), {"__name__": "shown"})
    said = capsys.readouterr().out
    assert "1 of 12 at sigma" in said and "'unicorn'" in said
    assert "['generate', 'paint', 'style']" in said and "['image', 'text']" in said
    assert (here / "fox.png").read_bytes().startswith(b"\x89PNG")
    assert [len(asked.painting) for asked in painter.requests] == [0, 0, 2, 0, 0, 0, 0]
    assert painter.requests[5] == painter.requests[0]


@pytest.mark.parametrize("endpoint", sorted(PUBLIC))
def test_the_tables_are_what_the_endpoints_say(app, address, endpoint):
    given = app.get_api_info()["named_endpoints"][f"/{endpoint}"]["parameters"]
    told = [
        (
            each["parameter_name"],
            json.dumps(each["parameter_default"]).replace("null", "None")
            if each["parameter_has_default"]
            else "",
        )
        for each in given
    ]
    assert rows(endpoint) == told


def test_the_lines_for_the_shell_are_requests_that_the_studio_takes(address, painter):
    join, follow = blocks("bash")[0].strip().splitlines()
    words = shlex.split(join)
    url = words[2].replace(PRINTED, address.rstrip("/"))
    body = json.loads(words[words.index("-d") + 1])
    joined = httpx.post(url, json=body, trust_env=False)
    event = joined.json()["event_id"]
    at = shlex.split(follow)[-1].replace(PRINTED, address.rstrip("/")).replace("EVENT_ID", event)
    assert "event: complete" in httpx.get(at, trust_env=False, timeout=60).text
    assert painter.requests[0].seed == 7


def test_addresses_and_limits_are_those_of_the_code(address):
    (entry,) = blocks("json")
    assert json.loads(entry)["mcpServers"]["storybook"]["url"] == PRINTED + gate.TOOLS
    assert f"{walls.DEADLINE:g} seconds" in TEXT
    assert set(re.findall(r"^### `/(\w+)`$", TEXT, flags=re.MULTILINE)) == PUBLIC
    client = Client(address, verbose=False, analytics_enabled=False)
    named: Any = client.view_api(return_format="dict")
    assert {f"/{name}" for name in PUBLIC} == set(named["named_endpoints"])
