"""The third page: the pictures of this visit, and the way back from each to its settings.

The visitor's own page keeps them, as many as `pictures.js` says, and forgets them on a reload; the
server keeps none. Here a picture that is sent back is checked and its recipe read.
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from demo import easel
from demo.tabs.asking import refusals
from demo.tabs.create import FOCUS_PAINT, HIDDEN, Create

MOST_LETTERS = 8_000_000
"""Of a picture on its way back, as base64; a page of 1024 x 1024 pixels has 4 million at worst."""


class Gallery:
    """The page's widgets; created inside a Blocks context, wired once."""

    def __init__(self, page: Create, tabs: gr.Tabs) -> None:
        self.page = page
        self.wall = easel.part("gallery", value=None, elem_id="gallery", before=("pictures", "zip"))
        self.png = gr.File(
            label="Settings from a picture",
            file_types=[".png"],
            type="filepath",
            height=88,
            elem_id="gallery-recall",
        )
        settings = [*page.request, page.keep]
        back = self.wall.click(
            self.bring_back, None, [*settings, tabs], api_name="bring_back", **HIDDEN
        )
        back.success(None, js=FOCUS_PAINT, api_visibility="private")
        self.png.upload(
            self.drop, self.png, [*settings, self.png, tabs], api_name="gallery_recall", **HIDDEN
        ).failure(lambda: None, None, self.png, **HIDDEN)

    def bring_back(self, event: gr.EventData) -> list[Any]:
        """The settings of the picture that was clicked, and the first page."""
        data = event._data.get("png") if isinstance(event._data, dict) else None
        with refusals():
            png = decoded(data)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture.png"
            path.write_bytes(png)
            return [*self.page.restored(path), gr.Tabs(selected="create")]

    def drop(self, png: str | None) -> list[Any]:
        """The settings of a picture that was dropped in, the drop zone emptied, the first page."""
        return [*self.page.recall(png), gr.Tabs(selected="create")]


def decoded(data: object) -> bytes:
    """The bytes of a picture that a page sent back; ValueError where it is none, or too large."""
    if not isinstance(data, str):
        raise ValueError("There is no picture to read.")
    if len(data) > MOST_LETTERS:
        raise ValueError(
            f"This picture has {len(data):,} letters of base64; the limit is {MOST_LETTERS:,}."
        )
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("This is not a picture that was painted here.") from None


def build(page: Create, tabs: gr.Tabs) -> None:
    """Lays the page out in the current Blocks context, beside `page`, which it fills again."""
    Gallery(page, tabs)
