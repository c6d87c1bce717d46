"""A running average of weights whose memory is a share of the run so far.

Knows modules and numbers of pictures; refuses to know optimisers and files. The average is used
through a context manager, so nobody trains on it or forgets to swap back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def decay(pictures: int, batch: int, share: float) -> float:
    """How much of the old average stays after a step of `batch` that ends at `pictures` seen.

    The half-life is `share` of the pictures seen, so the profile is the power function of
    exponent ln 2 / share (EDM2, Sec. 3, "Power function EMA profile", in terms of half-lives): the
    average never remembers the start, and needs not know how long the run will be.
    """
    if share <= 0:
        return 0.0
    return 0.5 ** (batch / (share * max(pictures, batch)))


class Ema:
    """The averaged copy of a module's parameters and buffers, in their own dtype and device."""

    def __init__(self, module: nn.Module):
        self.tensors = {name: value.detach().clone() for name, value in _named(module).items()}

    @torch.no_grad()
    def update(self, module: nn.Module, keep: float) -> None:
        """average ← keep·average + (1 − keep)·weights; what is not floating is copied."""
        own, new = [], []
        for name, value in _named(module).items():
            if value.is_floating_point():
                own.append(self.tensors[name])
                new.append(value)
            else:
                self.tensors[name].copy_(value)
        torch._foreach_lerp_(own, new, 1 - keep)  # pyright: ignore[reportPrivateImportUsage]

    def state(self) -> Mapping[str, Tensor]:
        """The averaged tensors by name."""
        return self.tensors

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over saved averages; KeyError when one is missing."""
        for name, own in self.tensors.items():
            own.copy_(tensors[name])

    @contextmanager
    def swapped_in(self, module: nn.Module) -> Iterator[nn.Module]:
        """`module` in eval mode with the averaged weights; afterwards as it was, also on errors."""
        training = module.training
        saved = {name: value.detach().clone() for name, value in _named(module).items()}
        try:
            _copy(self.tensors, module)
            module.eval()
            yield module
        finally:
            _copy(saved, module)
            module.train(training)


def _named(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


@torch.no_grad()
def _copy(tensors: Mapping[str, Tensor], module: nn.Module) -> None:
    for name, value in _named(module).items():
        value.copy_(tensors[name])
