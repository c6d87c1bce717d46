"""Small pictures made anew by a base: from which level, whose, kept, and who meets them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ediffi import images
from ediffi.build import build_denoiser
from ediffi.cascade.degradation import Degradation
from ediffi.cascade.diagnostics import shrunk
from ediffi.conditioning.cache import build_cache, mapped
from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import SamplingConfig
from ediffi.presets import preset
from ediffi.training import checkpoint, lineage, parts, plans
from ediffi.training.cascade_data import REMADE_SHARE, CropSource
from ediffi.training.data import ShardSource
from ediffi.training.remade import Levels, Remade, Remaker, remade_path
from ediffi.weights import save_network
from tests.training.worlds import SIZE, CountingEncoders, write_shards

SAMPLING = SamplingConfig(steps=12, guidance=1.0)
LEVELS = Levels(0.3, 2.0)


class Believer(nn.Module):
    """Says that every clean picture is `answer`, and writes down what it was asked."""

    def __init__(self, answer: float = 0.5):
        super().__init__()
        self.answer = nn.Parameter(torch.tensor(answer))
        self.asked: list[tuple[torch.Tensor, float, Conditioning]] = []

    def forward(self, x, sigma, cond):
        self.asked.append((x.clone(), float(sigma[0]), cond))
        return torch.full_like(x, float(self.answer))


def made_by(module, folder, mark="one", levels=LEVELS):
    shards = write_shards(folder)
    build_cache(shards, CountingEncoders())
    return shards, Remaker(module, SAMPLING, SIZE // 2, levels, mark)


def test_a_picture_is_sampled_from_its_own_noised_self_to_what_the_base_believes(tmp_path):
    base = Believer()
    shards, remaker = made_by(base, tmp_path)
    assert remaker.remake(shards) == 9
    made = mapped(remade_path(shards[0]))["pictures"]
    assert made.shape == (5, SIZE // 2, SIZE // 2, 3) and made.dtype == torch.uint8
    assert torch.equal(made, images_of(0.5, made))
    large = mapped(shards[0])["images"].permute(0, 3, 1, 2) / 127.5 - 1
    first, sigma, cond = base.asked[0]
    noise = (first - shrunk(large, (SIZE // 2, SIZE // 2))) / sigma
    assert LEVELS.low <= sigma <= LEVELS.high
    assert abs(float(noise.mean())) < 0.3 and float(noise.std()) == pytest.approx(1, abs=0.2)
    assert cond.t5_mask.any() and not cond.clip_image_mask.any()


def images_of(value: float, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(images.to_uint8(torch.full((len(like), 3, *like.shape[1:3]), value)))


def test_what_is_made_is_kept_until_base_or_levels_are_others(tmp_path):
    shards, remaker = made_by(Believer(), tmp_path)
    told = []
    assert remaker.remake(shards[:1], told.append) == 5 and told == [5]
    assert remaker.remake(shards) == 4
    assert remaker.remake(shards) == 0
    assert replace(remaker, levels=Levels(0.3, 1.0)).remake(shards) == 9
    assert replace(remaker, mark="other").remake(shards) == 9
    path = remade_path(shards[0])
    whole = mapped(path)["pictures"].clone()
    path.write_bytes(path.read_bytes()[:40])
    assert replace(remaker, mark="other").remake(shards) == 5
    # Not the bytes of the file: its header is in no fixed order.
    assert torch.equal(mapped(path)["pictures"], whole)


@pytest.mark.parametrize(
    "low, high", [(0, 1), (2, 1), (1, 1), (1, float("inf")), (float("nan"), 1)]
)
def test_levels_that_do_not_rise_are_refused(low, high):
    with pytest.raises(ValueError, match="remade from sigma .* must rise"):
        Levels(low, high)


def test_levels_are_even_in_their_logarithm():
    assert LEVELS.at(0) == 0.3 and LEVELS.at(1) == pytest.approx(2.0)
    assert LEVELS.at(0.5) == pytest.approx((0.3 * 2.0) ** 0.5)


def test_a_stage_meets_remade_pictures_where_its_crop_lies_and_true_ones_besides(tmp_path):
    shards, _ = made_by(Believer(), tmp_path)
    source = ShardSource(tmp_path)
    with pytest.raises(FileNotFoundError, match="remade-00000.safetensors is missing"):
        Remade.beside(source)
    # Every small pixel of every picture is another number, so that a crop says where it lies.
    numbers = np.arange(9 * 16, dtype=np.uint8).reshape(9, 4, 4, 1).repeat(3, 3)
    remade = Remade(source, (numbers[:5], numbers[5:]))
    clean = Degradation(strength=0.0)
    positions = range(400)
    plain = CropSource(source, 2, crop=4, degradation=clean).batch(positions)
    both = CropSource(source, 2, crop=4, degradation=clean, remade=remade).batch(positions)
    assert torch.equal(both.x0, plain.x0)
    own = (both.cond.low_res != plain.cond.low_res).flatten(1).any(1)
    assert float(own.float().mean()) == pytest.approx(REMADE_SHARE, abs=0.07)
    assert torch.equal(both.cond.low_res[~own], plain.cond.low_res[~own])
    small = shrunk(source.batch(positions).x0, (4, 4))
    pictures = source.pictures(positions)
    for row in own.nonzero()[:40, 0].tolist():
        value = int((both.cond.low_res[row, 0, 0, 0] + 1) * 127.5 + 0.5)
        picture, y, x = value // 16, value % 16 // 4, value % 4
        assert picture == pictures[row]
        part = small[row, :, y : y + 2, x : x + 2]
        assert torch.allclose(part, plain.cond.low_res[row], atol=1e-6)


def test_whole_pictures_and_their_remade_ones_belong_together(tmp_path):
    shards, remaker = made_by(Believer(), tmp_path)
    remaker.remake(shards)
    source = ShardSource(tmp_path)
    batch = CropSource(source, 2, remade=Remade.beside(source)).batch(range(9))
    believed = (batch.cond.low_res - 0.5).abs().flatten(1).amax(1) < 0.01
    assert 0 < int(believed.sum()) < 9


def test_small_pictures_are_remade_by_the_last_base_or_by_the_one_that_is_given(tmp_path):
    plan, base = plans.plan("tiny"), preset("tiny").base
    recipe = parts.Recipe(tmp_path, plan)
    with pytest.raises(FileNotFoundError, match="holds no trained base yet"):
        recipe.remake(plan.phase("sr32"))
    for name in ("base16", "baseline", "high"):
        torch.manual_seed(len(name))
        own = build_denoiser(base)
        state = {"name": name, "config": {}, "pictures": 8, "steps": 1, "seconds": 1.0}
        state |= {"decaying": False, "ema": own.state_dict()}
        checkpoint.save(tmp_path / name / checkpoint.FILE, state)
        last = "base16" if name == "base16" else "baseline"
        if name == last:
            mark = lineage.weights_mark(own.state_dict())
        assert recipe.remake(plan.phase("sr32")) == {"by": mark, "made": 0}
    save_network(tmp_path / "given", own, base, {}, torch.float32)
    given = parts.Recipe(tmp_path, plan, start=tmp_path / "given").remake(plan.phase("sr32"))
    assert given["by"] == lineage.weights_mark(own.state_dict()) != mark


def test_the_base_comes_before_what_it_remakes_and_that_before_the_stages(tmp_path):
    names = [part.name for part in parts.Recipe(tmp_path, plans.plan("tiny")).parts()]
    assert names.index("low") < names.index("remake") == names.index("sr32") - 1
    plain = plans.plan("tiny").with_phase(replace(plans.plan("tiny").phase("sr32"), remade=None))
    branches = [replace(p, remade=None) for p in plain.phases if p.name.startswith("sr32-")]
    for branch in branches:
        plain = plain.with_phase(branch)
    assert "remake" not in [part.name for part in parts.Recipe(tmp_path, plain).parts()]
