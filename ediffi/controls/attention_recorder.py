"""Records what cross-attention looks at while networks run, and how strongly attention acts.

It listens to networks for the time of a block and keeps the mean over heads of chosen columns, in
half precision, up to a stated limit. It knows columns of tokens, not words, and changes nothing;
where nobody listens attention may take a fused path instead, whose last bits differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ediffi.conditioning.embeddings import Conditioning
from ediffi.controls.attention_maps import BRANCHES, PARTS, AttentionMaps, Heard, Layer, Word
from ediffi.controls.region_scores import grid_of, is_cross_attention
from ediffi.networks.attention import CrossAttention, SelfAttention
from ediffi.networks.taps import listening

MOST_BYTES = 256 * 2**20
"""What a recorder keeps at most; the value is our choice."""
MOST_TOLD = 8

Columns = tuple[int, ...]


@dataclass(frozen=True)
class Watched:
    """One picture: its prompt and seed, the words to record, and their columns in both streams.

    `clip` and `t5` have the columns of every word; `clip_said` and `t5_said` are all columns that
    stand for characters. Other columns that are not masked are start and end tokens.
    """

    prompt: str
    seed: int
    words: tuple[Word, ...]
    clip: tuple[Columns, ...]
    t5: tuple[Columns, ...]
    clip_said: Columns
    t5_said: Columns


@dataclass(frozen=True)
class _Told:
    """What one conditioning tells: `groups` (rows, columns, maps) sums columns into maps, and every
    row is a picture and a branch.
    """

    groups: Tensor
    rows: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class _Kept:
    """What one layer gave in one call: `values` (rows, ...)."""

    level: int
    layer: Layer
    told: _Told
    values: Tensor


class AttentionRecorder:
    """Hears one batch of pictures; `maps` is what it heard.

    `ran` names who answers at a noise level. `evaluations` is how many are expected: with it a
    recording that would pass `most` bytes is refused after the first one instead of at the end.
    """

    def __init__(
        self,
        model: str,
        pictures: Sequence[Watched],
        ran: Callable[[float], str],
        evaluations: int = 1,
        most: int = MOST_BYTES,
    ) -> None:
        """Nothing is heard yet."""
        self.model, self.pictures, self.ran = model, tuple(pictures), ran
        self.evaluations, self.most = evaluations, most
        self._conditionings: list[tuple[Conditioning, _Told]] = []
        self._now: _Told | None = None
        self._aspect = 1.0
        self._update = torch.zeros(0)
        self._sigmas: list[float] = []
        self._met: set[tuple[int, str]] = set()
        self._maps: list[_Kept] = []
        self._cross: list[_Kept] = []
        self._own: list[_Kept] = []

    @property
    def kept(self) -> int:
        """The bytes of all maps so far."""
        return sum(each.values.nbytes for each in self._maps)

    @contextmanager
    def listening(self, *networks: nn.Module) -> Iterator[None]:
        """Hears the networks, each (x, sigma, Conditioning) -> denoised, for the time of the block.

        Raises ValueError for a network without cross-attention; while they run, for a batch that
        is not made of these pictures, and where the limit would be passed.
        """
        with ExitStack() as stack:
            for network in networks:
                # A tap hears probabilities, but only the network's own call tells the noise level
                # and what each row is told.
                stack.callback(network.register_forward_pre_hook(self._begin).remove)
                stack.enter_context(listening(network, is_cross_attention, self._hear))
                for layer in network.modules():
                    if isinstance(layer, CrossAttention | SelfAttention):
                        stack.callback(layer.out.register_forward_hook(self._hold).remove)
                        stack.callback(layer.register_forward_hook(self._weigh).remove)
            yield

    def maps(self) -> AttentionMaps:
        """What was heard so far; ValueError where that is nothing."""
        if not self._maps:
            raise ValueError("Nothing was heard: no picture was made while this recorder listened.")
        told = {branch for each in self._maps for _, branch in each.told.rows}
        layers = tuple(dict.fromkeys(each.layer for each in self._maps))
        own = tuple(dict.fromkeys(each.layer for each in self._own))
        heard = Heard(
            model=self.model,
            prompts=tuple(each.prompt for each in self.pictures),
            seeds=tuple(each.seed for each in self.pictures),
            words=tuple(each.words for each in self.pictures),
            sigmas=tuple(self._sigmas),
            experts=tuple(map(self.ran, self._sigmas)),
            branches=tuple(name for name in BRANCHES if name in told),
            layers=layers,
            self_layers=own,
        )
        maps = tuple(_laid_out(heard, self._maps, layer, np.float16) for layer in layers)
        shape = heard.shape(layers[0])
        found = [m.reshape(heard.shape(x)) for m, x in zip(maps, layers, strict=True)]
        cross = [_laid_out(heard, self._cross, layer, np.float32)[..., 0] for layer in layers]
        mine = [_laid_out(heard, self._own, layer, np.float32)[..., 0] for layer in own]
        none = np.zeros((*shape[:3], 0), np.float32)
        return AttentionMaps(
            heard,
            tuple(found),
            np.stack(cross, axis=-1),
            np.stack(mine, axis=-1) if mine else none,
        )

    def _begin(self, network: nn.Module, arguments: tuple[Any, ...]) -> None:
        x, sigma, cond = arguments
        if x.requires_grad:
            # A question about the picture (`controls.pulling`) is no step of it.
            self._now = None
            return
        told, level = self._told(cond), float(sigma[0])
        # The branches of one evaluation may come in calls of their own, at the same noise level.
        if not self._sigmas or level != self._sigmas[-1] or self._met & set(told.rows):
            self._check_room()
            self._sigmas.append(level)
            self._met = set()
        self._met |= set(told.rows)
        self._now, self._aspect = told, x.shape[2] / x.shape[3]

    def _hear(self, name: str, probabilities: Tensor) -> None:
        if self._now is None:
            return
        shares = probabilities.detach().mean(1, dtype=torch.float32) @ self._now.groups
        grid = grid_of(shares.shape[1], self._aspect)
        values = shares.transpose(1, 2).to(torch.float16, copy=True)
        self._maps.append(self._entry(name, grid, values))

    def _hold(self, layer: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        self._update = output.detach()

    def _weigh(
        self, layer: CrossAttention | SelfAttention, arguments: tuple[Any, ...], output: Tensor
    ) -> None:
        if self._now is None:
            return
        x = arguments[0].detach()
        added = torch.linalg.vector_norm(self._update, dim=(1, 2), dtype=torch.float32)
        size = torch.linalg.vector_norm(x, dim=(1, 2, 3), dtype=torch.float32)
        strength = added / size.clamp(min=torch.finfo(size.dtype).tiny)
        kept = self._cross if isinstance(layer, CrossAttention) else self._own
        grid = x.shape[2], x.shape[3]
        kept.append(self._entry(layer.attention.probabilities.name, grid, strength[:, None]))

    def _entry(self, tap: str, grid: tuple[int, int], values: Tensor) -> _Kept:
        assert self._now is not None
        block = tap.removesuffix(".attention.probabilities").rsplit(".", 1)[0]
        return _Kept(len(self._sigmas) - 1, Layer(block, *grid), self._now, values)

    def _check_room(self) -> None:
        done = len(self._sigmas)
        if not done:
            return
        needed = self.kept * max(self.evaluations, done + 1) // done
        if needed > self.most:
            raise ValueError(
                f"The attention maps of {max(self.evaluations, done + 1)} evaluations take"
                f" {needed / 2**20:.1f} MiB and at most {self.most / 2**20:.1f} are kept: choose"
                " fewer words, steps or pictures."
            )

    def _told(self, cond: Conditioning) -> _Told:
        for known, told in self._conditionings:
            if known is cond:
                return told
        b = len(self.pictures)
        if cond.batch % b:
            raise ValueError(f"{cond.batch} rows are not made of the {b} pictures that are heard.")
        words, image = _has_words(cond), cond.clip_image_mask.tolist()
        rows = tuple((row % b, _branch(words[row], image[row])) for row in range(cond.batch))
        told = _Told(self._groups(cond), rows)
        self._conditionings = [*self._conditionings[-(MOST_TOLD - 1) :], (cond, told)]
        return told

    def _groups(self, cond: Conditioning) -> Tensor:
        """(rows, columns, maps): 1 where a column of the context belongs to a map.

        The context is CLIP's columns, T5's, the image's and the null token's, as the projector
        joins them.
        """
        m, n = cond.clip.shape[1], cond.t5.shape[1]
        most = max(len(picture.words) for picture in self.pictures)
        groups = torch.zeros(cond.batch, m + n + 2, 2 * most + len(PARTS))
        parts = groups[:, :, 2 * most :]
        masks = cond.clip_mask.cpu(), cond.t5_mask.cpu()
        for row in range(cond.batch):
            watched = self.pictures[row % len(self.pictures)]
            streams = (watched.clip, watched.clip_said), (watched.t5, watched.t5_said)
            for which, ((words, said), begin, room) in enumerate(
                zip(streams, (0, m), (m, n), strict=True)
            ):
                for place, columns in enumerate(words):
                    here = [begin + c for c in columns if c < room]
                    groups[row, here, which * most + place] = 1
                parts[row, begin : begin + room, PARTS.index("ends")] = 1
                here = [begin + c for c in said if c < room]
                parts[row, here, PARTS.index("ends")] = 0
                parts[row, here, which] = 1
                groups[row, begin : begin + room] *= masks[which][row, :, None]
        parts[:, -2, PARTS.index("clip_image")] = 1
        parts[:, -1, PARTS.index("null")] = 1
        return groups.to(cond.clip_pooled.device)


def _has_words(cond: Conditioning) -> list[bool]:
    return (cond.t5_mask.any(1) | cond.clip_mask.any(1)).tolist()


def _branch(words: bool, image: bool) -> str:
    return BRANCHES[2 * (not words) + (not image)]


def _laid_out(heard: Heard, kept: Sequence[_Kept], layer: Layer, kind: Any) -> np.ndarray:
    """One layer's values as (evaluations, branches, pictures, ...), NaN where nothing was asked.

    Rows of one picture that were told the same are averaged: an empty prompt is its own null.
    """
    mine = [each for each in kept if each.layer == layer]
    shape = len(heard.sigmas), len(heard.branches), len(heard.prompts)
    laid = np.full((*shape, *mine[0].values.shape[1:]), np.nan, kind)
    for each in mine:
        values = each.values.float().cpu().numpy()
        for picture, branch in set(each.told.rows):
            rows = [k for k, row in enumerate(each.told.rows) if row == (picture, branch)]
            at = each.level, heard.branches.index(branch), picture
            laid[at] = values[rows].mean(0)
    return laid
