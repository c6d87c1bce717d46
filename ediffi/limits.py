"""Numbers from outside are let through or refused in one sentence that names value and limits.

It knows no limit: whoever asks says what a value may be.
"""

from __future__ import annotations

from collections.abc import Sequence


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """Raise ValueError unless `value` is a whole number between `low` and `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"The {name} must be a whole number, not {value!r}.")
    if not low <= value <= high:
        shown = value if abs(value) < 10**30 else "huge"  # Python refuses to print 5,000 digits
        raise ValueError(f"The {name} is {shown} and must lie between {low} and {high}.")


def check_integers(record: object, names: Sequence[str], low: int, high: int) -> None:
    """The same for fields of a record; of a field with several values for each of them."""
    for name in names:
        found = getattr(record, name)
        for value in found if isinstance(found, tuple) else (found,):
            check_integer(name, value, low, high)


def check_number(name: str, value: object, low: float, high: float) -> None:
    """Raise ValueError unless `value` is a number between `low` and `high`, both included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"The {name} must be a number, not {value!r}.")
    if not low <= value <= high:  # also false for NaN
        raise ValueError(f"The {name} is {value} and must lie between {low:g} and {high:g}.")
