"""The binary tree over p(sigma): nodes, their ranges, and the paper's names for them (Sec. 4.1).

Level l halves p(sigma) l times into 2^l ranges of equal mass; index 0 is the least noise. Knows
noise levels only, no networks. Edges are rounded to float32, the format in which a network is told
sigma: trainer and sampler then agree on which side of a boundary every noise level lies.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ediffi.diffusion.noise import EVERYTHING, Interval, LogNormal

DEEPEST = 40
"""Levels beyond this have ranges that float32 cannot tell apart."""

PAPER_NOISE = LogNormal(-1.2, 1.2)
"""The p(sigma) on which trees are defined, whatever a run draws its own noise from."""


@dataclass(frozen=True, order=True)
class Node:
    """Node (level, index) of the tree; ValueError unless 0 <= index < 2^level, level <= 40."""

    level: int
    index: int

    def __post_init__(self) -> None:
        for name, value in (("level", self.level), ("index", self.index)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"a node's {name} is a whole number, not {value!r}.")
        if not 0 <= self.level <= DEEPEST:
            raise ValueError(f"the level is {self.level} and must lie between 0 and {DEEPEST}.")
        if not 0 <= self.index < 2**self.level:
            raise ValueError(
                f"the index is {self.index}, but level {self.level} has nodes 0 to"
                f" {2**self.level - 1}."
            )

    def interval(self, p: LogNormal = PAPER_NOISE) -> Interval:
        """The noise levels of this node: 2^-level of the mass of `p`, open-ended at both ends."""
        return Interval(_edge(self.index, self.level, p), _edge(self.index + 1, self.level, p))

    @property
    def parent(self) -> Node | None:
        """The node this one is a half of; None for the root."""
        return None if self.level == 0 else Node(self.level - 1, self.index // 2)

    @property
    def children(self) -> tuple[Node, Node]:
        """The half with less noise, then the half with more."""
        return Node(self.level + 1, 2 * self.index), Node(self.level + 1, 2 * self.index + 1)

    @property
    def sibling(self) -> Node | None:
        """The other half of the parent; None for the root."""
        return None if self.level == 0 else Node(self.level, self.index ^ 1)

    @property
    def ancestors(self) -> tuple[Node, ...]:
        """From the root down to the parent."""
        return tuple(Node(k, self.index >> (self.level - k)) for k in range(self.level))

    def holds(self, other: Node) -> bool:
        """Whether `other` is this node or lies below it."""
        depth = other.level - self.level
        return depth >= 0 and other.index >> depth == self.index

    def __str__(self) -> str:
        """As the paper prints it: `(9, 511)`."""
        return f"({self.level}, {self.index})"


ROOT = Node(0, 0)


@dataclass(frozen=True)
class Part:
    """What an expert learns: one node, or everything except some nodes.

    Exactly one of the two is given (ValueError). The paper prints the complement of node (l, i) as
    its negative (App. B); with several excluded nodes their negatives stand side by side.
    """

    node: Node | None = None
    excluded: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        if (self.node is None) == (not self.excluded):
            raise ValueError("a part is one node, or everything but at least one node.")
        if ROOT in self.excluded:
            raise ValueError("nothing is left when the root is excluded.")

    def intervals(self, p: LogNormal = PAPER_NOISE) -> tuple[Interval, ...]:
        """The noise levels as disjoint intervals in rising order."""
        if self.node is not None:
            return (self.node.interval(p),)
        return complement([node.interval(p) for node in self.excluded])

    @property
    def serves(self) -> Interval:
        """Where an ensemble asks an expert of this part, on the paper's tree: all of it.

        A part of two ranges cannot serve both in one; it stands for every noise level.
        """
        intervals = self.intervals()
        return intervals[0] if len(intervals) == 1 else EVERYTHING

    def __str__(self) -> str:
        """As the paper prints it: `(3, 0)`, `-(9, 511)`."""
        if self.node is not None:
            return str(self.node)
        return " ".join(f"-{node}" for node in self.excluded)

    @classmethod
    def parse(cls, text: str) -> Part:
        """What `str` printed; ValueError for anything else.

        >>> Part.parse("-(9, 511)").excluded
        (Node(level=9, index=511),)
        """
        found = re.findall(r"(-?)\((\d{1,3}), ?(\d{1,15})\)", text)
        nodes = tuple(Node(int(level), int(index)) for _, level, index in found)
        if found and all(sign for sign, _, _ in found):
            part = cls(excluded=nodes)
        elif len(found) == 1:
            part = cls(nodes[0])
        else:
            raise ValueError(f"{text!r} is no node such as (9, 511) or -(9, 511).")
        if str(part).replace(" ", "") != text.replace(" ", ""):
            raise ValueError(f"{text!r} is no node such as (9, 511) or -(9, 511).")
        return part


EVERY_LEVEL = Part(ROOT)


def complement(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """The noise levels in none of `intervals`, as disjoint intervals in rising order.

    Raises ValueError when nothing is left.
    """
    left, low = [], 0.0
    for interval in sorted(intervals, key=lambda i: (i.low, i.high)):
        if interval.low > low:
            left.append(Interval(low, interval.low))
        low = max(low, interval.high)
    if low < math.inf:
        left.append(Interval(low, math.inf))
    if not left:
        raise ValueError("the intervals cover every noise level; nothing is left.")
    return tuple(left)


def equal_log_sigma(count: int, low: float, high: float) -> tuple[Interval, ...]:
    """`count` ranges of equal length in ln sigma between `low` and `high`; the ends reach out.

    Raises ValueError for a count below 1 or unless 0 < low < high.
    """
    if count < 1 or not 0 < low < high < math.inf:
        raise ValueError(f"{count} ranges cannot be cut between {low} and {high}.")
    ratio = (high / low) ** (1 / count)
    return by_hand([low * ratio**k for k in range(1, count)])


def equal_steps(count: int, grid: Sequence[float]) -> tuple[Interval, ...]:
    """`count` ranges that get equally many steps of a falling noise `grid` (its final 0 left out).

    Edges lie half-way in ln sigma between two levels. Raises ValueError when the grid has fewer
    levels than ranges are wanted.
    """
    levels = sorted(sigma for sigma in grid if sigma > 0)
    if not 1 <= count <= len(levels):
        raise ValueError(f"{count} ranges cannot share a grid of {len(levels)} noise levels.")
    cuts = [round(len(levels) * k / count) for k in range(1, count)]
    return by_hand([math.sqrt(levels[cut - 1] * levels[cut]) for cut in cuts])


def by_hand(edges: Sequence[float]) -> tuple[Interval, ...]:
    """The ranges between rising `edges`, from 0 and to infinity; ValueError unless they rise."""
    if not edges:
        return (EVERYTHING,)
    rounded = [0.0, *(as_told(edge) for edge in edges), math.inf]
    if any(low >= high for low, high in zip(rounded, rounded[1:], strict=False)):
        raise ValueError(f"edges must rise and lie above 0, not {list(edges)}.")
    return tuple(Interval(low, high) for low, high in zip(rounded, rounded[1:], strict=False))


def as_told(sigma: float) -> float:
    """`sigma` as a network is told it: the nearest float32."""
    return float(torch.tensor(sigma, dtype=torch.float32))


def _edge(index: int, level: int, p: LogNormal) -> float:
    if index == 0:
        return 0.0
    if index == 2**level:
        return math.inf
    return as_told(float(p.quantile(torch.tensor(index / 2**level, dtype=torch.float64))))
