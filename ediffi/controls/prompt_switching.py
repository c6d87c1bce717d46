"""Other words from some step on: the prompt timeline (paper Sec. 4, Fig. 4).

A timeline is a list of turns. It knows shares of the steps and noise levels, and which denoiser is
asked at a level; it knows no encoder and no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ediffi.conditioning.prompt import clean_prompt
from ediffi.diffusion.denoiser import Denoiser

MOST_TURNS = 8


@dataclass(frozen=True)
class Turn:
    """From `share` of the steps on (0 < share < 1) the picture is asked for by `prompt`.

    Raises ValueError for a share outside, and for a prompt as `clean_prompt` does.
    """

    share: float
    prompt: str

    def __post_init__(self) -> None:
        if isinstance(self.share, bool) or not isinstance(self.share, int | float):
            raise ValueError(f"A turn begins after a share of the steps, not {self.share!r}.")
        if not 0 < self.share < 1:  # also false for NaN
            raise ValueError(f"A turn begins at {self.share} of the steps, not between 0 and 1.")
        if not isinstance(self.prompt, str):
            raise ValueError(f"The words of a turn are text, not {type(self.prompt).__name__}.")
        object.__setattr__(self, "prompt", clean_prompt(self.prompt))


def timeline(turns: Sequence[Turn | tuple[float, str]]) -> tuple[Turn, ...]:
    """Turns given as they are or as (share, words), checked: their shares must rise.

    A range is two turns: other words from 0.3 on, the first ones again from 0.6 on. Raises
    ValueError for more than 8 turns, and for shares that do not rise.
    """
    made = tuple(turn if isinstance(turn, Turn) else _turn(turn) for turn in turns)
    check_timeline(made)
    return made


def _turn(pair: object) -> Turn:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"A turn is a share of the steps and the words from there, not {pair!r}.")
    return Turn(*pair)


def check_timeline(turns: Sequence[Turn]) -> None:
    """Raise ValueError as `timeline` does, and for what is no turn."""
    for turn in turns:
        if not isinstance(turn, Turn):
            raise ValueError(f"A timeline is made of turns, not of {type(turn).__name__}.")
    if len(turns) > MOST_TURNS:
        raise ValueError(f"A timeline has at most {MOST_TURNS} turns, not {len(turns)}.")
    shares = [turn.share for turn in turns]
    if any(late <= early for early, late in zip(shares[:-1], shares[1:], strict=True)):
        told = ", ".join(f"{share:g}" for share in shares)
        raise ValueError(f"The turns of a timeline must come one after the other, not at {told}.")


def first_steps(turns: Sequence[Turn], steps: int) -> tuple[int, ...]:
    """The step, counted from 0, at which each turn begins; `steps` if none is left for it."""
    return tuple(min(steps, max(1, round(turn.share * steps))) for turn in turns)


def first_levels(turns: Sequence[Turn], grid: Tensor) -> tuple[float, ...]:
    """The noise level at which each turn begins, on a grid that ends with 0.

    A turn for which no step is left begins at 0: it is never heard.
    """
    # A denoiser is told its level in single precision; levels beyond it would miss their own step.
    levels = grid.float().tolist()
    return tuple(levels[index] for index in first_steps(turns, len(levels) - 1))


@dataclass(frozen=True)
class Switching:
    """A denoiser that asks one of several, each with its own conditioning, by the noise level.

    `parts` are (denoiser, conditioning), `levels` one fewer: part k + 1 is asked from levels[k]
    down. Evaluations are routed by their own sigma, as between experts.
    """

    parts: tuple[tuple[Denoiser, Any], ...]
    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        """Raise ValueError unless there is one level between any two parts, and they fall."""
        if len(self.levels) != len(self.parts) - 1:
            raise ValueError(f"{len(self.parts)} parts need one level between each two of them")
        pairs = zip(self.levels[:-1], self.levels[1:], strict=True)
        if any(below > above for above, below in pairs):
            raise ValueError(f"the levels {self.levels} do not fall")

    def part(self, sigma: float) -> int:
        """The index of the part that is asked at `sigma`."""
        return sum(sigma <= level for level in self.levels)

    def __call__(self, x: Tensor, sigma: Tensor, cond: Any) -> Tensor:
        """The clean estimate of the part in turn; `cond` is that of the first words, and unused."""
        denoiser, own = self.parts[self.part(float(sigma[0]))]
        return denoiser(x, sigma, own)
