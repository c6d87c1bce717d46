"""From configuration to modules: the only place where a name chooses a class or a function."""

from collections.abc import Mapping

from torch import nn

from ediffi.conditioning.projector import ConditionedDenoiser
from ediffi.config import DenoiserConfig
from ediffi.diffusion.samplers import Sampler, dpmpp_2m, euler, heun, stochastic

SOLVERS: Mapping[str, Sampler] = {
    "dpmpp_2m": dpmpp_2m,
    "heun": heun,
    "euler": euler,
    "stochastic": stochastic,
}


def build_denoiser(config: DenoiserConfig) -> ConditionedDenoiser:
    """The denoiser that `config` describes, with fresh random weights."""
    return ConditionedDenoiser(config)


def build_sampler(name: str) -> Sampler:
    """The solver of this name; raises ValueError naming those that exist."""
    if name not in SOLVERS:
        raise ValueError(f"unknown solver {name!r}: there are {', '.join(SOLVERS)}")
    return SOLVERS[name]


def parameter_count(module: nn.Module) -> int:
    """How many numbers the module learns."""
    return sum(p.numel() for p in module.parameters())
