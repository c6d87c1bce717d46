"""From configuration to modules: the only place where a name chooses a class or a function."""

from collections.abc import Mapping

from torch import nn

from ediffi.cascade.stages import Stage
from ediffi.conditioning.projector import ConditionedDenoiser, Projector
from ediffi.config import DenoiserConfig, EfficientUNetConfig, StageConfig
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.samplers import Sampler, dpmpp_2m, euler, heun, stochastic
from ediffi.networks.efficient_unet import EfficientUNet
from ediffi.networks.unet import UNet

SOLVERS: Mapping[str, Sampler] = {
    "dpmpp_2m": dpmpp_2m,
    "heun": heun,
    "euler": euler,
    "stochastic": stochastic,
}


def build_denoiser(config: DenoiserConfig) -> ConditionedDenoiser:
    """The denoiser that `config` describes, with fresh random weights."""
    network = config.network
    projector = Projector(config.encoders, network.context_width, network.embedding_width)
    efficient = isinstance(network, EfficientUNetConfig)
    unet = EfficientUNet(network) if efficient else UNet(network)
    return ConditionedDenoiser(config, projector, unet)


def build_stage(config: StageConfig, denoiser: Denoiser) -> Stage:
    """The super-resolution stage that `config` describes, around a denoiser that is in memory."""
    return Stage(
        name=config.denoiser.name,
        low=config.low,
        high=config.denoiser.resolution,
        denoiser=denoiser,
        sampler=build_sampler(config.sampling.solver),
        sampling=config.sampling,
    )


def build_sampler(name: str) -> Sampler:
    """The solver of this name; raises ValueError naming those that exist."""
    if not isinstance(name, str) or name not in SOLVERS:
        raise ValueError(f"unknown solver {name!r}: there are {', '.join(SOLVERS)}")
    return SOLVERS[name]


def parameter_count(module: nn.Module) -> int:
    """How many numbers the module learns."""
    return sum(p.numel() for p in module.parameters())
