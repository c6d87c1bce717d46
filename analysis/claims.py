"""What the paper claims: each claim with the number that would show it and where that is read.

A row names the study that measures it and how its record is read. Where the edge of a claim is a
number that the paper does not give, it is our choice and says so. Nothing is judged here: `ledger`
does.
"""

from __future__ import annotations

import math

from analysis import claim_numbers as numbers
from analysis.claim_numbers import Read
from analysis.ledger import Claim
from ediffi.controls.paint_with_words import ELSEWHERE, RULE, WEIGHT

FLAT = 0.03
"""How far from 1 a ratio of times counts as no change: the benchmark's goal, our choice."""
VARIED = 0.1
"""The least diversity over seeds that is called many pictures, over captions = 1; our choice."""
OFTEN = 0.5
"""A share of pictures from which on something is said to work, more often than not; our choice."""
LITTLE = 0.1
"""A distance that counts as none, the two pure pictures being 1 apart; our choice."""
KEPT = -0.1
"""How much rarer the sentence's thing may be with a reference than without; our choice."""
BOTH, T5, CLIP = ("t5", "clip_text"), ("t5",), ("clip_text",)
"""The encoders of Fig. 8, without a picture."""


def _claim(
    says: str,
    source: str,
    shown_by: str,
    study: str,
    read: Read,
    above: float = 0.0,
    below: float = math.inf,
    percent: bool = True,
) -> Claim:
    """Most claims are shares that lie above 0."""
    return Claim(says, source, shown_by, study, read, above, below, percent)


CLAIMS: tuple[Claim, ...] = (
    _claim(
        "Sampling settles the layout at high noise and the detail at low noise",
        "Sec. 1, Fig. 2",
        "pictures whose coarse part is half decided first",
        "denoising_walk",
        numbers.layout_first,
        above=0.5,
    ),
    _claim(
        "The words are heard less as the noise falls",
        "Sec. 1, Fig. 3",
        "share of cross-attention that goes to words, at high noise less at low noise",
        "attention_over_noise",
        numbers.over_noise("fading"),
    ),
    _claim(
        "At high noise the sentence leads, at low noise the picture does",
        "Sec. 1, Fig. 3",
        "strength of cross- over self-attention, at high noise less at low noise",
        "attention_over_noise",
        numbers.over_noise("handover"),
        percent=False,
    ),
    _claim(
        "Other words in the last steps change nothing",
        "Sec. 1, Fig. 4",
        "what is drawn, away from the first words' picture, when switched at 95 %",
        "prompt_switching",
        numbers.switched(0.95, "first"),
        below=LITTLE,
        above=-math.inf,
        percent=False,
    ),
    _claim(
        "Other words after 40 % of the steps change everything",
        "Sec. 1, Fig. 4",
        "what is drawn, away from the first words' picture, when switched at 40 %",
        "prompt_switching",
        numbers.switched(0.4, "first"),
        above=1 - LITTLE,
        percent=False,
    ),
    _claim(
        "A node with 1/512 of the training noise serves a large share of the steps",
        "Sec. 4.1, App. B",
        "steps that Config D's high-noise expert answers",
        "expert_ranges",
        numbers.share_of_steps,
        above=0.25,
    ),
    _claim(
        "Experts lower the loss beside a baseline trained on as many pictures",
        "Sec. 4.1",
        "loss saved by the ensemble",
        "expert_seams",
        numbers.seam_gain("ensemble"),
    ),
    _claim(
        "The high-noise expert is better where it serves",
        "Sec. 4.1",
        "loss saved above its boundary",
        "expert_seams",
        numbers.seam_gain("high"),
    ),
    _claim(
        "Experts improve quality at every guidance scale",
        "Sec. 5.1, Fig. 7",
        "Fréchet distance saved, mean of five scales",
        "guidance_tradeoff",
        numbers.curve_gain("frechet"),
        percent=False,
    ),
    _claim(
        "Experts improve alignment at every guidance scale",
        "Sec. 5.1, Fig. 7",
        "statements shown more, mean of five scales",
        "guidance_tradeoff",
        numbers.curve_gain("aligned"),
    ),
    _claim(
        "Experts improve the CLIP score at every guidance scale",
        "Sec. 5.1, Fig. 7",
        "score by a CLIP that conditions nothing, mean of five scales",
        "guidance_tradeoff",
        numbers.curve_gain("clip"),
        percent=False,
    ),
    _claim(
        "Guidance buys alignment",
        "Sec. 5.1, Fig. 7",
        "statements shown more at the middle scale than at the least",
        "guidance_tradeoff",
        numbers.guided,
    ),
    _claim(
        "Two experts for SR256 are better than one",
        "Table 1, A and B",
        "Fréchet distance saved by Config B",
        "configs",
        numbers.config_gain("B"),
        percent=False,
    ),
    _claim(
        "Three base experts are better than one network",
        "Table 1, A and D",
        "Fréchet distance saved by Config D's base before Config A's SR256",
        "configs",
        numbers.config_gain("A+"),
        percent=False,
    ),
    _claim(
        "More experts cost no time",
        "Fig. 13",
        "time of an evaluation by three experts over that by one",
        "inference_cost",
        numbers.cost_ratio("experts", 3),
        above=1 - FLAT,
        below=1 + FLAT,
        percent=False,
    ),
    _claim(
        "A wider network costs time",
        "Fig. 13",
        "time of an evaluation with twice the channels over that as it is",
        "inference_cost",
        numbers.cost_ratio("wider", 2),
        above=1 + FLAT,
        percent=False,
    ),
    _claim(
        "A deeper network costs time",
        "Fig. 13",
        "time of an evaluation with twice the blocks over that as it is",
        "inference_cost",
        numbers.cost_ratio("deeper", 2),
        above=1 + FLAT,
        percent=False,
    ),
    _claim(
        "T5 and CLIP together are better than CLIP alone",
        "Sec. 5.2, Fig. 8",
        "things of short captions, more than with CLIP text alone",
        "embedding_ablation",
        numbers.heard("thing", "short", BOTH, CLIP),
    ),
    _claim(
        "T5 and CLIP together are better than T5 alone",
        "Sec. 5.2, Fig. 8",
        "things of short captions, more than with T5 alone",
        "embedding_ablation",
        numbers.heard("thing", "short", BOTH, T5),
    ),
    _claim(
        "On long captions T5 is better than CLIP",
        "Sec. 5.2, Fig. 8",
        "things of long captions, more with T5 alone than with CLIP text alone",
        "embedding_ablation",
        numbers.heard("thing", "long", T5, CLIP),
    ),
    _claim(
        "Two things each have the colour that is said",
        "Fig. 10",
        "pictures that show it",
        "composition",
        numbers.shown("two_colours", "short"),
        above=OFTEN,
    ),
    _claim(
        "There are as many of a thing as is said",
        "Fig. 10",
        "pictures that show it",
        "composition",
        numbers.shown("count", "short"),
        above=OFTEN,
    ),
    _claim(
        "Written words come out",
        "Fig. 11",
        "pictures whose sign carries the word",
        "written_words",
        numbers.written(BOTH),
        above=OFTEN,
    ),
    _claim(
        "T5 alone writes words that CLIP text alone lacks",
        "Sec. 5.2, Fig. 18",
        "pictures whose sign carries the word, T5 alone less CLIP text alone",
        "written_words",
        numbers.written(T5, CLIP),
    ),
    _claim(
        "Long sentences are followed",
        "Fig. 12",
        "pictures of long captions that show both things",
        "composition",
        numbers.shown("two_things", "long"),
        above=OFTEN,
    ),
    _claim(
        "One sentence gives many pictures",
        "Fig. 15",
        "diversity over seeds, over captions = 1",
        "variations",
        numbers.diversity,
        above=VARIED,
        below=1.0,
        percent=False,
    ),
    _claim(
        "A reference picture lends its look",
        "Sec. 5.3, Fig. 16",
        "pictures in the reference's style, more than without it",
        "style_transfer",
        numbers.lent("style"),
    ),
    _claim(
        "A reference picture leaves the sentence's thing alone",
        "Sec. 5.3, Fig. 16",
        "pictures that show the thing, more than without a reference",
        "style_transfer",
        numbers.lent("things"),
        above=KEPT,
    ),
    _claim(
        "Painted words put things where they are painted",
        "Sec. 4.3, Fig. 17",
        "of a thing's box inside its square, less chance, by the paper's formula",
        "paint_with_words",
        numbers.painted("max", 1.0, 0.0),
    ),
    _claim(
        "They do where they are held back elsewhere as well (ours)",
        "Sec. 4.3, Fig. 17",
        "of a thing's box inside its square, less chance, as painted by default",
        "paint_with_words",
        numbers.painted(RULE, WEIGHT, ELSEWHERE),
    ),
    _claim(
        "They do, left and right (ours)",
        "Sec. 4.3, Fig. 17",
        "things on the side of the page where they were painted, as painted by default",
        "paint_with_words",
        numbers.sided(RULE, WEIGHT, ELSEWHERE),
        above=0.5,
    ),
    _claim(
        "They do more where the picture is pulled there (ours)",
        "Sec. 4.3, Fig. 17",
        "of a thing's box inside its square, more than as painted by default",
        "ways_to_paint",
        numbers.painted_way("pulled"),
    ),
    _claim(
        "They do more where the picture begins as a collage (ours)",
        "Sec. 4.3, Fig. 17",
        "of a thing's box inside its square, more than as painted by default",
        "ways_to_paint",
        numbers.painted_way("as a collage"),
    ),
    _claim(
        "They do more where the picture insists on its words (ours)",
        "Sec. 4.3, Fig. 17",
        "of a thing's box inside its square, more than as painted by default",
        "ways_to_paint",
        numbers.painted_way("insisting"),
    ),
)
"""In the order of the paper's argument: noise, experts, cost, what is in the picture, control."""
