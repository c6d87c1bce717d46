"""The gate in front of the studio's server: what no request gets past, whoever sends it.

An ASGI application around the page's. It knows addresses and sizes, and nothing of what is asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_BYTES = 24_000_000  # of a request: four pictures of 5 MB and what goes around them
FILES = ("/file", "/gradio_api/file", "/gradio_api/stream", "/gradio_api/proxy")
TOOLS = "/gradio_api/mcp"  # where programs that know gradio look for it


class Gate:
    """`app` behind the gate; what is posted to `TOOLS` goes to `tools`, where there are any.

    The studio sends its pictures inside its answers, so it need not serve a single file of its
    temporary folder: whoever knows another visitor's path is refused like everybody else.
    """

    def __init__(self, app: App, tools: App | None = None) -> None:
        self.app = app
        self.tools = tools

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request, or lets it through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if path.startswith(FILES):
            await refuse(send, 403, "The studio serves no files of its visitors.")
        elif announced(scope) > MAX_BYTES:
            most = MAX_BYTES // 10**6
            await refuse(send, 413, f"A request has at most {most} million bytes here.")
        elif self.tools is None or path.rstrip("/") != TOOLS:
            await self.app(scope, counted(receive), send)
        elif scope["method"] != "POST":
            await refuse(send, 405, "Tools are called by POST.")
        else:
            await self.tools(scope, counted(receive), send)


def announced(scope: Message) -> int:
    """The bytes that a request says it has; 0 where it does not say."""
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(said[:20]) if said.isdigit() else 0


def counted(receive: Receive) -> Receive:
    """`receive`, which hangs up where more comes than is let in, announced or not."""
    seen = 0

    async def receive_so_many() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= MAX_BYTES else {"type": "http.disconnect"}

    return receive_so_many


async def refuse(send: Send, status: int, sentence: str) -> None:
    """Answers with a status and a sentence as plain text."""
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})
