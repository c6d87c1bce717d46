"""The running average against its closed forms; swapping always swaps back."""

import math

import pytest
import torch
from torch import nn

from ediffi.training.ema import Ema, decay


def test_the_product_of_decays_is_a_power_of_the_share_of_the_run():
    # Half-lives that are a share of the time so far make the weight of an old step t/T to the
    # power ln 2 / share, in the limit of small batches.
    share, kept = 0.1, 1.0
    for pictures in range(5_001, 10_001):
        kept *= decay(pictures, 1, share)
    assert kept == pytest.approx(0.5 ** (math.log(2) / share), rel=0.01)


def test_the_average_of_a_line_lags_as_the_power_function_says():
    share = 0.05
    module, average = nn.Linear(1, 1, bias=False), 0.0
    ema = Ema(module)
    for pictures in range(1, 4_001):
        with torch.no_grad():
            module.weight.fill_(float(pictures))
        ema.update(module, decay(pictures, 1, share))
        average = ema.tensors["weight"].item()
    power = math.log(2) / share
    assert average == pytest.approx(4_000 * power / (power + 1), rel=0.005)


def test_no_share_means_no_memory():
    module = nn.Linear(2, 2)
    ema = Ema(module)
    with torch.no_grad():
        module.weight.add_(1)
    ema.update(module, decay(100, 10, 0.0))
    assert torch.equal(ema.tensors["weight"], module.weight)


def test_swapping_restores_weights_and_mode_even_after_an_error():
    layer = nn.Linear(2, 2)
    module = nn.Sequential(layer, nn.BatchNorm1d(2)).train()
    ema = Ema(module)
    with torch.no_grad():
        layer.weight.add_(1)
    trained = layer.weight.clone()
    with pytest.raises(RuntimeError, match="inside"), ema.swapped_in(module):
        assert not module.training
        assert not torch.equal(layer.weight, trained)
        raise RuntimeError("inside")
    assert module.training and torch.equal(layer.weight, trained)
