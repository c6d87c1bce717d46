"""A look inside the real model: its picture, heard step by step, as the studio's record.

It translates records and nothing else: listening is the library's business. The libraries are
imported where they are needed.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np

from demo.engine import Progress, Request
from demo.examples import file_name
from demo.inside import EMPTY, MOST_WORDS, Branch, Inside, Layer, left_out

if TYPE_CHECKING:
    from ediffi.answers import Result
    from ediffi.controls.attention_maps import AttentionMaps
    from ediffi.pipeline import EDiffI


def look_inside(model: EDiffI, request: Request) -> Generator[Progress | Inside]:
    """Progress after every step, then what was heard; the base model's size, one picture.

    Raises ValueError for a sentence without words.
    """
    from ediffi import images
    from ediffi.attention_watch import watching
    from ediffi.conditioning.prompt import Prompt

    spans = Prompt(request.prompt).word_spans
    if not spans:
        raise ValueError(EMPTY)
    began = time.perf_counter()
    asked = model.request(
        request.prompt,
        seed=request.seed,
        steps=request.steps,
        guidance=request.guidance,
        insist=request.steering.insist,
    )
    result: Result | None = None
    with watching(model, asked, spans[:MOST_WORDS] if len(spans) > MOST_WORDS else None) as heard:
        for step in model.steps(asked):
            seconds = time.perf_counter() - began
            who = " and ".join(step.experts) if model.model.ensemble else ""
            previews = images.to_uint8(step.previews)
            yield Progress(step.index, step.total, step.sigma, seconds, previews, who)
            result = step.results[0] if step.results else None
    assert result is not None
    notes = list(result.report.sentences())
    if len(spans) > MOST_WORDS:
        notes.append(left_out([request.prompt[s.start : s.end] for s in spans[MOST_WORDS:]]))
    yield _inside(result, heard.maps(), time.perf_counter() - began, tuple(notes))


def _inside(result: Result, maps: AttentionMaps, seconds: float, notes: tuple[str, ...]) -> Inside:
    from ediffi.controls.attention_files import npz_bytes
    from ediffi.recipe import png_bytes

    heard, recipe = maps.heard, result.recipe
    return Inside(
        png=png_bytes(result.image, recipe),
        name=file_name(recipe.prompt, recipe.seed),
        seed=recipe.seed,
        seconds=seconds,
        words=tuple(word.text for word in heard.words[0]),
        sigmas=heard.sigmas,
        experts=heard.experts,
        layers=tuple(Layer(each.name, each.rows, each.columns) for each in heard.layers),
        branches=tuple(_branch(maps, name) for name in heard.branches),
        npz=npz_bytes(maps),
        notes=notes,
    )


def _branch(maps: AttentionMaps, name: str) -> Branch:
    from ediffi.controls.attention_maps import STREAMS

    heard = maps.heard
    k, words = heard.branches.index(name), len(heard.words[0])
    layers: tuple[np.ndarray, ...] = ()
    if "words" in name:
        kept = [layer[:, k, 0, : len(STREAMS) * words] for layer in maps.maps]
        layers = tuple(x.reshape(len(x), len(STREAMS), words, *x.shape[2:]) for x in kept)
    return Branch(name, layers, maps.shares(name)[:, 0])
