"""What every pixel looked at while a picture was made: by word, noise level, layer and branch.

A record and the ways to read it. `attention_recorder` makes it and `attention_files` keeps it; no
network and no tokenizer is known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

STREAMS = ("clip", "t5")
PARTS = ("clip_words", "t5_words", "ends", "clip_image", "null")
"""Where a pixel's attention can go: tokens with characters in either stream, the start and end
tokens of both, the CLIP image token, the null token. Padding is masked out and gets nothing."""
BRANCHES = ("words and picture", "words", "picture", "nothing")
"""What a row of the batch was told, by its own conditioning; the first that was heard is the
default of every read-out."""


@dataclass(frozen=True)
class Word:
    """Characters `start` to `end` (exclusive) of a prompt, which read `text`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Layer:
    """An attention layer: its path in the network and the rows and columns of its grid."""

    name: str
    rows: int
    columns: int


@dataclass(frozen=True)
class Heard:
    """What was recorded, all but the numbers; it is plain JSON.

    `sigmas` and `experts` have an entry for every evaluation, in order: its noise level and who
    answered. `words` are those of each picture. `layers` attend to words, `self_layers` to pixels.
    """

    model: str
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    words: tuple[tuple[Word, ...], ...]
    sigmas: tuple[float, ...]
    experts: tuple[str, ...]
    branches: tuple[str, ...]
    layers: tuple[Layer, ...]
    self_layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Raise ValueError where the parts contradict each other."""
        b, s = len(self.prompts), len(self.sigmas)
        if not b or not b == len(self.seeds) == len(self.words):
            raise ValueError(f"{b} prompts need as many seeds and lists of words.")
        if not s or s != len(self.experts):
            raise ValueError(f"{s} noise levels need as many experts.")
        if not all(0 < sigma < math.inf for sigma in self.sigmas):
            raise ValueError("a noise level is a finite number above 0.")
        if not self.layers or not self.branches or not set(self.branches) <= set(BRANCHES):
            raise ValueError(f"there must be a layer, and branches out of {', '.join(BRANCHES)}.")

    @property
    def most_words(self) -> int:
        """How many words the picture with the most of them has."""
        return max(map(len, self.words))

    def shape(self, layer: Layer) -> tuple[int, ...]:
        """(evaluations, branches, pictures, maps, rows, columns) of a layer's maps.

        The maps are every word in CLIP's stream, every word in T5's, then the five `PARTS`.
        """
        maps = len(STREAMS) * self.most_words + len(PARTS)
        levels, told = len(self.sigmas), len(self.branches)
        return levels, told, len(self.prompts), maps, layer.rows, layer.columns


@dataclass(frozen=True)
class AttentionMaps:
    """The maps of a batch of pictures, and how strongly each layer changed what it was given.

    `maps` has one float16 array for every layer, shaped `heard.shape(layer)`: the share of a
    pixel's attention, the mean over heads. `cross` and `own` are (evaluations, branches, pictures,
    layers) float32: the size of what a cross- or self-attention layer adds over the size of what it
    adds it to, ||f(x)|| / ||x||. The paper compares the strength of both over the noise (Fig. 3)
    and does not define it: this is our reading. NaN is what was not asked.
    """

    heard: Heard
    maps: tuple[np.ndarray, ...]
    cross: np.ndarray
    own: np.ndarray

    def __post_init__(self) -> None:
        """Raise ValueError for arrays of other shapes than those that `heard` tells."""
        heard = self.heard
        wanted = [heard.shape(layer) for layer in heard.layers]
        stem = wanted[0][:3]
        wanted += [(*stem, len(heard.layers)), (*stem, len(heard.self_layers))]
        given = [array.shape for array in (*self.maps, self.cross, self.own)]
        if given != wanted:
            raise ValueError(f"the arrays have the shapes {given}, but must have {wanted}.")

    def heat(
        self,
        word: str | int,
        picture: int = 0,
        occurrence: int = 1,
        sigma: float | tuple[float, float] | None = None,
        layer: str | None = None,
        expert: str | None = None,
        branch: str | None = None,
        stream: str | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        """How much each place looked at a word: float32 (rows, columns), shares in [0, 1].

        `word` is a recorded word or its index; `occurrence` counts words that read alike. `sigma`
        is the nearest recorded noise level, or (low, high), ends included. What is None is averaged
        over, but for the branch (the fullest) and the stream: the shares of both are added. Grids
        are brought to `size`, the largest recorded one if None, by area. Raises ValueError naming
        what there is.
        """
        at = self._word(word, picture, occurrence)
        streams = STREAMS if stream is None else (_one("stream", stream, STREAMS),)
        columns = [STREAMS.index(name) * self.heard.most_words + at for name in streams]
        return self._mean(columns, picture, sigma, layer, expert, branch, size)

    def part(
        self,
        name: str,
        picture: int = 0,
        sigma: float | tuple[float, float] | None = None,
        layer: str | None = None,
        expert: str | None = None,
        branch: str | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        """The map of one of `PARTS`; all five add up to one at every place. Else as `heat`."""
        at = len(STREAMS) * self.heard.most_words + PARTS.index(_one("part", name, PARTS))
        return self._mean([at], picture, sigma, layer, expert, branch, size)

    def shares(self, branch: str | None = None) -> np.ndarray:
        """The share of each of `PARTS`: (evaluations, pictures, layers, parts), mean over pixels.

        NaN where the branch was not asked.
        """
        k = self._branch(branch)
        parts = [m[:, k, :, -len(PARTS) :].astype(np.float32).mean((3, 4)) for m in self.maps]
        return np.stack(parts, axis=2)

    def at(self, sigma: float | tuple[float, float] | None, expert: str | None = None) -> list[int]:
        """The evaluations at a noise level, or within a range of them, by an expert."""
        levels = np.array(self.heard.sigmas)
        if isinstance(sigma, tuple):
            low, high = sigma
            chosen = (levels >= low) & (levels <= high)
        elif sigma is None:
            chosen = np.full(len(levels), True)
        else:
            away = np.abs(np.log(levels) - np.log(max(sigma, 1e-9)))
            chosen = away == away.min()
        if expert is not None:
            known = tuple(dict.fromkeys(self.heard.experts))
            chosen &= np.array(self.heard.experts) == _one("expert", expert, known)
        if not chosen.any():
            told = f"{levels.max():.3g} to {levels.min():.3g}"
            raise ValueError(f"Nothing was recorded there: the noise levels go from {told}.")
        return [int(index) for index in np.flatnonzero(chosen)]

    def _mean(
        self,
        columns: Sequence[int],
        picture: int,
        sigma: float | tuple[float, float] | None,
        layer: str | None,
        expert: str | None,
        branch: str | None,
        size: tuple[int, int] | None,
    ) -> np.ndarray:
        self._check_picture(picture)
        names = tuple(each.name for each in self.heard.layers)
        chosen = names if layer is None else (_one("layer", layer, names),)
        levels, k = self.at(sigma, expert), self._branch(branch)
        finest = max(self.heard.layers, key=lambda each: each.rows * each.columns)
        grid = size or (finest.rows, finest.columns)
        found = []
        for name in chosen:
            told = self.maps[names.index(name)][levels, k, picture].astype(np.float32)
            values = told[:, columns].sum(1)
            values = values[np.isfinite(values).all((1, 2))]
            if len(values):
                pooled = F.adaptive_avg_pool2d(torch.from_numpy(values.mean(0))[None], grid)
                found.append(pooled[0].numpy())
        if not found:
            raise ValueError(f"The branch {self.heard.branches[k]!r} was not asked there.")
        return np.mean(found, axis=0)

    def _word(self, word: str | int, picture: int, occurrence: int) -> int:
        self._check_picture(picture)
        texts = [each.text for each in self.heard.words[picture]]
        if isinstance(word, str):
            places = [k for k, text in enumerate(texts) if text.casefold() == word.casefold()]
        else:
            places = [word] if 0 <= word < len(texts) else []
        if not 1 <= occurrence <= len(places):
            known = ", ".join(texts) or "none"
            place = "" if occurrence == 1 else f" number {occurrence}"
            raise ValueError(f"The word {word!r}{place} was not recorded; recorded are: {known}.")
        return places[occurrence - 1]

    def _branch(self, branch: str | None) -> int:
        known = self.heard.branches
        return 0 if branch is None else known.index(_one("branch", branch, known))

    def _check_picture(self, picture: int) -> None:
        pictures = len(self.heard.prompts)
        if not 0 <= picture < pictures:
            raise ValueError(f"There is no picture {picture}: they count from 0 to {pictures - 1}.")


def _one(what: str, name: str, known: Sequence[str]) -> str:
    if name not in known:
        raise ValueError(f"There is no {what} {name!r}; there are {', '.join(known)}.")
    return name
