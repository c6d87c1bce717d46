"""A resident source answers what the shards answer, in two widths and on its own device."""

import pytest
import torch

from ediffi.conditioning.cache import MULTIPLE
from ediffi.training import loop, resident
from ediffi.training.data import ShardSource
from ediffi.training.job import Fitted
from ediffi.training.resident import ResidentSource
from tests.training.worlds import job, world

CPU = torch.device("cpu")


def same(fast, slow):
    """Whether two batches agree once the columns that hold nothing are gone."""
    a, b = fast.cond.trimmed(), slow.cond.trimmed()
    names = ("t5", "t5_mask", "clip", "clip_mask", "clip_pooled", "clip_image", "clip_image_mask")
    conds = all(torch.equal(getattr(a, n), getattr(b, n)) for n in names)
    return conds and torch.equal(fast.x0, slow.x0) and torch.equal(fast.index, slow.index)


@pytest.mark.parametrize("resolution", [None, 4])
def test_it_answers_what_the_shards_answer(tmp_path, resolution):
    source = world(tmp_path, long_share=0.4, block=4, resolution=resolution)
    fast = ResidentSource(source, CPU)
    assert len(fast) == len(source)
    for start in range(0, 60, 4):
        positions = range(start, start + 4)
        assert same(fast.batch(positions), source.batch(positions))
        assert fast.texts(positions) == source.texts(positions)


def test_a_batch_has_one_of_two_widths(tmp_path):
    source = world(tmp_path, long_share=0.4, block=4)
    fast = ResidentSource(source, CPU)
    widths = {fast.batch(range(i, i + 4)).cond.t5.shape[1] for i in range(0, 200, 4)}
    assert len(widths) == 2 and all(width % MULTIPLE == 0 for width in widths)


def test_a_run_on_it_learns_what_a_run_on_the_shards_learns(tmp_path):
    source = world(tmp_path / "data", long_share=0.4, block=4)

    def run(name, given) -> Fitted:
        return loop.fit(job(tmp_path / name, given))

    slow, fast = run("shards", source), run("resident", ResidentSource(source, CPU))
    assert fast.pictures == slow.pictures == 32
    for name, value in slow.ema.tensors.items():
        assert torch.allclose(fast.ema.tensors[name], value, atol=1e-5), name


def test_only_a_gpu_with_room_is_given_a_source(tmp_path, monkeypatch):
    source = world(tmp_path)
    assert resident.brought(source, CPU) is source
    size = resident.size_of(source)
    made = []
    monkeypatch.setattr(resident, "ResidentSource", lambda s, d: made.append(d) or "there")
    gpu = torch.device("cuda")
    for free, there in ((2 * size, True), (2 * size - 2, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, free))
        assert (resident.brought(source, gpu) == "there") is there
    assert made == [gpu]


def test_its_size_counts_pictures_and_tokens(tmp_path):
    source = world(tmp_path)
    fast = ResidentSource(source, CPU)
    held = (fast.images, fast.pooled, fast.image, fast.t5.values, fast.clip.values)
    assert resident.size_of(source) == sum(t.nbytes for t in held)


def test_every_shard_is_there_and_in_its_place(tmp_path):
    source = world(tmp_path)
    fast = ResidentSource(source, CPU)
    for picture, shard, row in ((0, 0, 0), (5, 1, 0), (8, 1, 3)):
        assert torch.equal(fast.images[picture], torch.from_numpy(source.images[shard][row]))
    assert isinstance(fast.source, ShardSource)
