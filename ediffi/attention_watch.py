"""Attention of whole pictures: which words a request's pixels looked at, step by step.

The front door of the recorder: it finds the columns of words, and who answers at which noise level.
It listens to the base model; super-resolution stages attend to words too, but they follow a
picture that is there already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ediffi.answers import Result
from ediffi.build import build_sampler
from ediffi.conditioner import Conditioner
from ediffi.conditioning.prompt import Prompt, Span
from ediffi.conditioning.streams import Span as Characters
from ediffi.config import SamplingConfig
from ediffi.controls.attention_maps import AttentionMaps, Word
from ediffi.controls.attention_recorder import AttentionRecorder, Watched
from ediffi.diffusion.noise import edm_grid
from ediffi.loading import Model
from ediffi.pipeline import EDiffI
from ediffi.request import Request

MOST_WORDS = 128
"""Words recorded for one picture at most; the value is our choice."""


def attended(
    model: EDiffI,
    requests: Request | Sequence[Request],
    words: Sequence[str | Span] | None = None,
) -> tuple[list[Result], AttentionMaps]:
    """Finished pictures of one batch, and the attention that made them; arguments as `watching`.

    The pictures are those that `generate_many` makes.
    """
    batch = _batch(requests)
    with watching(model, batch, words) as recorder:
        results = model.generate_many(batch)
    return results, recorder.maps()


@contextmanager
def watching(
    model: EDiffI,
    requests: Request | Sequence[Request],
    words: Sequence[str | Span] | None = None,
) -> Iterator[AttentionRecorder]:
    """Hears the model while it makes these pictures in the block, in one batch, in their order.

    `words` are words or phrases of every prompt, or spans of its characters; None is each prompt's
    every word. `recorder.maps()` is what was heard. Raises ValueError for a word that a prompt does
    not have (naming those that it has) or that fits into neither encoder's context, for more than
    128 words, for requests that make several batches, and for a timeline, whose columns stand for
    other words later on.
    """
    batch = _batch(requests)
    if len(model.groups(batch)) != 1:
        raise ValueError("These requests do not make one batch, and attention is heard in one.")
    if any(request.timeline for request in batch):
        raise ValueError("Attention is heard for one sentence, and a timeline changes the words.")
    if any(request.collaged for request in batch):
        raise ValueError("Attention is heard for one sentence, and a collage asks for others.")
    conditioner = model.generator.conditioner
    recorder = AttentionRecorder(
        model.model.name,
        [_watched(conditioner, request, words) for request in batch],
        lambda sigma: model.model.ran((sigma,))[0],
        _evaluations(batch[0].sampling),
    )
    with recorder.listening(*_networks(model.model)):
        yield recorder


def _batch(requests: Request | Sequence[Request]) -> list[Request]:
    return [requests] if isinstance(requests, Request) else list(requests)


def _evaluations(sampling: SamplingConfig) -> int:
    """How often the solver asks the denoiser, counted by letting it walk over nothing."""
    grid = edm_grid(sampling.steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)
    steps = build_sampler(sampling.solver)(_nothing, torch.zeros(1, 1, 1, 1), grid, None)
    return sum(len(step.evaluations) for step in steps)


def _nothing(x: Tensor, sigma: Tensor, cond: object) -> Tensor:
    return torch.zeros_like(x)


def _watched(
    conditioner: Conditioner, request: Request, words: Sequence[str | Span] | None
) -> Watched:
    """The columns of the words of a request, in what each encoder reads for it."""
    prompt, text = Prompt(request.prompt), conditioner.heard(request).text
    chosen, clip, t5 = [], [], []
    for span in prompt.word_spans if words is None else [_span(prompt, word) for word in words]:
        columns = [
            tuple(prompt.columns(span, offsets[0]))
            for offsets in (text.clip_offsets, text.t5_offsets)
        ]
        word = Word(prompt.text[span.start : span.end], span.start, span.end)
        if any(columns):
            chosen.append(word)
            clip.append(columns[0])
            t5.append(columns[1])
        elif words is not None:
            raise ValueError(f"The word {word.text!r} fits into neither encoder's context.")
    if len(chosen) > MOST_WORDS:
        raise ValueError(
            f"The attention to {len(chosen)} words is asked for, and at most {MOST_WORDS} are"
            " heard: choose some."
        )
    read = [
        conditioner.told(request.prompt if other is None else other).text
        for other in (request.clip_prompt, request.t5_prompt)
    ]
    return Watched(
        request.prompt,
        request.seed,
        tuple(chosen),
        tuple(clip),
        tuple(t5),
        _said(read[0].clip_offsets[0]),
        _said(read[1].t5_offsets[0]),
    )


def _span(prompt: Prompt, word: str | Span) -> Span:
    return prompt.phrase(word) if isinstance(word, str) else word


def _said(offsets: Sequence[Characters]) -> tuple[int, ...]:
    return tuple(column for column, (start, end) in enumerate(offsets) if start < end)


def _networks(model: Model) -> list[nn.Module]:
    """Every network that may answer, loaded, the one for the highest noise last, to be at hand."""
    ensemble = model.ensemble
    found = (
        [model.denoiser]
        if ensemble is None
        else [ensemble.denoiser(expert.name) for expert in ensemble.experts]
    )
    return list(dict.fromkeys(each for each in found if isinstance(each, nn.Module)))
