"""The number format follows the device, and the block obeys it."""

import torch

from ediffi.precision import fastest_dtype, half_precision


def test_products_inside_the_block_have_the_fastest_format():
    device = torch.device("cpu")
    with half_precision(device):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype is fastest_dtype(device)


def test_nothing_changes_when_it_is_not_wanted(monkeypatch):
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: True)
    assert fastest_dtype(torch.device("cpu")) is torch.bfloat16
    with half_precision(torch.device("cpu"), wanted=False):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32


def test_emulated_bfloat16_is_not_chosen(monkeypatch):
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: False)
    assert fastest_dtype(torch.device("cpu")) is torch.float32
