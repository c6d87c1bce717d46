"""Muon against its property, a plain reference and torch's own; the course of the rate."""

import pytest
import torch
from torch import nn

from ediffi.config import TrainingConfig
from ediffi.training import optim


def test_orthogonalised_matrices_have_singular_values_near_one():
    generator = torch.Generator().manual_seed(0)
    for shape in ((3, 16, 64), (2, 64, 16), (1, 32, 32)):
        x = optim.orthogonalise(torch.randn(shape, generator=generator)).float()
        values = torch.linalg.svdvals(x)
        assert x.shape == shape
        assert values.max() < 1.3 and values.median() > 0.6


def test_orthogonalising_keeps_the_singular_vectors():
    x = torch.diag(torch.tensor([3.0, 1.0, 0.5]))[None]
    y = optim.orthogonalise(x)[0].float()
    off = y - torch.diag(torch.diag(y))
    assert off.abs().max() < 0.02
    assert (torch.diag(y) > 0.6).all()


def test_a_batch_equals_one_by_one():
    x = torch.randn(5, 12, 20, generator=torch.Generator().manual_seed(1))
    together = optim.orthogonalise(x)
    alone = torch.cat([optim.orthogonalise(x[i : i + 1]) for i in range(5)])
    assert (together.float() - alone.float()).abs().max() < 0.02


def test_matches_the_reference_of_torch():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(24, 8, bias=False), nn.Linear(24, 8, bias=False)
    theirs.load_state_dict(ours.state_dict())
    a = optim.Muon(ours.parameters(), lr=0.01, momentum=0.9, weight_decay=0.1)
    b = torch.optim.Muon(
        theirs.parameters(), lr=0.01, momentum=0.9, weight_decay=0.1,
        adjust_lr_fn="match_rms_adamw",
    )  # fmt: skip
    for _ in range(5):
        x = torch.randn(4, 24)
        for net, optimiser in ((ours, a), (theirs, b)):
            optimiser.zero_grad()
            net(x).square().sum().backward()
            optimiser.step()
    assert torch.allclose(ours.weight, theirs.weight, atol=2e-3)


def test_update_has_the_promised_size_whatever_the_gradient():
    torch.manual_seed(0)
    for scale in (1e-6, 1.0, 1e4):
        conv = nn.Conv2d(16, 32, 3)
        before = conv.weight.detach().clone()
        conv.weight.grad = torch.randn_like(conv.weight) * scale
        optim.Muon([p for p in conv.parameters() if p.ndim == 4], lr=1e-2).step()
        rms = (conv.weight - before).square().mean().sqrt().item()
        assert rms == pytest.approx(0.2 * 1e-2, rel=0.25)


def test_the_layout_in_memory_does_not_matter():
    torch.manual_seed(0)
    start, gradient = torch.randn(16, 8, 3, 3), torch.randn(16, 8, 3, 3)
    updated = []
    for layout in (torch.contiguous_format, torch.channels_last):
        weight = nn.Parameter(start.clone().contiguous(memory_format=layout))
        weight.grad = gradient.clone()
        optim.Muon([weight], lr=0.1).step()
        updated.append(weight.detach())
    assert not torch.equal(updated[0], start)
    assert torch.allclose(updated[0], updated[1], atol=1e-3)


def test_vectors_are_refused():
    with pytest.raises(ValueError, match="2 or more"):
        optim.Muon([nn.Parameter(torch.zeros(3))])


def test_every_trainable_weight_has_one_optimiser():
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.GroupNorm(4, 16), nn.Conv2d(16, 3, 1))
    net[1].weight.requires_grad_(False)
    built = optim.build_optimisers(net, TrainingConfig(1, 1, optimizer="muon", weight_decay=0.1))
    held = [p for o in built for g in o.param_groups for p in g["params"]]
    assert len(held) == len({id(p) for p in held}) == 5
    assert {type(o).__name__ for o in built} == {"Muon", "AdamW"}
    assert [g["weight_decay"] for g in built[1].param_groups] == [0.1, 0.0]
    assert net[0].weight is built[0].param_groups[0]["params"][0]


def test_adamw_alone_when_asked_and_nothing_else_by_name():
    built = optim.build_optimisers(nn.Linear(8, 8), TrainingConfig(1, 1, optimizer="adamw"))
    assert [type(o).__name__ for o in built] == ["AdamW"]
    with pytest.raises(ValueError, match="sgd"):
        optim.build_optimisers(nn.Linear(8, 8), TrainingConfig(1, 1, optimizer="sgd"))


def test_rate_warms_up_stays_and_falls():
    def at(pictures, progress):
        return optim.rate_factor(pictures, 100, progress, 0.2)

    assert at(49, 0.01) == pytest.approx(0.5)
    assert at(500, 0.5) == at(500, 0.79) == 1.0
    assert at(500, 0.9) == pytest.approx(0.5)
    assert at(500, 1.0) == 0.0
    assert optim.rate_factor(500, 0, 1.0, 0.0) == 1.0


def test_set_rate_scales_from_the_undisturbed_rate():
    config = TrainingConfig(1, 1, optimizer="muon", rate=0.01, adamw_rate=0.1)
    built = optim.build_optimisers(nn.Linear(8, 8), config)
    optim.set_rate(built, 0.5)
    optim.set_rate(built, 0.1)
    assert built[0].param_groups[0]["lr"] == pytest.approx(0.001)
    assert built[1].param_groups[0]["lr"] == pytest.approx(0.01)
