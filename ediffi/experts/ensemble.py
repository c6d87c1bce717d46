"""An ensemble of experts as one denoiser: every evaluation goes to the one that serves its sigma.

The paper uses exactly one network per evaluation (Sec. 4.1), so an ensemble costs what one expert
costs. Experts are loaded when first visited and can rest off the accelerator. It knows ranges and
callables, not what is inside a network and not where its file lies.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.noise import EVERYTHING, Interval
from ediffi.experts.tree import as_told


@dataclass(frozen=True)
class Expert:
    """One seat: where it was trained, where it serves, what it descends from, how to get it.

    `kind` is whatever two experts must share to work together (resolution, conditioning,
    sigma_data, the encoders' fingerprint). `load` gives its denoiser and is called once.
    """

    name: str
    load: Callable[[], Denoiser] = field(repr=False, compare=False)
    serves: Interval = EVERYTHING
    trained_on: tuple[Interval, ...] = (EVERYTHING,)
    lineage: tuple[str, ...] = ()
    kind: tuple[tuple[str, Any], ...] = ()

    def untrained(self) -> tuple[Interval, ...]:
        """The noise levels that it serves without having been trained on them."""
        return _without(self.serves, self.trained_on)


class Ensemble:
    """A denoiser made of experts whose ranges tile the noise levels.

    `resident` is how many experts stay on `device` at once (None: all that were visited); the one
    that has rested longest moves to the CPU when another is visited. Raises ValueError when experts
    leave a gap, serve twice, share a name or come from different bases; warns when one serves noise
    levels that it was not trained on.
    """

    def __init__(
        self,
        experts: Sequence[Expert],
        device: torch.device | str = "cpu",
        resident: int | None = None,
    ) -> None:
        if resident is not None and resident < 1:
            raise ValueError(f"resident is {resident}, but at least 1 expert must stay.")
        self.experts = tuple(sorted(experts, key=lambda expert: expert.serves.low))
        self.device, self.resident = torch.device(device), resident
        _check_names(self.experts)
        check_tiling([(expert.name, expert.serves) for expert in self.experts])
        _check_kinds(self.experts)
        for expert in self.experts:
            warn_untrained(expert)
        self._edges = torch.tensor([e.serves.low for e in self.experts[1:]], dtype=torch.float32)
        self._loaded: dict[str, Denoiser] = {}
        self._awake: list[str] = []

    def __call__(self, x: Tensor, sigma: Tensor, cond: Any) -> Tensor:
        """The clean estimate (b, c, h, w), every row by the expert that serves its sigma (b,)."""
        seats = self._seats(sigma)
        first = int(seats[0])
        if bool((seats == first).all()):
            return self.denoiser(self.experts[first].name)(x, sigma, cond)
        denoised = torch.empty_like(x, dtype=torch.float32)
        for seat in seats.unique().tolist():
            rows = (seats == seat).nonzero()[:, 0].to(x.device)
            ask = self.denoiser(self.experts[seat].name)
            denoised[rows] = ask(x[rows], sigma[rows], cond.rows(rows))
        return denoised

    def serving(self, sigma: float) -> Expert:
        """The expert that is asked at `sigma`."""
        return self.experts[int(self._seats(torch.tensor([sigma], dtype=torch.float32))[0])]

    def ran(self, evaluations: Iterable[float]) -> tuple[str, ...]:
        """The names of the experts that a step's `evaluations` went to, each once, in order."""
        return tuple(dict.fromkeys(self.serving(sigma).name for sigma in evaluations))

    @property
    def boundaries(self) -> tuple[float, ...]:
        """The noise levels at which one expert hands over to the next, rising."""
        return tuple(expert.serves.low for expert in self.experts[1:])

    @property
    def visited(self) -> tuple[str, ...]:
        """The experts that are in memory, in the order of their first visit."""
        return tuple(self._loaded)

    def denoiser(self, name: str) -> Denoiser:
        """The denoiser of an expert, loaded if this is its first visit, on the device.

        ValueError names the experts that exist.
        """
        if name not in self._loaded:
            self._loaded[name] = self.expert(name).load()
        self._wake(name)
        return self._loaded[name]

    def expert(self, name: str) -> Expert:
        """The expert of this name; ValueError names those that exist."""
        for expert in self.experts:
            if expert.name == name:
                return expert
        known = ", ".join(expert.name for expert in self.experts)
        raise ValueError(f"there is no expert {name!r}; the ensemble has {known}.")

    def _wake(self, name: str) -> None:
        if self._awake and self._awake[-1] == name:
            return
        if name in self._awake:
            self._awake.remove(name)
        else:
            _move(self._loaded[name], self.device)
        self._awake.append(name)
        while self.resident is not None and len(self._awake) > self.resident:
            resting = self._loaded[self._awake.pop(0)]
            # One network can hold two seats: it rests when none of them is at work.
            if all(self._loaded[other] is not resting for other in self._awake):
                _move(resting, torch.device("cpu"))

    def _seats(self, sigma: Tensor) -> Tensor:
        # right=True: a boundary belongs to the expert above it, as in Interval.
        return torch.bucketize(sigma.detach().float().cpu(), self._edges, right=True)


def check_tiling(serves: Sequence[tuple[str, Interval]]) -> None:
    """Raises ValueError, naming both ranges, unless the intervals tile all noise levels."""
    if not serves:
        raise ValueError("an ensemble needs at least one expert.")
    ordered = sorted(serves, key=lambda pair: pair[1].low)
    name, first = ordered[0]
    if first.low > 0:
        raise ValueError(f"nobody serves sigma below {first.low:.3g}, where {name} begins.")
    for (name, one), (other, following) in zip(ordered, ordered[1:], strict=False):
        if one.high < following.low:
            raise ValueError(
                f"nobody serves sigma from {one.high:.3g} to {following.low:.3g}: {name} serves"
                f" {shown(one)} and {other} {shown(following)}."
            )
        if one.high > following.low:
            raise ValueError(
                f"{name} and {other} both serve sigma from {following.low:.3g}: their ranges are"
                f" {shown(one)} and {shown(following)}."
            )
    name, last = ordered[-1]
    if last.high != float("inf"):
        raise ValueError(f"nobody serves sigma from {last.high:.3g} on, where {name} ends.")


def shown(interval: Interval) -> str:
    """`0.0757 <= sigma < 9.61`, one-sided where an end is open."""
    low = f"{interval.low:.3g} <= " if interval.low > 0 else ""
    high = f" < {interval.high:.3g}" if interval.high < float("inf") else ""
    return f"{low}sigma{high}" if low or high else "every sigma"


def reseated(experts: Sequence[Expert], serves: dict[str, Interval]) -> tuple[Expert, ...]:
    """Mix and match: the named experts, each serving the range given for it.

    Raises ValueError for a name that none of `experts` has.
    """
    known = {expert.name: expert for expert in experts}
    for name in serves:
        if name not in known:
            raise ValueError(f"there is no expert {name!r}; there are {', '.join(known)}.")
    return tuple(replace(known[name], serves=interval) for name, interval in serves.items())


def filled(experts: Sequence[Expert]) -> tuple[Expert, ...]:
    """The experts, and where they leave gaps the one among them that serves every sigma.

    So "high + baseline" is the high-noise expert here and the baseline there. With several gaps
    the filler takes as many seats, numbered; alone it stays as it is. Raises ValueError when two of
    them serve every sigma, and when the others leave no gap.
    """
    fillers = [expert for expert in experts if expert.serves == EVERYTHING]
    special = [expert for expert in experts if expert.serves != EVERYTHING]
    if not fillers or not special:
        return tuple(experts)
    if len(fillers) > 1:
        raise ValueError(f"{fillers[0].name} and {fillers[1].name} both serve every sigma.")
    gaps = _without(EVERYTHING, [expert.serves for expert in special])
    if not gaps:
        names = ", ".join(expert.name for expert in special)
        raise ValueError(f"{fillers[0].name} is left nothing to serve: {names} serve every sigma.")
    if len(gaps) == 1:
        return (*special, replace(fillers[0], serves=gaps[0]))
    seats = [
        replace(fillers[0], name=f"{fillers[0].name}-{number}", serves=gap)
        for number, gap in enumerate(gaps, 1)
    ]
    return (*special, *seats)


def _check_names(experts: Sequence[Expert]) -> None:
    names = [expert.name for expert in experts]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two experts are called {name!r}.")


def _check_kinds(experts: Sequence[Expert]) -> None:
    for expert in experts[1:]:
        one, other = dict(experts[0].kind), dict(expert.kind)
        for fact in one.keys() | other.keys():
            if one.get(fact) != other.get(fact):
                raise ValueError(
                    f"{experts[0].name} and {expert.name} cannot work together: their {fact} is"
                    f" {one.get(fact)} and {other.get(fact)}."
                )


def warn_untrained(expert: Expert) -> None:
    """Warns, with the range, when an expert serves noise levels it was not trained on."""
    for interval in expert.untrained():
        warnings.warn(
            f"{expert.name} serves {shown(interval)}, which it was not trained on.", stacklevel=3
        )


def _without(whole: Interval, parts: Iterable[Interval]) -> tuple[Interval, ...]:
    left, low = [], as_told(whole.low)
    for part in sorted(parts, key=lambda i: i.low):
        if part.low > low:
            left.append(Interval(low, min(part.low, whole.high)))
        low = max(low, part.high)
        if low >= whole.high:
            return tuple(left)
    return (*left, Interval(low, whole.high))


def _move(denoiser: Denoiser, device: torch.device) -> None:
    if isinstance(denoiser, nn.Module):
        denoiser.to(device)
