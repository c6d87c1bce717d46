"""Weights in parts: each process keeps its share of weights, gradients, moments and average.

Fully sharded data parallelism through torch's `fully_shard`, with the network as one unit: keys and
values are projected before the blocks run, outside of any block's own forward. So the weights are
whole for the length of a pass and in parts otherwise. Refuses to know losses, data and files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def placed(module: nn.Module, device: torch.device, sharded: bool) -> nn.Module:
    """`module` on `device`; its weights split among all processes where it is `sharded`."""
    if not sharded:
        return module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    # Parts are cut along the first dimension of memory, which channels-last is not.
    module = module.to(device)
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    fully_shard(module, mesh=mesh, reshard_after_forward=True)
    return module


def whole(value: Any) -> Any:
    """Nested mappings and lists with every tensor in one piece on the CPU; all processes call."""
    if isinstance(value, DTensor):
        return value.full_tensor().cpu()
    if isinstance(value, Mapping):
        return {name: whole(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [whole(part) for part in value]
    return value


def parted(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor in the parts of `like`, or as it is where that is in one piece."""
    if not isinstance(like, DTensor):
        return tensor
    # Every process has read the same file: nothing needs to be sent.
    moved = tensor.to(like.device, like.dtype)
    return distribute_tensor(moved, like.device_mesh, like.placements, src_data_rank=None)


def parted_state(saved: dict[str, Any], optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """An optimiser's saved state with the moments of every weight in the parts of that weight."""
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    state = {
        index: {
            name: parted(value, weights[index]) if _belongs(value, weights[index]) else value
            for name, value in kept.items()
        }
        for index, kept in saved["state"].items()
    }
    return {**saved, "state": state}


def together(flags: Sequence[bool], device: torch.device) -> list[bool]:
    """Which flags any process raised; without other processes the flags themselves."""
    if not distributed.is_initialized():
        return list(flags)
    raised = torch.tensor(flags, dtype=torch.int32, device=device)
    distributed.all_reduce(raised, distributed.ReduceOp.MAX)
    return [bool(flag) for flag in raised.tolist()]


def number(value: Tensor) -> float:
    """A scalar whose parts may lie in several processes."""
    return float(value.full_tensor() if isinstance(value, DTensor) else value)


def part_ways(status: int = 0) -> None:
    """Ends this process with `status` where it is one of several; returns where it is alone.

    To be called last, when everything is saved: all processes wait for each other here.
    """
    if not distributed.is_initialized():
        return
    distributed.barrier()
    distributed.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    # torch's caches keep the group's threads alive beyond its end, and now and then one of them
    # aborts the interpreter's own shutdown: a finished run would be reported as a failed one.
    os._exit(status)


def _belongs(value: Any, weight: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == weight.shape
