"""Muon for matrices and convolutions, AdamW for the rest, and the rate's course over a run.

Knows tensors, names and shapes; refuses to know losses, data, devices and precision contexts.
Measured reason (docs/training-log.md): at equal pictures Muon learns the storybook two to three
times faster than AdamW, for a fifth of the speed; batching equal shapes pays most of that back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from ediffi.config import TrainingConfig
from ediffi.precision import fastest_dtype

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd quintic a·x + b·x³ + c·x⁵ with a steep slope at zero (Jordan 2024)."""

BATCH_LIMIT = 2**24
"""Most elements that one batched Newton-Schulz call may hold; keeps the workspace small."""


MOMENTUM = 0.95
BETAS = (0.9, 0.95)


def orthogonalise(matrices: Tensor, steps: int = 5, eps: float = 1e-7) -> Tensor:
    """`(k, rows, columns)` → the same shape, singular values pushed towards one.

    Computed and returned in the device's fastest format: the iteration forgives bfloat16.

    Newton-Schulz iteration on X/‖X‖: X ← aX + (bA + cA²)X with A = XXᵀ, on the short side.
    After five steps every singular value that was not tiny lies in about [0.7, 1.2].
    """
    a, b, c = QUINTIC
    x = matrices.to(fastest_dtype(matrices.device))
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / x.float().norm(dim=(-2, -1), keepdim=True).clamp(min=eps).to(x.dtype)
    for _ in range(steps):
        gram = torch.bmm(x, x.mT)
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.mT if tall else x


def flattened(shape: torch.Size) -> tuple[int, int]:
    """`(rows, columns)` of a weight: outputs by everything that feeds one output."""
    return shape[0], math.prod(shape[1:])


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised: every update is a near-isometry of size 0.2·√max(rows, columns).

    Takes parameters with two or more dimensions; convolutions are flattened to matrices, and equal
    matrices go through Newton-Schulz together. `lr` means what it means for AdamW, because
    the root mean square of an update is about 0.2. Weight decay is decoupled.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        steps: int = 5,
    ):
        listed = list(params)
        for p in listed:
            if p.ndim < 2:
                raise ValueError(f"Muon takes weights of 2 or more dimensions, got {p.ndim}.")
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "steps": steps}
        super().__init__(listed, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient; no closure is called."""
        if closure is not None:
            raise ValueError("Muon takes no closure.")
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                self._update(params, group)

    def _update(self, params: list[nn.Parameter], group: dict) -> None:
        grads = [p.grad for p in params if p.grad is not None]
        for p in params:
            if "momentum" not in self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        buffers = [self.state[p]["momentum"] for p in params]
        nesterov = []
        for p, buffer, grad in zip(params, buffers, grads, strict=True):
            buffer.lerp_(grad, 1 - group["momentum"])
            nesterov.append(grad.lerp(buffer, group["momentum"]))
            if group["weight_decay"]:
                p.mul_(1 - group["lr"] * group["weight_decay"])
        for indices in _equal_shapes(params):
            matrices = [_matrix(params[i]) for i in indices]
            stacked = torch.stack([_matrix(nesterov[i], like=params[i]) for i in indices])
            updates = orthogonalise(stacked, group["steps"])
            rate = group["lr"] * 0.2 * math.sqrt(max(stacked.shape[1:]))
            for matrix, update in zip(matrices, updates.unbind(0), strict=True):
                matrix.add_(update, alpha=-rate)


def _matrix(weight: Tensor, like: Tensor | None = None) -> Tensor:
    """`weight` as rows by columns; a view, also of a channels-last convolution.

    The order of the columns is that of the memory of `like` (default: of `weight` itself), and
    means nothing to the iteration.
    """
    shape = flattened(weight.shape)
    laid_out = weight if like is None else like
    if weight.ndim == 4 and not laid_out.is_contiguous():
        return weight.permute(0, 2, 3, 1).reshape(shape)
    return weight.reshape(shape)


def _equal_shapes(params: list[nn.Parameter]) -> list[list[int]]:
    """Indices grouped by matrix shape, each group within `BATCH_LIMIT` elements."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, p in enumerate(params):
        groups.setdefault(flattened(p.shape), []).append(i)
    chunks = []
    for (rows, columns), indices in groups.items():
        size = max(1, BATCH_LIMIT // (rows * columns))
        chunks += [indices[i : i + size] for i in range(0, len(indices), size)]
    return chunks


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon takes this weight: two dimensions or more, both sides longer than 4.

    Tables of learnt vectors (names that hold "embedding", "null" or "position") are not maps
    from one space to another and go to AdamW.
    """
    if parameter.ndim < 2 or min(flattened(parameter.shape)) <= 4:
        return False
    return not any(word in name for word in ("embedding", "null", "position"))


def build_optimisers(
    module: nn.Module,
    config: TrainingConfig,
    takes: Callable[[str, nn.Parameter], bool] = is_matrix,
) -> list[torch.optim.Optimizer]:
    """Muon over what `takes` picks and AdamW over the rest; AdamW alone if the config says so.

    With "muon", `rate` is Muon's and `adamw_rate` that of the rest; with "adamw", `rate` is
    the only one. Only weights of two or more dimensions decay. Every group keeps its
    undisturbed rate in `"rate"`, which `set_rate` scales. Raises ValueError for another name.
    """
    if config.optimizer not in ("muon", "adamw"):
        raise ValueError(f"optimizer is {config.optimizer!r}, but must be 'muon' or 'adamw'.")
    muon, matrices, rest, plain = config.optimizer == "muon", [], [], []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            many = parameter.ndim >= 2
            chosen = matrices if muon and takes(name, parameter) else rest if many else plain
            chosen.append(parameter)
    built: list[torch.optim.Optimizer] = []
    if matrices:
        built.append(Muon(matrices, config.rate, MOMENTUM, config.weight_decay))
    groups = [(rest, config.weight_decay), (plain, 0.0)]
    decayed = [{"params": part, "weight_decay": decay} for part, decay in groups if part]
    if decayed:
        rate = config.adamw_rate if muon else config.rate
        built.append(torch.optim.AdamW(decayed, rate, BETAS, foreach=True))
    for optimiser in built:
        for group in optimiser.param_groups:
            group["rate"] = group["lr"]
    return built


def set_rate(optimisers: Iterable[torch.optim.Optimizer], factor: float) -> None:
    """Every group's rate becomes its undisturbed rate times `factor`."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["rate"] * factor


def rate_factor(pictures: int, warmup: int, progress: float, decay: float) -> float:
    """Share of the full rate in [0, 1]: linear warm-up, constant, linear fall to zero.

    `pictures` seen so far, `warmup` pictures of warm-up, `progress` of the run in [0, 1], and
    `decay` the last share of the run in which the rate falls.
    """
    rise = min(1.0, (pictures + 1) / warmup) if warmup > 0 else 1.0
    if decay <= 0:
        return rise
    return rise * min(1.0, max(0.0, (1.0 - progress) / decay))
