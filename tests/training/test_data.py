"""Batches by position: every picture once an epoch, fitting captions, area-averaged pictures."""

import json

import numpy as np
import pytest
import torch

from ediffi.conditioning import cache
from ediffi.training.data import ShardSource, prefetched
from tests.training.worlds import CountingEncoders, world, write_shards


def test_an_epoch_covers_every_picture_once_and_the_next_in_another_order(tmp_path):
    source = world(tmp_path)
    first, second = source.pictures(range(9)), source.pictures(range(9, 18))
    assert len(source) == 9
    assert sorted(first) == sorted(second) == list(range(9))
    assert list(first) != list(second)
    assert list(source.pictures([8, 9, 0])) == [first[8], second[0], first[0]]


def test_batches_do_not_depend_on_how_positions_are_split(tmp_path):
    source = world(tmp_path)
    whole, part = source.batch(range(8)), ShardSource(tmp_path).batch(range(5, 8))
    assert torch.equal(whole.x0[5:], part.x0)
    assert torch.equal(whole.cond.clip_pooled[5:], part.cond.clip_pooled)
    assert torch.equal(part.index, torch.tensor([5, 6, 7]))


def test_caption_and_picture_belong_together(tmp_path):
    source = world(tmp_path, long_share=0.5, block=2)
    positions = range(40)
    numbers = [int(text.split()[2 if "a" in text.split()[:1] or "one" in text else 1])
               for text in source.texts(positions)]  # fmt: skip
    assert numbers == list(source.pictures(positions))
    images = cache.mapped(source.shards[0])["images"]
    batch = source.batch(positions)
    for row, picture in enumerate(source.pictures(positions)):
        if picture < len(images):
            want = images[picture].permute(2, 0, 1).float() / 127.5 - 1
            assert torch.allclose(batch.x0[row], want)
            assert torch.allclose(batch.cond.clip_image[row], want.mean((1, 2)), atol=1e-3)


def test_long_captions_come_in_blocks_and_in_their_share(tmp_path):
    source = world(tmp_path, long_share=0.25, block=4)
    long = np.array([len(t.split()) > 25 for t in source.texts(range(1600))])
    blocks = long.reshape(-1, 4)
    assert (blocks.all(1) | ~blocks.any(1)).all()
    assert 0.17 < long.mean() < 0.33
    shorts = {t.split()[0] for t in source.texts(range(400)) if len(t.split()) <= 25}
    assert shorts == {"a", "one"}


def test_a_lower_resolution_is_the_area_average(tmp_path):
    full = world(tmp_path).batch(range(6)).x0
    half = ShardSource(tmp_path, resolution=4).batch(range(6)).x0
    assert half.shape == (6, 3, 4, 4)
    assert torch.allclose(half, torch.nn.functional.avg_pool2d(full, 2), atol=1e-6)
    assert half.min() >= -1 and half.max() <= 1
    with pytest.raises(ValueError, match="resolution is 3, but must divide 8"):
        ShardSource(tmp_path, resolution=3)


def test_missing_shards_and_caches_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="shard"):
        ShardSource(tmp_path)
    world(tmp_path)
    cache.cache_path(tmp_path / "shard-00001.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="cache-00001"):
        ShardSource(tmp_path)


def test_sidecars_are_what_texts_reads(tmp_path):
    source = world(tmp_path)
    sidecars = [shard.with_suffix(".jsonl").read_text() for shard in source.shards]
    lines = [json.loads(line) for text in sidecars for line in text.splitlines()]
    known = {caption["text"] for line in lines for caption in line["captions"]}
    assert set(source.texts(range(18))) <= known


def test_prefetching_keeps_the_order_and_raises_where_the_item_would_be():
    def make(n):
        if n == 5:
            raise ValueError("item five")
        return n

    items = prefetched(make, 2, ahead=2)
    assert [next(items) for _ in range(3)] == [2, 3, 4]
    with pytest.raises(ValueError, match="item five"):
        next(items)
    endless = prefetched(lambda n: n, 0)
    assert next(endless) == 0
    endless.close()


def test_other_styles_come_by_turns_and_flat_scenes_always(tmp_path):
    (shard,) = write_shards(tmp_path, counts=(12,))
    cache.build_cache([shard], CountingEncoders())
    styles = ["flat"] * 4 + ["crayon"] * 8
    lines = [json.loads(line) for line in shard.with_suffix(".jsonl").read_text().splitlines()]
    for line, style in zip(lines, styles, strict=True):
        line["scene"] = {"style": style, "things": []}
    shard.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = ShardSource(tmp_path, other_styles=0.25)
    assert len(source) == 4 + 2
    epochs = [set(source.pictures(range(6 * e, 6 * e + 6)).tolist()) for e in range(4)]
    assert all({0, 1, 2, 3} <= epoch and len(epoch) == 6 for epoch in epochs)
    assert set.union(*epochs) == set(range(12))
    with pytest.raises(ValueError, match="other_styles is 0"):
        ShardSource(tmp_path, other_styles=0)


def test_crowded_scenes_can_be_left_out(tmp_path):
    (shard,) = write_shards(tmp_path, counts=(6,))
    cache.build_cache([shard], CountingEncoders())
    lines = [json.loads(line) for line in shard.with_suffix(".jsonl").read_text().splitlines()]
    for line, things in zip(lines, (1, 2, 3, 4, 2, 1), strict=True):
        line["scene"] = {"style": "flat", "things": [{}] * things}
    shard.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = ShardSource(tmp_path, most_things=2)
    assert set(source.pictures(range(len(source))).tolist()) == {0, 1, 4, 5}
    assert len(ShardSource(tmp_path)) == 6
    with pytest.raises(ValueError, match="no scene has at most 0 things"):
        ShardSource(tmp_path, most_things=0)


def test_several_folders_are_one_set(tmp_path):
    for name in ("one", "two"):
        cache.build_cache(write_shards(tmp_path / name), CountingEncoders())
    both = ShardSource([tmp_path / "one", tmp_path / "two"])
    assert len(both) == 2 * len(ShardSource(tmp_path / "one"))
    with pytest.raises(FileNotFoundError, match="three holds no shard"):
        ShardSource([tmp_path / "one", tmp_path / "three"])
