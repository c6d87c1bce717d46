"""The loss on attention in closed form, on made-up maps and on a real network."""

import math
from dataclasses import replace

import pytest
import torch

from ediffi.build import build_denoiser
from ediffi.conditioning.embeddings import Conditioning, PaintedRegions
from ediffi.diffusion.loss import edm_loss
from ediffi.presets import preset
from ediffi.training.grounding import attention_of, grounding_loss
from ediffi.training.objective import Objective


def conditioning(rows: int = 1, t5: int = 192, clip: int = 128) -> Conditioning:
    """Two parts on a 4 x 4 page: the left half is column 0, the quarter top right column 1."""
    masks = torch.zeros(rows, 2, 4, 4)
    masks[:, 0, :, :2] = 1
    masks[:, 1, :2, 2:] = 1
    columns = torch.eye(2, 3).expand(rows, 2, 3)
    painting = PaintedRegions(
        masks,
        columns,
        torch.zeros(rows, 2, 2),
        torch.ones(rows, 2),
        torch.zeros(rows, 2),
        torch.full((rows, 2), math.inf),
    )
    return Conditioning(
        t5=torch.randn(rows, 3, t5),
        t5_mask=torch.ones(rows, 3, dtype=torch.bool),
        clip=torch.randn(rows, 2, clip),
        clip_mask=torch.ones(rows, 2, dtype=torch.bool),
        clip_pooled=torch.randn(rows, clip),
        clip_image=torch.randn(rows, clip),
        clip_image_mask=torch.zeros(rows, dtype=torch.bool),
        painting=painting,
    )


def perfect() -> torch.Tensor:
    """Attention (1, 2, 16, 7): context columns are 2 of CLIP, 3 of T5, image, null."""
    maps = torch.zeros(1, 2, 4, 4, 7)
    maps[..., 6] = 1
    maps[:, 0, :, :2] = torch.eye(7)[2]
    maps[:, 0, :2, 2:] = torch.eye(7)[3]
    return maps.flatten(2, 3)


def test_attention_on_the_right_words_costs_nothing():
    assert grounding_loss([perfect()], conditioning()).item() == pytest.approx(0, abs=1e-6)


def test_even_attention_costs_the_log_of_what_is_missed():
    even = torch.full((1, 2, 16, 7), 1 / 7)
    expected = 0.5 * (-math.log(1 / 7) - math.log(5 / 7))
    assert grounding_loss([even], conditioning()).item() == pytest.approx(expected, rel=1e-5)


def test_only_the_first_half_of_the_heads_is_asked():
    maps = perfect()
    maps[:, 1] = 1 / 7
    assert grounding_loss([maps], conditioning()).item() == pytest.approx(0, abs=1e-6)


def test_dropped_words_ask_for_nothing():
    cond = conditioning().keep({"t5": torch.tensor([False])})
    assert cond.painting is not None
    assert grounding_loss([torch.full((1, 2, 16, 7), 1 / 7)], cond).item() == 0


def test_the_objective_adds_it_and_the_network_sees_no_painting():
    torch.manual_seed(0)
    config = preset("tiny").base
    network = build_denoiser(config)
    cond = conditioning(2, config.encoders.t5, config.encoders.clip)
    x0, noise, sigma = torch.randn(2, 3, 16, 16), torch.randn(2, 3, 16, 16), torch.ones(2)
    plain = Objective(network, edm_loss, False, "fp32")
    grounded = Objective(network, edm_loss, False, "fp32", grounding=0.5)
    without, losses, nothing = plain(x0, sigma, noise, replace(cond, painting=None))
    total, same, ungrounded = grounded(x0, sigma, noise, cond)
    assert nothing.item() == 0 and ungrounded.item() > 0
    torch.testing.assert_close(losses, same)
    torch.testing.assert_close(total.detach(), without.detach() + 0.5 * ungrounded)


def test_training_on_it_alone_grounds_the_attention():
    torch.manual_seed(0)
    config = preset("tiny").base
    network = build_denoiser(config)
    cond = conditioning(2, config.encoders.t5, config.encoders.clip)
    x = torch.randn(2, 3, 16, 16)
    x[:, :, :, :8] += 2
    x[:, :, :8, 8:] -= 2
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    seen = []
    for _ in range(60):
        with attention_of(network) as attention:
            network(x, torch.full((2,), 0.5), replace(cond, painting=None))
        loss = grounding_loss(attention, cond)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen.append(loss.item())
    assert seen[-1] < 0.3 * seen[0]
