"""Every study by its name: what it claims, measures and draws, and what it needs of a model.

A new study is one row here, one file and one figure. It joins; it measures nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis import (
    attention_over_noise,
    composition,
    configs,
    denoising_walk,
    embedding_ablation,
    expert_ranges,
    expert_seams,
    guidance_tradeoff,
    inference_cost,
    insisting,
    lost_by_noise,
    paint_with_words,
    painted_reach,
    plots,
    plots_of_attention,
    plots_of_shares,
    plots_of_trade_offs,
    prompt_switching,
    runners,
    seam_history,
    studying,
    style_transfer,
    upscaling,
    variations,
    ways_to_paint,
    written_words,
)
from analysis.results import FOLDER
from analysis.studying import Study

PAIRED = ("comparisons are paired, caption by caption",)
"""What changed in the studies that compare two pictures of one caption."""
SOFTENED = "what was sampled is softened before it is enlarged"

STUDIES: tuple[Study, ...] = (
    Study(
        "expert_ranges",
        "A node with 1/512 of the training noise serves a third of the steps.",
        lambda given: expert_ranges.measure(given.n),
        expert_ranges.Ranges,
        plots_of_trade_offs.expert_ranges,
    ),
    Study(
        "inference_cost",
        "More experts cost no time; a wider or deeper network does.",
        lambda given: inference_cost.measure(given.model().model.config, given.n, given.device),
        inference_cost.InferenceCost,
        plots_of_trade_offs.inference_cost,
    ),
    Study(
        "denoising_walk",
        "Layout is decided at high noise, detail at low noise.",
        runners.run_walk,
        denoising_walk.Walk,
        plots.denoising_walk,
        smallest=4,
    ),
    Study(
        "expert_seams",
        "Experts lower the loss where they serve.",
        runners.run_seams,
        expert_seams.Seams,
        plots.expert_seams,
        needs=("experts",),
    ),
    Study(
        "seam_history",
        "A multistep solver may carry one expert's estimate over to the next.",
        runners.run_history,
        seam_history.History,
        plots_of_shares.seam_history,
        needs=("experts",),
    ),
    Study(
        "guidance_tradeoff",
        "Experts move the whole curve of quality against alignment.",
        runners.run_tradeoff,
        guidance_tradeoff.Tradeoff,
        plots_of_trade_offs.guidance_tradeoff,
        smallest=guidance_tradeoff.FEWEST,
        changes=PAIRED,
    ),
    Study(
        "composition",
        "Several things, their colours, places, counts and written words come out as said.",
        runners.run_composition,
        composition.Composition,
        plots_of_shares.composition,
        smallest=8,
        needs=("T5",),
    ),
    Study(
        "written_words",
        "Written words come out, and T5 brings them.",
        runners.sampling(written_words.measure),
        written_words.WrittenWords,
        plots_of_shares.written_words,
        needs=("T5",),
    ),
    Study(
        "attention_over_noise",
        "The words are heard while the noise is high, the picture while it is low.",
        lambda given: attention_over_noise.measure(given.model(), given.n, given.seed),
        attention_over_noise.AttentionOverNoise,
        plots_of_attention.attention_over_noise,
    ),
    Study(
        "prompt_switching",
        "Other words change nothing once the noise is low.",
        runners.run_switches,
        prompt_switching.Switches,
        plots.prompt_switching,
        changes=("the usual sampler paints more pairs than the others",),
    ),
    Study(
        "embedding_ablation",
        "T5 and CLIP text bring different things, and both together bring most.",
        runners.sampling(embedding_ablation.measure),
        embedding_ablation.Ablation,
        plots.embedding_ablation,
        needs=("T5", "CLIP image"),
        changes=PAIRED,
    ),
    Study(
        "lost_by_noise",
        "What a picture lacks of its sentence is lost at middle noise (ours).",
        runners.run_lost,
        lost_by_noise.Lost,
        plots_of_trade_offs.lost_by_noise,
        needs=("T5",),
    ),
    Study(
        "variations",
        "One sentence gives many pictures.",
        runners.run_variations,
        variations.Variations,
        plots_of_trade_offs.variations,
    ),
    Study(
        "style_transfer",
        "A reference picture lends its look and nothing else.",
        runners.sampling(style_transfer.measure),
        style_transfer.Styles,
        plots_of_shares.style_transfer,
        smallest=9,
        needs=("CLIP image",),
        changes=PAIRED,
    ),
    Study(
        "paint_with_words",
        "Painted phrases put things where they are painted.",
        runners.sampling(paint_with_words.measure),
        paint_with_words.Places,
        plots_of_shares.paint_with_words,
        smallest=paint_with_words.FEWEST,
        changes=PAIRED,
    ),
    Study(
        "painted_reach",
        "No page of this world has all of a thing in its random square (ours).",
        lambda given: painted_reach.measure(given.n, given.seed),
        painted_reach.Reach,
        plots_of_shares.painted_reach,
    ),
    Study(
        "ways_to_paint",
        "Pulled, begun as a collage or insisting, more of a thing is in its place (ours).",
        runners.sampling(ways_to_paint.measure),
        ways_to_paint.WaysToPaint,
        plots_of_shares.ways_to_paint,
        smallest=paint_with_words.FEWEST,
    ),
    Study(
        "insisting",
        "Early steps that insist on every phrase show more of the sentence (ours).",
        runners.sampling(insisting.measure),
        insisting.Insistence,
        plots_of_trade_offs.insisting,
        needs=("T5",),
    ),
    Study(
        "upscaling",
        "A super-resolution stage is better than plain enlargement.",
        runners.run_upscaling,
        upscaling.Upscaling,
        plots_of_shares.upscaling,
        needs=("stages",),
        changes=("small pictures are clean, flawed, or made anew by the base", SOFTENED),
    ),
    Study(
        "configs",
        "More experts make better pictures at the same cost per step (Table 1).",
        runners.run_configs,
        configs.Configs,
        plots_of_shares.configs,
        smallest=configs.FEWEST,
        needs=("experts", "stages"),
        changes=(*PAIRED, "a stage begins with the enlarged picture under its noise", SOFTENED),
    ),
)
"""In the order in which `study all` runs them: the quick ones first."""


def study(name: str) -> Study:
    """The study of this name; ValueError names those that there are."""
    for one in STUDIES:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in STUDIES)
    raise ValueError(f"There is no study {name!r}; there are {known}, and all of them.")


def recorded(name: str, folder: Path = FOLDER) -> Any:
    """What the record of a study holds, as the study's own class; no model is needed.

    Raises ValueError or FileNotFoundError in one sentence where there is no such study or record.
    """
    return studying.recorded(study(name), folder)
