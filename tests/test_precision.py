"""The number format follows the device, which has a name, and the block obeys it."""

import pytest
import torch

from ediffi.precision import fastest_dtype, half_precision, processor


def test_products_inside_the_block_have_the_fastest_format():
    device = torch.device("cpu")
    with half_precision(device):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype is fastest_dtype(device)


@pytest.mark.parametrize(
    ("tiles", "dots", "fastest", "name"),
    [
        (True, True, torch.bfloat16, "AVX512 with AMX"),
        (True, False, torch.bfloat16, "AVX512 with AMX"),
        (False, True, torch.bfloat16, "AVX512 with BF16"),
        (False, False, torch.float32, "AVX512"),
    ],
)
def test_bfloat16_where_the_cpu_multiplies_it_in_hardware(monkeypatch, tiles, dots, fastest, name):
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: dots)
    assert fastest_dtype(torch.device("cpu")) is fastest
    assert processor(torch.device("cpu")) == name


def test_nothing_changes_when_it_is_not_wanted(monkeypatch):
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: True)
    with half_precision(torch.device("cpu"), wanted=False):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
