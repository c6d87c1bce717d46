"""Running out of memory, told in one sentence that says what to lower.

torch has one error for it on an accelerator, another on a CPU, and Python has its own: whoever
samples wants to say the same about all three. It knows no network and frees nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# How the allocators of torch word it on a CPU, where the error has no class of its own.
_WORDS = ("not enough memory", "can't allocate memory", "cannot allocate memory")


def ran_out(error: BaseException) -> bool:
    """Whether `error` says that there was no memory left, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    told = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in told for words in _WORDS)


@contextmanager
def memory_for(what: str, lower: str) -> Iterator[None]:
    """Turns running out of memory within the block into a ValueError of one sentence.

    `what` is being made, `lower` says what to ask for instead: "2 pictures of 1024 px" and "ask for
    fewer pictures at once". Every other error passes as it is.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        raise ValueError(f"There is not enough memory for {what}: {lower}.") from error
