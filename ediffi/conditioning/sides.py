"""Where a sentence says that things are: "to the left of", "above", "on the right".

English, by lists alone. It knows characters; which phrases they speak of, `prompt.py` knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
"""The sides of the page."""

_RELATION = (
    r"(?:(?:to|on|at) the )?(?P<beside>left|right)(?:(?:[ -]hand)? side)? of"
    r"|(?P<over>above|over)|(?P<under>below|beneath|underneath|under)"
)
_PAGE = r"(?:page|picture|image|painting|scene)"
_PLACE = rf"(?:on|at) the (?P<at>left|right|top|bottom)(?:(?:[ -]hand)? side)?(?: of the {_PAGE})?"


@dataclass(frozen=True)
class Stated:
    """Characters `start` to `end` put what they speak of on a `side` of the page.

    Where it is so `relative` to something else, that is on the opposite side.
    """

    start: int
    end: int
    side: str
    relative: bool


def stated(text: str, follow: Iterable[str]) -> tuple[Stated, ...]:
    """What a text says of sides, from left to right.

    A place on the page is one only before a word of `follow`, a mark or the end: "on the right
    track" is none.
    """
    after = rf"(?=\s*(?:[^\w\s-]|$|(?:{'|'.join(map(re.escape, sorted(follow)))})\b))(?! of\b)"
    pattern = re.compile(rf"\b(?:{_PLACE}{after}|(?:{_RELATION})\b)", re.IGNORECASE)
    return tuple(_read(match) for match in pattern.finditer(text))


def _read(match: re.Match[str]) -> Stated:
    named = match["at"] or match["beside"] or ("top" if match["over"] else "bottom")
    return Stated(match.start(), match.end(), named.lower(), match["at"] is None)
