"""Values from outside, as text and numbers: let through, cleaned, or refused in one sentence.

A refusal is a ValueError that names the value and the limit. What a value is for is not known here.
"""

from __future__ import annotations

import unicodedata

MAX_PROMPT = 800  # characters; the long captions of the storybook have about 400


def clean(text: object, name: str = "The sentence", most: int = MAX_PROMPT) -> str:
    """`text` without control characters and doubled spaces; ValueError if it has over `most`.

    Letters of every script and joined emoji pass: whether they are known is `Engine.unknown`'s to
    say.
    """
    if not isinstance(text, str):
        raise ValueError(f"{name} must be text, not {type(text).__name__}.")
    if len(text) > most:
        raise ValueError(f"{name} has {len(text):,} characters; the limit is {most}.")
    kept = (
        " " if unicodedata.category(mark) in ("Cc", "Cs", "Zl", "Zp") else mark for mark in text
    )
    return " ".join("".join(kept).split())


def whole(value: object, name: str, low: int, high: int) -> int:
    """`value` as an integer in [low, high]; ValueError names it, and the limit, otherwise."""
    number = finite(value, name, low, high)
    if number != int(number):
        raise ValueError(f"{name} must be a whole number from {low} to {high}, not {number:.10g}.")
    return int(number)


def finite(value: object, name: str, low: float, high: float) -> float:
    """`value` as a float in [low, high]; NaN, infinity, text and nothing at all are refused."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number from {low:g} to {high:.10g}.")
    if not low <= value <= high:  # not a number is never inside
        raise ValueError(f"{name} must lie between {low:g} and {high:.10g}, not {_short(value)}.")
    return float(value)


def _short(value: int | float) -> str:
    if isinstance(value, int):
        return str(value) if abs(value) < 10**21 else "a number with more than 21 digits"
    return f"{value:.10g}"
