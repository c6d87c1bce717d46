"""The denoiser that a model's sampling asks: guided in its window, by experts or not, with a style.

It puts together what `diffusion.guidance` and `stacked_guidance` define. It knows one conditioning
at a time: no request, no painting, no sampler.
"""

from __future__ import annotations

from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import SamplingConfig
from ediffi.controls.style_transfer import Style
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.guidance import Guided, Window
from ediffi.experts.ensemble import Ensemble, Expert
from ediffi.loading import Model
from ediffi.stacked_guidance import PairedGuidance, StyledGuidance, Within, plain


def guided(
    model: Model, sampling: SamplingConfig, cond: Conditioning, style: Style | None
) -> Denoiser:
    """The model's denoiser with the guidance that `sampling` asks for, each expert with its own.

    Raises ValueError where an expert is named that the model does not have.
    """
    usual = sampling.guidance, sampling.guidance_low, sampling.guidance_high
    if not sampling.per_expert:
        return _with_guidance(model, *usual, cond, style)
    ensemble = model.ensemble
    if ensemble is None:
        raise ValueError(f"{model.name} has no experts, so none has guidance of its own.")
    own = {each.expert: (each.guidance, each.low, each.high) for each in sampling.per_expert}
    for name in own:
        ensemble.expert(name)  # raises for a name that nobody has
    seats = []
    for expert in ensemble.experts:
        answers = _with_guidance(model, *own.get(expert.name, usual), cond, style)
        seats.append(Expert(expert.name, lambda answers=answers: answers, expert.serves))
    return Ensemble(seats, ensemble.device)


def _with_guidance(
    model: Model, scale: float, low: float, high: float, cond: Conditioning, style: Style | None
) -> Denoiser:
    if style is None:
        return _worded(model, scale, low, high, cond)
    unstyled, styled = plain(cond), model.denoiser
    if low < high:
        styled = StyledGuidance(styled, scale, style.strength, Window(low, high), cond)
    outside = _worded(model, scale, low, high, unstyled)
    return Within(Window(style.sigma_low, style.sigma_high), styled, outside, unstyled)


def _worded(model: Model, scale: float, low: float, high: float, cond: Conditioning) -> Denoiser:
    denoiser = model.denoiser
    if low == high:
        return denoiser
    if scale in (0, 1):  # one branch alone
        return Guided(denoiser, scale, Window(low, high))
    return PairedGuidance(denoiser, scale, Window(low, high), cond)
