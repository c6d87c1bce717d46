"""The ledger: from a claim and a measured number to a verdict, and the tables that say so.

Numbers are read from the records of `docs/results`, never typed in. A claim holds where the whole
95 % interval lies where the claim puts it, and does not hold where none of it does; else this n
cannot tell, and the n that would is named. It judges what it is given: which claims there are says
`claims`, and nothing is measured here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.records import command_in, found_in

HOLDS, FAILS, OPEN, UNMEASURED = VERDICTS = (
    "holds",
    "does not hold",
    "cannot be told at this n",
    "not measured yet",
)
PLURAL = {HOLDS: "hold", FAILS: "do not hold", UNMEASURED: "are not measured yet"}
"""How a verdict is said of several claims; a state that stands for one alike is not listed."""
N = 256
"""What commands of the ledger ask for where nothing has been measured."""
LINES = 10
FEWEST = 8
"""Fewer than this settle nothing, however narrow their interval; our choice."""

Found = Mapping[str, Any]


@dataclass(frozen=True)
class Number:
    """A measured number with the ends of its 95 % interval and its n."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Claim:
    """One claim: `says` and `source` are the paper's, `shown_by` the number that would show it.

    The claim is that the number lies above `above` and below `below`. `read` takes it from the
    record of `study` and gives None where the record does not have it. `percent` says how it is
    printed.
    """

    says: str
    source: str
    shown_by: str
    study: str
    read: Callable[[Found], Number | None]
    above: float = -math.inf
    below: float = math.inf
    percent: bool = False

    @property
    def command(self) -> str:
        """What measures it where nothing has."""
        return f"python -m ediffi study {self.study} --n {N}"


@dataclass(frozen=True)
class Verdict:
    """A claim, what was measured of it, and one of `VERDICTS`; `needed` is an n that would tell.

    `command` measures it again, or for the first time.
    """

    claim: Claim
    state: str
    number: Number | None = None
    needed: int | None = None
    command: str = ""


def judged(claim: Claim, number: Number | None) -> Verdict:
    """The verdict on a claim, given its number."""
    if number is None:
        return Verdict(claim, UNMEASURED)
    if number.n < FEWEST:
        return Verdict(claim, OPEN, number, FEWEST)
    if claim.above < number.low and number.high < claim.below:
        return Verdict(claim, HOLDS, number)
    if number.high <= claim.above or claim.below <= number.low:
        return Verdict(claim, FAILS, number)
    return Verdict(claim, OPEN, number, needed(claim, number))


def needed(claim: Claim, number: Number) -> int | None:
    """The n at which the interval would leave the claim's edge if the value stayed where it is.

    An interval shrinks with the root of n. None where the value lies on the edge itself.
    """
    away = min(abs(number.value - edge) for edge in (claim.above, claim.below))
    if away == 0:
        return None
    reach = max(number.value - number.low, number.high - number.value)
    return max(number.n + 1, math.ceil(round(number.n * (reach / away) ** 2, 6)))


def ledger(claims: Sequence[Claim], folder: Path) -> tuple[Verdict, ...]:
    """The verdict on every claim, from the records of a folder; ValueError names a broken one."""
    verdicts = []
    for claim in claims:
        path = folder / f"{claim.study}.json"
        number, command = None, claim.command
        if path.exists():
            command = command_in(path) or command
            try:
                number = claim.read(found_in(path))
            except (KeyError, TypeError, IndexError) as error:
                raise ValueError(
                    f"{path} is no record of {claim.study}: {type(error).__name__} at {error}."
                ) from error
        verdicts.append(replace(judged(claim, number), command=command))
    return tuple(verdicts)


def document(claims: Sequence[Claim], folder: Path) -> str:
    """`docs/claims.md`: one row for every claim."""
    lines = [
        "# What the paper claims, and what was measured",
        "",
        "Written by `make readme` from the records in `docs/results/`; no number is typed in.",
        "A claim *holds* where the whole 95 % interval lies where the claim puts it and *does not",
        "hold* where none of it does; fewer than eight settle nothing. All of it is measured on",
        "the storybook, which is not the paper's world.",
        "",
        "| the paper says | where | shown by | measured (95 % interval) | n | verdict | command |",
        "|---|---|---|---:|---:|---|---|",
    ]
    for verdict in ledger(claims, folder):
        claim, number = verdict.claim, verdict.number
        lines.append(
            f"| {claim.says} | {claim.source} | {claim.shown_by}, {_region(claim)}"
            f" | {_value(claim, number)} | {number.n if number else '–'} | {_state(verdict)}"
            f" | `{verdict.command}` |"
        )
    return "\n".join([*lines, ""])


def summary(claims: Sequence[Claim], folder: Path) -> str:
    """Ten lines for the README: the count, claims that hold and that do not, then open ones."""
    verdicts = ledger(claims, folder)
    counts = [(state, sum(v.state == state for v in verdicts)) for state in VERDICTS]
    told = ", ".join(_counted(state, count) for state, count in counts if count)
    lines = [f"**The ledger** of {len(verdicts)} claims ([all of them](docs/claims.md)): {told}."]
    for verdict in chosen(verdicts, LINES - 1):
        number = verdict.number
        seen = f" {_value(verdict.claim, number)}, n = {number.n}." if number else ""
        lines.append(f"- *{_state(verdict)}*: {verdict.claim.says} ({verdict.claim.source}).{seen}")
    return "\n".join([lines[0], "", *lines[1:], ""])


def chosen(verdicts: Sequence[Verdict], room: int) -> list[Verdict]:
    """As many verdicts as there is room for, by state; what fails is never crowded out."""
    others = [verdict for verdict in verdicts if verdict.state != FAILS]
    others.sort(key=lambda verdict: VERDICTS.index(verdict.state))
    failing = [verdict for verdict in verdicts if verdict.state == FAILS]
    failing = failing[: max(room // 2, room - len(others))]
    told = [*others[: room - len(failing)], *failing]
    return sorted(told, key=lambda verdict: VERDICTS.index(verdict.state))


def _counted(state: str, count: int) -> str:
    return f"{count} {state if count == 1 else PLURAL.get(state, state)}"


def _state(verdict: Verdict) -> str:
    if verdict.state != OPEN:
        return verdict.state
    more = f"{verdict.needed:,} would" if verdict.needed else "no n would"
    return f"{verdict.state}, {more}"


def _region(claim: Claim) -> str:
    edges = [("above", claim.above), ("below", claim.below)]
    return " and ".join(
        f"{word} {_edge(claim, edge)}" for word, edge in edges if math.isfinite(edge)
    )


def _edge(claim: Claim, edge: float) -> str:
    return f"{100 * edge:g} %" if claim.percent else f"{edge:g}"


def _value(claim: Claim, number: Number | None) -> str:
    if number is None:
        return "–"
    value, low, high = (_figure(claim, v) for v in (number.value, number.low, number.high))
    return f"{value} ({low} to {high})"


def _figure(claim: Claim, value: float) -> str:
    return f"{100 * value:.1f} %" if claim.percent else f"{value:.3g}"
