"""Three ways of running out of memory, one sentence; every other error passes untouched."""

import pytest
import torch

from ediffi.memory import memory_for, ran_out
from tests.fakes import tiny_pipeline

CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you"
    " tried to allocate 4398046511104 bytes. Error code 12 (Cannot allocate memory)"
)


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), CPU]
)
def test_says_what_was_made_and_what_to_lower(error):
    with pytest.raises(ValueError, match=r"^There is not enough memory for 2 pictures: ask .*\.$"):
        with memory_for("2 pictures", "ask for one"):
            raise error


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no"), OSError("no")])
def test_other_errors_pass(error):
    with pytest.raises(type(error)) as met, memory_for("2 pictures", "ask for one"):
        raise error
    assert met.value is error


def test_the_allocator_of_this_machine_is_understood():
    with pytest.raises(RuntimeError) as met:
        torch.empty(2**60, dtype=torch.uint8)
    assert ran_out(met.value)


def test_sampling_says_what_to_lower(monkeypatch):
    model = tiny_pipeline()

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(model.model.denoiser, "forward", full)
    asked = [model.request("a fox", seed=seed, steps=2) for seed in (1, 2)]
    with pytest.raises(ValueError, match="memory for 2 pictures of 16 px: ask for fewer pictures"):
        model.generate_many(asked)
    with pytest.raises(ValueError, match="memory for one picture of 16 px: close other programs"):
        model.generate("a fox", steps=2)
