"""From a picture's recipe back to what the page can set, and what of it the page cannot show.

It reads records and knows neither a page nor how a picture is made.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from demo import engine, regions
from demo.checks import finite
from demo.engine import Recalled, Request
from demo.regions import Manner, Region
from demo.steering import ENCODERS, MAX_INSIST, MAX_STRENGTH, STRENGTH, Steering

if TYPE_CHECKING:
    from ediffi.controls.paint_with_words import Painting
    from ediffi.controls.style_transfer import Style
    from ediffi.pipeline import EDiffI
    from ediffi.recipe import Recipe


def recall(png: Path, model: EDiffI) -> Recalled:
    """The recipe of a PNG as a request to `model`; ValueError where it has none that is usable."""
    from ediffi.recipe import read_png

    engine.open_png(png).close()
    try:
        recipe = read_png(png)
    except ValueError as error:
        # The visitor knows a picture, not the server's name for it.
        raise ValueError(str(error).replace(str(png), "this picture")) from None
    sampling = recipe.sampling
    size = recipe.size if recipe.size in model.sizes else model.sizes[0]
    made = engine.request(recipe.prompt, recipe.seed, sampling.steps, sampling.guidance, 1, size)
    made, notes = _painted_again(made, recipe)
    steered, more = _steered_again(recipe, model.model.config.encoders.image)
    made, notes = replace(made, steering=steered), notes + more
    if size != recipe.size:
        notes.append(f"It has {recipe.size} pixels, which this model does not make.")
    if recipe.model != model.model.name:
        notes.append(f"It was painted by the model {recipe.model}.")
    if sampling.solver != model.model.preset.sampling.solver:
        notes.append(f"It was painted with the solver {sampling.solver}.")
    if recipe.source is not None:
        notes.append("It was enlarged from a picture, which is not brought back.")
    return Recalled(made, tuple(notes))


def painting_of(request: Request) -> Painting | None:
    """The request's painted regions as the model takes them, None where nothing is painted."""
    from ediffi.controls.overlaps import Overlap
    from ediffi.controls.paint_with_words import Painting

    if not request.painting:
        return None
    manner = request.manner
    overlap = cast(Overlap, manner.overlap)
    painting = Painting(
        request.prompt,
        overlap=overlap,
        elsewhere=manner.elsewhere,
        pull=manner.pull,
        collage=manner.collage,
    )
    for region in request.painting:
        mask = np.frombuffer(region.mask, np.uint8).reshape(regions.GRID, regions.GRID)
        painting = painting.add(
            region.phrase, mask, occurrence=region.occurrence, weight=region.weight
        )
    return painting


def _painted_again(made: Request, recipe: Recipe) -> tuple[Request, list[str]]:
    """The request with the recipe's painting, and what of it this page cannot show."""
    from ediffi.controls.paint_with_words import Painting

    if recipe.painting is None:
        return made, []
    try:
        painting = Painting.from_json(recipe.painting)
        found = [Region(r.phrase, r.occurrence, r.weight, bytes(r.mask)) for r in painting.regions]
        kept, _ = regions.read(regions.as_json(painting.prompt, found), made.prompt)
    except ValueError as error:
        return made, [f"Its painted regions are not brought back: {error}"]
    manner = Manner(painting.overlap, painting.elsewhere, painting.pull, painting.collage)
    made = replace(made, painting=kept, manner=manner)
    if painting_of(made) != painting:
        return made, ["Its painted regions had settings that this page does not have."]
    return made, []


def _steered_again(recipe: Recipe, width: int) -> tuple[Steering, list[str]]:
    """What steered a recipe's picture, and what of it this page cannot show."""
    notes = []
    turns = [(turn.share, turn.prompt) for turn in recipe.timeline]
    if len(turns) > 1:
        notes.append("Its words changed more than once, and only the first change is brought back.")
    if recipe.t5_prompt is not None or recipe.clip_prompt is not None:
        notes.append("One of its encoders read other words, which are not brought back.")
    look, strength, more = _look_again(recipe.style, width)
    off = tuple(name for name in recipe.without if name in ENCODERS)
    turn = turns[0] if turns else None
    insist = finite(recipe.sampling.insist, "How far it insists", 0.0, MAX_INSIST)
    return Steering((), strength, off, turn, look, insist), notes + more


def _look_again(style: Style | None, width: int) -> tuple[Style | None, float, list[str]]:
    """The look that a recipe kept, its strength, and why it cannot be used here."""
    lost = "It borrowed its look from another picture, which is not brought back"
    if style is None:
        return None, STRENGTH, []
    if len(style.vector) != width:
        return None, STRENGTH, [f"{lost}: another CLIP read it."]
    if style.strength > MAX_STRENGTH:
        return None, STRENGTH, [f"{lost}: its strength {style.strength:g} is above this page's."]
    return style, style.strength, ["The look that it borrowed came back with it."]
