"""The studio's tools for language models: three of its endpoints over MCP.

A call goes into the same queue and through the same checks as any other client's, over the studio's
own address; pictures come back as pictures. Gradio has an MCP server too, which hands pictures over
as files that anyone may fetch and fetches addresses that it is given, so it stays off. Nothing of
`mcp` is loaded before the first call.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import gradio as gr
import httpx

from demo.gate import MAX_BYTES, Message, Receive, Send

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp.types import CallToolResult, ListToolsResult

NAMES = ("generate", "paint", "style")
BUSY = "The studio is full: try again in a minute."
FAILED = "The studio could not do this."


class Tools:
    """An ASGI application that speaks MCP for a launched page, without sessions."""

    def __init__(self, app: gr.Blocks) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        # One for each request: it ends with it, and a caller who hangs up ends the call.
        manager = StreamableHTTPSessionManager(
            self._server, stateless=True, max_request_body_size=MAX_BYTES
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    @cached_property
    def _server(self) -> Server[Any]:
        from mcp.server.lowlevel import Server

        async def list_tools(context: Any, params: Any) -> ListToolsResult:
            return self.listed()

        async def call_tool(context: Any, params: Any) -> CallToolResult:
            return await self.called(params.name, params.arguments or {})

        return Server("storybook-studio", on_list_tools=list_tools, on_call_tool=call_tool)

    def listed(self) -> ListToolsResult:
        """Every tool as its endpoint describes itself."""
        from mcp.types import ListToolsResult, Tool

        endpoints = self.app.get_api_info()["named_endpoints"]
        return ListToolsResult(
            tools=[
                Tool(
                    name=name,
                    description=endpoints[f"/{name}"].get("description", ""),
                    input_schema=_schema(endpoints[f"/{name}"]["parameters"]),
                )
                for name in NAMES
            ]
        )

    async def called(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """The finished pictures, or a refusal in its sentence."""
        from mcp.types import CallToolResult, ImageContent, TextContent

        said, answer = await self._asked(name, arguments)
        if answer is None:
            return CallToolResult(content=[TextContent(text=said)], is_error=True)
        told = [f"{picture['name']}, seed {picture['seed']}" for picture in answer["pictures"]]
        words = TextContent(text="\n".join([*told, *answer["notes"]]))
        pictures = [
            ImageContent(data=picture["png"], mime_type="image/png")
            for picture in answer["pictures"]
        ]
        return CallToolResult(content=[*pictures, words])

    async def _asked(
        self, name: str, arguments: dict[str, Any]
    ) -> tuple[str, dict[str, Any] | None]:
        """What was said where nothing came of it, and the endpoint's last answer otherwise."""
        known = self.app.get_api_info()["named_endpoints"].get(f"/{name}")
        if name not in NAMES or known is None:
            return f"There is no tool {name[:40]!r}; there are {', '.join(NAMES)}.", None
        wrong = set(arguments) - {given["parameter_name"] for given in known["parameters"]}
        if wrong or "prompt" not in arguments:
            named = ", ".join(sorted(wrong))[:80] or "no prompt"
            return f"The tool {name} does not take {named}.", None
        call = f"/gradio_api/call/v2/{name}"
        # No proxy of the environment may come between the studio and itself.
        async with httpx.AsyncClient(
            base_url=self.app.local_url or "", timeout=None, trust_env=False
        ) as web:
            joined = await web.post(call, json=arguments)
            if joined.status_code != 200:
                return BUSY if joined.status_code == 503 else FAILED, None
            async with web.stream("GET", f"{call}/{joined.json()['event_id']}") as answered:
                return await _last(answered)


async def _last(answered: httpx.Response) -> tuple[str, dict[str, Any] | None]:
    """The end of a run as gradio tells it: lines of `event: ...` and `data: ...`."""
    event = ""
    async for line in answered.aiter_lines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: ") and event in ("complete", "error"):
            data = json.loads(line.removeprefix("data: "))
            if event == "complete":
                return "", data[0]
            return (data or {}).get("error") or FAILED, None
    return FAILED, None


def _schema(parameters: list[Any]) -> dict[str, Any]:
    """The JSON schema of an endpoint's arguments."""
    return {
        "type": "object",
        "properties": {
            given["parameter_name"]: {**given["type"], **_default(given)} for given in parameters
        },
        "required": [
            given["parameter_name"] for given in parameters if not given["parameter_has_default"]
        ],
        "additionalProperties": False,
    }


def _default(parameter: Any) -> dict[str, Any]:
    has = parameter["parameter_has_default"] and parameter["parameter_default"] is not None
    return {"default": parameter["parameter_default"]} if has else {}
