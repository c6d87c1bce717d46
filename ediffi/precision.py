"""Which devices can be used here, what they are, and which number format each multiplies fastest.

It knows devices, never what is computed.
"""

from __future__ import annotations

import torch


def usable_device(name: str) -> torch.device:
    """The device of this name; ValueError in one sentence when nothing can be computed there."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"The device {name!r} cannot be used here: {reason}") from None
    return device


def processor(device: torch.device) -> str:
    """What multiplies there: a GPU by its name, a CPU by its instructions ("AVX512 with AMX")."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    widest = torch.backends.cpu.get_cpu_capability()
    if torch.cpu._is_amx_tile_supported():
        return f"{widest} with AMX"
    return f"{widest} with BF16" if torch.cpu._is_avx512_bf16_supported() else widest


def fastest_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it in hardware, float32 elsewhere."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        # Matrix units or AVX-512's dot products: with the latter alone a training step took 0.64 of
        # float32's time and sampling 0.6. Where it is emulated, 60 times as long was measured.
        here = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        fast = device.type == "cpu" and here
    return torch.bfloat16 if fast else torch.float32


def half_precision(device: torch.device, wanted: bool = True) -> torch.autocast:
    """bfloat16 matrix products inside the block if they are `wanted` and fast on this device."""
    fast = fastest_dtype(device) is torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and fast)
