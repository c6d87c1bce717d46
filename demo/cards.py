"""Example cards and the word box as HTML; every word from outside is escaped.

Knows nothing of events: `ideas.js` and `shelves.js` say what a click does.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from demo.engine import Shelf
from demo.examples import Example


def examples_html(examples: Sequence[Example]) -> str:
    """One button per example, numbered in `data-index`, with its picture where there is one."""
    cards = "".join(
        f'<button type="button" data-index="{index}">{_picture(example)}'
        f"<span>{escape(example.prompt)}{_shown_off(example)}</span></button>"
        for index, example in enumerate(examples)
    )
    return (
        '<section class="ideas" aria-label="Examples"><h2>Or begin with one of these</h2>'
        f'<div class="cards">{cards}</div></section>'
    )


def shelves_html(shelves: Sequence[Shelf]) -> str:
    """A heading and one button per word for every group; the word itself in `data-word`."""
    rows = []
    for shelf in shelves:
        words = "".join(
            f'<button type="button" data-word="{escape(word)}">{escape(word)}</button>'
            for word in shelf.words
        )
        rows.append(f'<h3>{escape(shelf.name)}</h3><div class="shelf">{words}</div>')
    return "".join(rows)


def _shown_off(example: Example) -> str:
    return f"<small>{escape(example.shows)}</small>" if example.shows else ""


def _picture(example: Example) -> str:
    if not example.picture.is_file():
        return ""
    data = base64.b64encode(example.picture.read_bytes()).decode("ascii")
    return f'<img alt="" width="64" height="64" src="data:image/png;base64,{data}">'
