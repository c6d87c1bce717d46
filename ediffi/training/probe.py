"""The gate in front of the base model's training: do the small encoders know what they must?

A linear probe reads the colour of the k-th thing of a caption from the T5 token at its noun, and
another the style of a picture from its CLIP vector; CLIP finds each scene's caption among 256 and
each caption's scene. All on scenes that no encoder has seen. It judges encoders through their
public interface and trains none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ediffi.conditioning.clip import ClipTowers
from ediffi.conditioning.prompt import Prompt, Span
from ediffi.conditioning.t5 import T5Text
from ediffi.images import to_tensor
from ediffi.storybook import vocabulary
from ediffi.storybook.captions import Caption, write_caption
from ediffi.storybook.drawing import render
from ediffi.storybook.scene import Scene, sample_scene

REQUIRED = 0.99


@dataclass(frozen=True)
class PositionScore:
    """How often the probe was right for the things named `position`-th (from 1), of how many."""

    position: int
    n: int
    accuracy: float


@dataclass(frozen=True)
class ColourProbe:
    """Accuracy over 12 colours on `n` nouns of `split` captions, the probe trained on others."""

    split: str
    n: int
    accuracy: float
    by_position: tuple[PositionScore, ...]

    @property
    def passed(self) -> bool:
        """Whether the gate is open: 99 % or more."""
        return self.accuracy >= REQUIRED


@dataclass(frozen=True)
class Retrieval:
    """Recall among `n` scenes of `split`, one caption each; chance is 1/n and 5/n."""

    split: str
    length: str
    n: int
    text_to_image_at_1: float
    text_to_image_at_5: float
    image_to_text_at_1: float
    image_to_text_at_5: float


@dataclass(frozen=True)
class LookProbe:
    """Accuracy over nine styles on `n` pictures of `split`, and of each style; chance is 1/9."""

    split: str
    n: int
    accuracy: float
    by_style: dict[str, float]


@dataclass(frozen=True)
class Noun:
    """Where a caption names a thing: its characters, its place among those named, its colour."""

    span: Span
    position: int
    colour: int


def nouns(scene: Scene, caption: Caption) -> list[Noun]:
    """The first naming of each thing whose colour `caption` says, kinds that stand alone only.

    Two things of one kind are left out: which of the two a noun means is not the token's to know.
    """
    prompt = Prompt(caption.text)
    kinds = [thing.kind for thing in scene.things]
    found: list[tuple[Span, int]] = []
    for index in caption.colours:
        thing = scene.things[index]
        span = _first_naming(prompt.text, thing.kind)
        if kinds.count(thing.kind) == 1 and span is not None:
            found.append((span, vocabulary.COLOURS.index(thing.colour)))
    found.sort()
    return [Noun(span, k + 1, colour) for k, (span, colour) in enumerate(found)]


def _first_naming(text: str, kind: str) -> Span | None:
    names = sorted((n for pair in vocabulary.KINDS[kind].nouns for n in pair), key=len)[::-1]
    match = re.search(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", text, re.IGNORECASE)
    return Span(*match.span()) if match else None


def probe_colours(
    t5: T5Text, train: int = 3_000, held: int = 1_000, split: str = "test", seed: int = 0
) -> ColourProbe:
    """Fit the probe on the nouns of `train` captions of the train split, score it on `split`.

    Half of the captions are short and half long; the feature is the last token of the noun.
    """
    features, colours, _ = _dataset(t5, "train", 10**7 + seed, train)
    weight, bias = _linear_probe(features, colours, len(vocabulary.COLOURS))
    features, colours, positions = _dataset(t5, split, 10**7 + seed, held)
    right = ((features @ weight + bias).argmax(1) == colours).float()
    scores = tuple(
        PositionScore(k, int((positions == k).sum()), right[positions == k].mean().item())
        for k in sorted(set(positions.tolist()))
    )
    return ColourProbe(split, len(right), right.mean().item(), scores)


def _dataset(t5: T5Text, split: str, seed: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    features, colours, positions = [], [], []
    for start in range(seed, seed + count, 64):
        chunk = []
        for k in range(start, min(start + 64, seed + count)):
            scene = sample_scene(k, split=split)
            chunk.append((scene, write_caption(scene, k, length=("short", "long")[k % 2])))
        out = t5([caption.text for _, caption in chunk])
        for row, (scene, caption) in enumerate(chunk):
            prompt = Prompt(caption.text)
            for noun in nouns(scene, caption):
                columns = prompt.columns(noun.span, out.spans[row])
                if columns:
                    features.append(out.features[row, columns[-1]].float().cpu())
                    colours.append(noun.colour)
                    positions.append(noun.position)
    return torch.stack(features), torch.tensor(colours), torch.tensor(positions)


def _linear_probe(
    features: Tensor, labels: Tensor, classes: int, ridge: float = 1e-5
) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression with a little ridge, to convergence."""
    weight = torch.zeros(features.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = functional.cross_entropy(features @ weight + bias, labels)
        loss = loss + ridge * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach(), bias.detach()


def probe_looks(
    clip: ClipTowers, train: int = 80, held: int = 40, split: str = "test", seed: int = 0
) -> LookProbe:
    """Fit the probe on `train` scenes of the train split, each in all styles; `held` of `split`."""
    weight, bias = _linear_probe(
        *_looks(clip, "train", seed, train), len(vocabulary.STYLES), ridge=1e-3
    )
    features, styles = _looks(clip, split, seed, held)
    right = ((features @ weight + bias).argmax(1) == styles).float()
    each = {name: right[styles == k].mean().item() for k, name in enumerate(vocabulary.STYLES)}
    return LookProbe(split, len(right), right.mean().item(), each)


def _looks(clip: ClipTowers, split: str, seed: int, count: int) -> tuple[Tensor, Tensor]:
    features = []
    for k in range(count):
        scene = sample_scene(10**7 + seed + k, split=split)
        pictures = [render(replace(scene, style=style), 64) for style in vocabulary.STYLES]
        features.append(clip.encode_image(_stacked(pictures)).float().cpu())
    return torch.cat(features), torch.arange(len(vocabulary.STYLES)).repeat(count)


def retrieve(
    clip: ClipTowers, n: int = 256, split: str = "test", length: str = "long", seed: int = 0
) -> Retrieval:
    """Recall at 1 and 5, both ways, among `n` scenes of `split` drawn at 64 px."""
    scenes = [sample_scene(10**7 + seed + k, split=split) for k in range(n)]
    texts = [write_caption(scene, k, length=length).text for k, scene in enumerate(scenes)]
    pictures = [render(scene, 64) for scene in scenes]
    image = torch.cat([clip.encode_image(_stacked(pictures[i : i + 64])) for i in range(0, n, 64)])
    text = torch.cat([clip.encode_text(texts[i : i + 64]).pooled for i in range(0, n, 64)])
    similar = text @ image.T
    return Retrieval(
        split,
        length,
        n,
        recall(similar, 1),
        recall(similar, 5),
        recall(similar.T, 1),
        recall(similar.T, 5),
    )


def recall(similar: Tensor, k: int) -> float:
    """Share of rows of `similar` (n, n) whose own column is among the `k` largest, ties lost."""
    own = similar.diagonal()[:, None]
    above = (similar >= own).sum(1)
    return (above <= k).float().mean().item()


def _stacked(pictures: Sequence[np.ndarray]) -> Tensor:
    return torch.stack([to_tensor(np.array(picture)) for picture in pictures])
