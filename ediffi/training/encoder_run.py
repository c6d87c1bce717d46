"""A small training run on one device: by steps or by the clock, saved each minute, resumable.

For the encoders, which train in minutes and need none of the diffusion loop. It knows a module
and a loss of a step number and the share of the run that is done; batches are a function of the
number, so a resumed run sees what it would have seen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ediffi.config import TrainingConfig
from ediffi.training import checkpoint
from ediffi.training.optim import build_optimisers, rate_factor, set_rate

SAVE_EVERY = 60.0


@dataclass(frozen=True)
class Limit:
    """When a run is over: after `steps` steps or `seconds` seconds, whichever is given."""

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.seconds is None):
            raise ValueError("a run needs either steps or seconds, and exactly one of them.")

    def progress(self, step: int, elapsed: float) -> float:
        """Share of the run that is done, in [0, 1]."""
        share = step / self.steps if self.steps is not None else elapsed / (self.seconds or 1e-9)
        return min(1.0, share)


@dataclass(frozen=True)
class RunReport:
    """Steps and seconds of a run with all its parts, and the mean loss of its last 100 steps."""

    steps: int
    seconds: float
    loss: float


def run(
    module: nn.Module,
    loss_of: Callable[[int, float], Tensor],
    takes: Callable[[str, nn.Parameter], bool],
    config: TrainingConfig,
    limit: Limit,
    saved: Path,
) -> RunReport:
    """Train `module` in place on `loss_of(step, progress)` until `limit`, from the file `saved` on.

    `takes` picks the weights for Muon. Raises ValueError when the loss is no number any more.
    """
    module.train()
    optimisers = build_optimisers(module, config, takes)
    step, before = _restore(saved, module, optimisers)
    started = last_saved = time.monotonic()
    elapsed, losses = before, []
    with tqdm(desc=saved.parent.name, unit="step", initial=step, file=sys.stderr) as bar:
        while limit.progress(step, elapsed) < 1.0:
            done = limit.progress(step, elapsed)
            set_rate(optimisers, rate_factor(step, config.warmup_steps, done, config.decay_share))
            loss = loss_of(step, done)
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), config.clip_norm)
            for optimiser in optimisers:
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
            step += 1
            losses = [*losses[-99:], loss.detach()]
            elapsed = before + time.monotonic() - started
            if step % 20 == 0:
                bar.set_postfix(loss=f"{_mean(losses, step):.3f}", done=f"{done:.0%}")
            bar.update()
            if time.monotonic() - last_saved > SAVE_EVERY:
                _mean(losses, step)
                _save(saved, module, optimisers, step, elapsed)
                last_saved = time.monotonic()
    _save(saved, module, optimisers, step, elapsed)
    module.eval()
    mean = torch.stack(losses).mean().item() if losses else float("nan")
    return RunReport(step, elapsed, mean)


def _mean(losses: list[Tensor], step: int) -> float:
    mean = torch.stack(losses[-20:]).mean().item()
    if mean != mean:
        raise ValueError(f"the loss is no number after {step} steps; the rate is too high.")
    return mean


def _save(
    saved: Path,
    module: nn.Module,
    optimisers: list[torch.optim.Optimizer],
    step: int,
    elapsed: float,
) -> None:
    state = {
        "step": step,
        "elapsed": elapsed,
        "module": dict(module.state_dict()),
        "optimisers": [optimiser.state_dict() for optimiser in optimisers],
    }
    checkpoint.save(saved, state)


def _restore(
    saved: Path, module: nn.Module, optimisers: list[torch.optim.Optimizer]
) -> tuple[int, float]:
    state = checkpoint.load(saved)
    if state is None:
        return 0, 0.0
    module.load_state_dict(state["module"])
    for optimiser, own in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(own)
    return state["step"], state["elapsed"]
