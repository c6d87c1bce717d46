"""The learnt weight finds the log of the mean loss; unweighted losses are reported as they are."""

import pytest
import torch
from torch import nn

from ediffi.build import build_denoiser
from ediffi.conditioning.embeddings import Conditioning
from ediffi.diffusion.loss import edm_loss
from ediffi.presets import preset
from ediffi.training.objective import Objective, SigmaWeight


def test_the_table_is_read_linearly_in_log_sigma():
    weight = SigmaWeight(nodes=3, low=0.01, high=100.0)
    with torch.no_grad():
        weight.table.copy_(torch.tensor([0.0, 1.0, 3.0]))
    sigma = torch.tensor([0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1e6])
    expected = torch.tensor([0.0, 0.0, 0.5, 1.0, 2.0, 3.0, 3.0])
    assert torch.allclose(weight(sigma), expected, atol=1e-5)


def test_at_the_optimum_u_is_the_log_of_the_loss():
    weight = SigmaWeight(nodes=4)
    optimiser = torch.optim.Adam(weight.parameters(), 0.05)
    sigma = torch.logspace(-2.5, 1.8, 64)
    for _ in range(400):
        u = weight(sigma)
        optimiser.zero_grad()
        (0.2 * torch.exp(-u) + u).mean().backward()
        optimiser.step()
    assert torch.allclose(weight(sigma).exp(), torch.full((64,), 0.2), rtol=0.02)


def test_losses_are_reported_without_the_weight():
    def loss(network, x0, sigma, noise, cond):
        return network(x0).square().mean(1)

    objective = Objective(nn.Identity(), loss, True, "fp32", torch.device("cpu"))
    weight = objective.weight
    assert weight is not None
    with torch.no_grad():
        weight.table.fill_(2.0)
    total, losses = objective(torch.ones(3, 4), torch.ones(3), torch.zeros(3, 4), None)
    assert torch.equal(losses, torch.ones(3))
    assert total.item() == pytest.approx(torch.tensor(-2.0).exp().item() + 2)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="fp8"):
        Objective(nn.Identity(), lambda *a: a[1], False, "fp8", torch.device("cpu"))


def test_the_storybooks_objective_is_one_graph():
    """A compiled run is fast only if nothing cuts the graph: `fullgraph` raises where it is."""
    base = preset("storybook").base
    objective = Objective(build_denoiser(base), edm_loss, True, "bf16", torch.device("cpu"))
    dims, generator = base.encoders, torch.Generator().manual_seed(0)
    cond = Conditioning(
        t5=torch.randn(2, 8, dims.t5, generator=generator),
        t5_mask=torch.ones(2, 8, dtype=torch.bool),
        clip=torch.randn(2, 8, dims.clip, generator=generator),
        clip_mask=torch.ones(2, 8, dtype=torch.bool),
        clip_pooled=torch.randn(2, dims.pooled, generator=generator),
        clip_image=torch.randn(2, dims.image, generator=generator),
        clip_image_mask=torch.ones(2, dtype=torch.bool),
    )
    x0, noise = torch.randn(2, 2, 3, 64, 64, generator=generator).unbind(0)
    sigma = torch.tensor([0.3, 3.0])
    traced = torch.compile(objective, dynamic=False, fullgraph=True, backend="eager")
    total, losses = traced(x0, sigma, noise, cond)
    plain_total, plain_losses = objective(x0, sigma, noise, cond)
    assert torch.equal(losses, plain_losses)
    assert total.item() == plain_total.item()
