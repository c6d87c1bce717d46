"""The plan of a tree's growth as data: which expert starts from which, on what, how long.

It trains nothing and reads no file; `training` carries a plan out. The paper starts a child from
its parent's weights and trains it on the child's noise levels alone (Sec. 4.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ediffi.diffusion.noise import Interval, LogNormal
from ediffi.experts.tree import EVERY_LEVEL, PAPER_NOISE, Node, Part, as_told


@dataclass(frozen=True)
class Branch:
    """One stretch of training.

    `start` names the branch whose weights it begins with (None: fresh ones) and `pictures` is how
    many it sees. `soft` widens what it is trained on, never what it serves: every edge moves
    outwards by that much in ln sigma. `undecayed` starts from the parent's weights before its rate
    fell.
    """

    name: str
    part: Part
    start: str | None
    pictures: int
    soft: float = 0.0
    undecayed: bool = True

    def __post_init__(self) -> None:
        if self.pictures < 1:
            raise ValueError(f"{self.name} needs at least 1 picture, not {self.pictures}.")
        if not 0 <= self.soft <= 5:
            raise ValueError(f"soft edges of {self.name} are {self.soft}; 0 to 5 is possible.")

    def trained_on(self, p: LogNormal = PAPER_NOISE) -> tuple[Interval, ...]:
        """Where it draws its noise levels: its part, widened by its soft edges."""
        return softened(self.part.intervals(p), self.soft)


@dataclass(frozen=True)
class BranchPlan:
    """Branches in an order in which each start comes before its branches (ValueError otherwise).

    `roots` names trainings outside the plan that branches may start from.
    """

    branches: tuple[Branch, ...]
    roots: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = set(self.roots)
        for branch in self.branches:
            if branch.name in known:
                raise ValueError(f"two branches are called {branch.name!r}.")
            if branch.start is not None and branch.start not in known:
                raise ValueError(
                    f"{branch.name} starts from {branch.start!r}, which is not trained before it."
                )
            known.add(branch.name)

    def branch(self, name: str) -> Branch:
        """The branch of this name; ValueError naming those that exist."""
        for branch in self.branches:
            if branch.name == name:
                return branch
        known = ", ".join(branch.name for branch in self.branches)
        raise ValueError(f"the plan has no branch {name!r}; it has {known}.")

    def lineage(self, name: str) -> tuple[str, ...]:
        """The trainings whose weights led to this one, the oldest first, itself last."""
        names = [name]
        while names[0] not in self.roots and (start := self.branch(names[0]).start) is not None:
            names.insert(0, start)
        return tuple(names)

    def pictures(self, names: Sequence[str]) -> int:
        """How many pictures all of these branches together were trained on, ancestors once."""
        met = {ancestor for name in names for ancestor in self.lineage(name)}
        return sum(branch.pictures for branch in self.branches if branch.name in met)


def softened(intervals: Sequence[Interval], soft: float) -> tuple[Interval, ...]:
    """`intervals` with every edge moved outwards by `soft` in ln sigma, joined where they meet."""
    factor = math.exp(soft)
    wide: list[Interval] = []
    for interval in sorted(intervals, key=lambda i: i.low):
        low = as_told(interval.low / factor) if soft else interval.low
        high = as_told(interval.high * factor) if soft else interval.high
        if wide and low <= wide[-1].high:
            wide[-1] = Interval(wide[-1].low, max(high, wide[-1].high))
        else:
            wide.append(Interval(low, high))
    return tuple(wide)


def chain(leaf: Node, start: str, pictures: int) -> tuple[Branch, ...]:
    """Every node from the root's child down to `leaf`, each from the one above, equally long.

    The paper grows only the outermost chains so (Sec. 4.1); `start` is the trained root.
    """
    nodes = [*leaf.ancestors[1:], leaf]
    branches, before = [], start
    for node in nodes:
        name = f"node-{node.level}-{node.index}"
        branches.append(Branch(name, Part(node), before, pictures))
        before = name
    return tuple(branches)


def four_experts(baseline: int, first: int, second: int) -> BranchPlan:
    """The paper's four-expert experiment: root, two halves, four quarters (Sec. 5.1).

    Pictures of the root, of each half and of each quarter. In the paper's iterations 500K, 50K and
    50K fit its totals of 600K for the experts and 800K for the baseline (derived).
    """
    branches = [Branch("baseline", EVERY_LEVEL, None, baseline)]
    for k in range(2):
        branches.append(Branch(f"half{k}", Part(Node(1, k)), "baseline", first))
    for k in range(4):
        branches.append(Branch(f"quarter{k}", Part(Node(2, k)), f"half{k // 2}", second))
    return BranchPlan(tuple(branches))
