"""How each study is called: from a setting to what it measures.

A function here opens the networks that its study asks for and hands it what it needs. Which studies
there are says `register`; what they measure is theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from analysis import (
    composition,
    configs,
    denoising_walk,
    expert_seams,
    guidance_tradeoff,
    lost_by_noise,
    prompt_switching,
    seam_history,
    upscaling,
    variations,
)
from analysis.studying import Setting
from analysis.true_renders import true_renders

USUAL_PAIRS, OTHER_PAIRS = 2, 8
"""Half of `n` pairs of captions change their words under the usual sampler, and an eighth under
each of the others: a pair is painted eleven times by every one of them."""


def run_walk(given: Setting) -> denoising_walk.Walk:
    """Every prompt's pictures on their way down the noise."""
    each = max(1, given.n // len(denoising_walk.PROMPTS))
    return denoising_walk.measure(given.model(), seeds=range(given.seed, given.seed + each))


def run_seams(given: Setting) -> expert_seams.Seams:
    """The experts beside the baseline, in float32, on true renders."""
    model = given.model(given.ensemble, torch.float32).model
    assert model.ensemble is not None
    rivals = {given.baseline: given.model(given.baseline, torch.float32).model.denoiser}
    truth, captions = true_renders(model.config.resolution, given.n)
    cond = model.encoders.condition(captions)
    return expert_seams.measure(model.name, model.ensemble, rivals, truth, cond, given.seed)


def run_history(given: Setting) -> seam_history.History:
    """The solver's history kept across the seams, and begun anew."""
    model = given.model(given.ensemble, torch.float32).model
    assert model.ensemble is not None
    side = model.config.resolution
    cond = model.encoders.condition(true_renders(side, given.n)[1])
    sampling, seams = model.preset.sampling, model.ensemble.boundaries
    return seam_history.measure(
        model.name, model.denoiser, seams, cond, side, given.n, sampling, given.seed
    )


def run_upscaling(given: Setting) -> upscaling.Upscaling:
    """The folder's first stage beside plain enlargement, in float32."""
    model = given.model(dtype=torch.float32).model
    return upscaling.of_model(model, model.stages[0], given.n, given.seed)


def run_configs(given: Setting) -> configs.Configs:
    """Every configuration that the folder has the networks for."""
    stage = next(iter(given.contents.stages))
    gone = configs.missing(given.contents, stage)
    there = [name for name in configs.SOURCES if name not in gone]
    models = configs.open_all(given.folder, there, stage)
    size = next(each.high for each in models["A"].model.stages if each.name == stage)
    found = configs.measure(
        models, given.reader, given.samples, given.n, given.seed, size, tell=given.tell
    )
    return replace(found, missing=gone)


def run_tradeoff(given: Setting) -> guidance_tradeoff.Tradeoff:
    """The baseline and every ensemble along the guidance scale."""
    names = dict.fromkeys([given.baseline, *given.contents.ensembles])
    return guidance_tradeoff.measure(
        {name: given.model(name) for name in names},
        given.reader,
        given.samples,
        given.n,
        given.seed,
        tell=given.tell,
        judge=given.judge,
    )


def run_composition(given: Setting) -> composition.Composition:
    """All that captions state, read in the model's pictures."""
    model = given.model()
    sample = given.samples.painter(model)
    return composition.measure(
        model.model.name, sample, given.reader, given.n, given.seed, tell=given.tell
    )


def run_switches(given: Setting) -> prompt_switching.Switches:
    """Pairs of captions that change places on the way."""
    return prompt_switching.measure(
        given.model(),
        given.reader,
        max(1, given.n // USUAL_PAIRS),
        seed=given.seed,
        samples=given.samples,
        few=max(1, given.n // OTHER_PAIRS),
    )


def run_variations(given: Setting) -> variations.Variations:
    """Several pictures of one sentence."""
    model = given.model()
    return variations.measure(
        model, given.reader, given.samples, given.n, given.seed, tell=given.tell
    )


def run_lost(given: Setting) -> lost_by_noise.Lost:
    """Pictures that begin at the truth under more and more noise."""
    return lost_by_noise.measure(
        given.model(), given.reader, given.n, seed=given.seed, tell=given.tell
    )


def sampling(measure: Callable[..., Any]) -> Callable[[Setting], Any]:
    """A study that paints with the chosen model, has it read, and asks nothing else."""

    def run(given: Setting) -> Any:
        return measure(given.model(), given.reader, given.n, seed=given.seed, samples=given.samples)

    return run
