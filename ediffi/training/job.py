"""What a training run is given and what it gives back.

Records only, and the way from a run's folder to its averaged weights; it trains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from ediffi.config import TrainingConfig
from ediffi.diffusion.loss import edm_loss
from ediffi.diffusion.noise import EVERYTHING, Interval
from ediffi.training import checkpoint
from ediffi.training.data import Source
from ediffi.training.ema import Ema
from ediffi.training.objective import Loss


@dataclass(frozen=True)
class Watch:
    """Something looked at every `seconds` with averaged weights: a probe, a sheet of samples.

    `look(module, pictures)` runs without gradients, in eval mode; what it returns is logged.
    """

    name: str
    seconds: float
    look: Callable[[nn.Module, int], dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """A network to be trained, on what, how, where and how long.

    `module` is trained in place (load weights into it for a warm start). The run ends after
    `config.pictures` or after `seconds` of work, whichever comes first; the rate falls over
    the last `config.decay_share` of that. `trained_on` restricts the noise levels drawn. Where it
    is `sharded`, several processes keep the weights in parts instead of a copy each. `compiled`
    builds kernels for the loss before the first step: meant for GPUs.
    """

    name: str
    module: nn.Module
    source: Source
    config: TrainingConfig
    folder: Path
    loss: Loss = edm_loss
    trained_on: Sequence[Interval] = (EVERYTHING,)
    seconds: float | None = None
    watches: tuple[Watch, ...] = ()
    save_every: float = 60.0
    log_every: int = 50
    cpu: bool = False
    sharded: bool = False
    compiled: bool = False
    tensorboard: bool = True
    say: Callable[[str], None] = print


@dataclass(frozen=True)
class Fitted:
    """How a run ended: counters, whether the budget is used up, and the averaged weights."""

    pictures: int
    steps: int
    seconds: float
    finished: bool
    ema: Ema = field(repr=False)


def averaged(folder: Path, module: nn.Module, undecayed: bool = False) -> dict[str, Any]:
    """Puts a run's averaged weights into `module`; name, config, pictures, steps, seconds.

    `undecayed` asks for those from before the rate began to fall, where the run has got so far.
    Works while the run goes on. Raises FileNotFoundError when it has no checkpoint yet, and
    ValueError when that belongs to another network.
    """
    earlier = undecayed and (folder / checkpoint.UNDECAYED).exists()
    state = checkpoint.load(folder / (checkpoint.UNDECAYED if earlier else checkpoint.FILE))
    if state is None:
        raise FileNotFoundError(f"{folder} holds no {checkpoint.FILE}.")
    try:
        module.load_state_dict(state["ema"])
    except RuntimeError as error:
        raise ValueError(f"the checkpoint in {folder} belongs to another network.") from error
    names = ("name", "config", "pictures", "steps", "seconds", "decaying")
    return {name: state[name] for name in names}
