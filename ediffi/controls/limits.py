"""Values from outside, checked: numbers against their limits, words against what is offered.

Every refusal is a ValueError in one sentence that names the value and the limit. Knows neither
paintings nor pictures, and prints no value that could fill a page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from numbers import Integral, Real
from typing import Any

_LONGEST = 10**30
_SHOWN = 60


def number(what: str, value: Any, low: float, high: float) -> float:
    """`value` as a float within `low` to `high`, ends included; ValueError for all else."""
    if not _is(value, Real):
        raise ValueError(f"{what} must be a number, not {_kind(value)}.")
    try:
        # Compared before it is converted: a whole number may be too large for a float.
        if low <= value <= high:
            return float(value)
    except OverflowError:
        pass
    raise ValueError(f"{what} is {shown(value)}, but must lie within {low:g} to {high:g}.")


def whole(what: str, value: Any, low: int, high: int) -> int:
    """`value` as an int within `low` to `high`, ends included; ValueError for all else."""
    if not _is(value, Integral):
        raise ValueError(f"{what} must be a whole number, not {_kind(value)}.")
    if not low <= value <= high:
        raise ValueError(f"{what} is {shown(value)}, but must lie within {low} to {high}.")
    return int(value)


def text(what: str, value: Any) -> str:
    """`value` where it is a text; ValueError for all else."""
    if not isinstance(value, str):
        raise ValueError(f"{what} must be text, not {_kind(value)}.")
    return value


def choice(what: str, value: Any, offered: Collection[str]) -> str:
    """`value` where it is one of the words `offered`; ValueError naming them for all else."""
    if text(what, value) not in offered:
        raise ValueError(f"{what} is {brief(value)}, but must be one of {', '.join(offered)}.")
    return value


def entries(what: str, value: Any, most: int) -> list[Any]:
    """`value` where it is a list of at most `most` entries; ValueError for all else."""
    if not isinstance(value, list):
        raise ValueError(f"{what} must be a list, not {_kind(value)}.")
    if len(value) > most:
        raise ValueError(f"{what} has {len(value):,} entries, but at most {most:,} are read.")
    return value


def keyed(what: str, value: Any, keys: Collection[str]) -> Mapping[str, Any]:
    """`value` where it is an object with exactly these keys; ValueError naming what is amiss."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object, not {_kind(value)}.")
    for key in keys:
        if key not in value:
            raise ValueError(f"{what} lacks the key {key!r}.")
    for key in value:
        if key not in keys:
            raise ValueError(f"{what} has the key {brief(str(key))}, which means nothing.")
    return value


def brief(words: str) -> str:
    """The text in quotes, cut where it is long."""
    return repr(words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…")


def shown(value: Any) -> str:
    """The number in digits, or "huge": Python refuses to print more than 4,300 of them."""
    return "huge" if isinstance(value, int) and abs(value) >= _LONGEST else str(value)


def _is(value: Any, kind: type) -> bool:
    # True and False are numbers to Python, and to nobody else.
    return isinstance(value, kind) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
