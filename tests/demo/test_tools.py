"""The studio's tools, listed and called over the wire by a client of the protocol."""

import asyncio
import base64
import io
import socket
from typing import Any

import httpx
import pytest
from mcp import Client
from PIL import Image

from demo.gate import TOOLS

from .test_api import LOOK

CALLS: dict[str, dict[str, Any]] = {
    "generate": {"prompt": "a red fox", "seed": 3, "steps": 2},
    "paint": {"prompt": "a red fox", "regions": [{"phrase": "fox", "box": [0, 0, 0.5, 1]}]},
    "style": {"prompt": "a red fox", "look": LOOK, "steps": 2, "pictures": 2},
}


def with_client(address: str, ask: Any) -> Any:
    async def go() -> Any:
        async with Client(f"{address.rstrip('/')}{TOOLS}") as client:
            return await ask(client)

    return asyncio.run(go())


def test_three_tools_are_listed_with_what_they_take(address):
    listed = with_client(address, lambda client: client.list_tools()).tools
    assert {tool.name for tool in listed} == set(CALLS)
    for tool in listed:
        schema = tool.input_schema
        assert len(tool.description) > 60 and schema["required"][0] == "prompt"
        assert set(CALLS[tool.name]) <= set(schema["properties"])
        assert schema["properties"]["seed"] == {"type": "integer", "default": 7}


@pytest.mark.parametrize("name", CALLS)
def test_a_tool_gives_pictures(address, painter, name, monkeypatch):
    hosts = set()
    connect = socket.socket.connect

    def noted(self: socket.socket, to: Any) -> None:
        hosts.add(to[0] if isinstance(to, tuple) else to)
        connect(self, to)

    monkeypatch.setattr(socket.socket, "connect", noted)
    result = with_client(address, lambda client: client.call_tool(name, CALLS[name]))
    *pictures, words = result.content
    assert not result.is_error and len(pictures) == CALLS[name].get("pictures", 1)
    for picture in pictures:
        assert picture.mime_type == "image/png"
        assert Image.open(io.BytesIO(base64.b64decode(picture.data))).size == (64, 64)
    assert f"seed {CALLS[name].get('seed', 7)}" in words.text
    assert len(painter.requests) == 1
    assert hosts <= {"127.0.0.1", "localhost", "::1"}


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("generate", {"prompt": "a fox", "steps": 99}, "between 1 and 50, not 99"),
        ("generate", {"prompt": "a fox", "colour": "red"}, "does not take colour"),
        ("generate", {}, "does not take no prompt"),
        ("paint", {"prompt": "a fox", "regions": [{"phrase": "owl", "box": [0, 0, 1, 1]}]}, "owl"),
        ("recall", {"png": LOOK}, "There is no tool 'recall'"),
    ],
)
def test_a_tool_refuses_in_a_sentence(address, painter, name, arguments, said):
    result = with_client(address, lambda client: client.call_tool(name, arguments))
    assert result.is_error and said in result.content[0].text
    assert painter.requests == []


def test_logs_hold_no_sentence(address, capfd):
    for arguments in ({"prompt": "a fox named quillaby"}, {"prompt": "quillaby", "steps": -1}):
        with_client(address, lambda client, given=arguments: client.call_tool("generate", given))
    said = capfd.readouterr()
    assert "quillaby" not in said.out + said.err


def test_a_browser_finds_no_page_there(address):
    answer = httpx.get(f"{address.rstrip('/')}{TOOLS}", trust_env=False)
    assert answer.status_code == 405 and "POST" in answer.text
