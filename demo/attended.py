"""How much of the attention to a painted phrase lay inside its place, while a run goes.

It listens to the model's base network during a run and tells it in one sentence. Listening changes
no pixel: painted attention is computed in the open anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from ediffi.controls.prompt_switching import first_steps
from ediffi.controls.region_scores import RegionRecorder, RegionScore
from ediffi.pipeline import EDiffI
from ediffi.request import Request


class Attended:
    """What was heard of one run of requests that share a painting; nothing where none is painted.

    Words that come later may stand in the same columns as the painted ones, so `last` is the last
    step, counted from 1, of the first words.
    """

    def __init__(self, model: EDiffI, asked: Sequence[Request]) -> None:
        """Binds the paintings as the run will; nothing is heard yet."""
        first = asked[0]
        begins = first_steps(first.timeline, first.sampling.steps)
        self.last = begins[0] if begins else first.sampling.steps
        self.model = model
        bound = model.generator.conditioner.batch(asked)[0].painting if first.painting else None
        self.recorder = (
            None if bound is None else RegionRecorder([one.painting for one in asked], bound)
        )

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hears the networks of the base for the time of the block."""
        if self.recorder is None:
            yield
            return
        with self.recorder.listening(*_networks(self.model)):
            yield

    def sentences(self) -> tuple[str, ...]:
        """One sentence where something was painted and attended to."""
        if self.recorder is None:
            return ()
        regions = list(zip(*self.recorder.scores(), strict=True))
        parts = [part for scores in regions if (part := _part(scores))]
        if not parts:
            return ()
        return (
            f"Attention that fell on its painted place: {', '.join(parts)}. This says where the"
            " model looked, not what it drew.",
        )


def _networks(model: EDiffI) -> list[nn.Module]:
    ensemble = model.model.ensemble
    if ensemble is None:
        found = [model.model.denoiser]
    else:
        found = [ensemble.denoiser(expert.name) for expert in ensemble.experts]
    # One network can hold two seats, and would be heard twice.
    return list({id(one): one for one in found if isinstance(one, nn.Module)}.values())


def _part(scores: Sequence[RegionScore]) -> str:
    """One phrase's score, the mean over the pictures; empty where nobody attended to it."""
    inside = [score.inside for score in scores if score.inside is not None]
    if not inside:
        return ""
    name = f"“{scores[0].phrase}”"
    if scores[0].occurrence > 1:
        name += f" (number {scores[0].occurrence})"
    return f"{name} {sum(inside) / len(inside):.0%}, by chance {scores[0].area:.0%}"
