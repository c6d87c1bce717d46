"""Cached embeddings equal direct encoding, hold real tokens only, and resume."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ediffi.conditioning import cache
from tests.training.worlds import CountingEncoders, write_shards


def test_cached_equals_direct_encoding(tmp_path):
    shards = write_shards(tmp_path)
    encoders = CountingEncoders()
    paths = cache.build_cache(shards, encoders, batch=4)
    texts, owners = cache.captions_of(shards[1])
    cached = cache.CachedEmbeddings(paths[1])
    chosen = [0, 2, 4, 7]
    cond = cache.gather([(cached, i, owners[i]) for i in chosen], multiple=8)
    direct = encoders.encode_text([texts[i] for i in chosen])
    for name in ("t5", "clip"):
        have, mask = getattr(cond, name), getattr(cond, f"{name}_mask")
        want, columns = getattr(direct, name), direct.t5.shape[1]
        columns = want.shape[1]
        assert have.shape[1] % 8 == 0 and have.shape[1] - columns < 8
        assert torch.equal(mask[:, :columns], getattr(direct, f"{name}_mask"))
        assert not mask[:, columns:].any() and not have[~mask].any()
        assert torch.allclose(have[:, :columns], want, atol=1e-3)
    assert torch.allclose(cond.clip_pooled, direct.clip_pooled, atol=1e-3)
    images = cache.mapped(shards[1])["images"][[owners[i] for i in chosen]]
    direct_images = encoders.encode_image(images.permute(0, 3, 1, 2).float() / 127.5 - 1)
    assert torch.allclose(cond.clip_image, direct_images, atol=1e-3)
    assert cond.clip_image_mask.all()


def test_only_real_tokens_in_half_precision(tmp_path):
    shards = write_shards(tmp_path, counts=(3,))
    (path,) = cache.build_cache(shards, CountingEncoders())
    tensors = load_file(path)
    texts, _ = cache.captions_of(shards[0])
    assert len(tensors["t5"]) == sum(map(len, texts)) == tensors["t5_offsets"][-1]
    assert len(tensors["clip"]) == sum(len(t.split()) for t in texts)
    assert {str(tensors[n].dtype) for n in ("t5", "clip", "clip_image")} == {"torch.float16"}


class Multiplying(CountingEncoders):
    """Encoders whose rows went through a matrix product, which autocast makes in its own format."""

    def encode_text(self, texts):
        told = super().encode_text(texts)
        return replace(told, t5=told.t5 @ torch.eye(told.t5.shape[-1]))


def test_encoders_may_run_in_another_precision(tmp_path):
    plain = cache.build_cache(write_shards(tmp_path / "a"), CountingEncoders())
    rough = cache.build_cache(write_shards(tmp_path / "b"), Multiplying(), precision=torch.bfloat16)
    for one, other in zip(map(load_file, plain), map(load_file, rough), strict=True):
        assert {n: t.dtype for n, t in one.items()} == {n: t.dtype for n, t in other.items()}
        assert torch.equal(one["t5"].bfloat16(), other["t5"].bfloat16())
        assert torch.equal(one["clip_image"], other["clip_image"])


def test_what_is_done_is_kept_and_other_encoders_start_afresh(tmp_path):
    shards = write_shards(tmp_path)
    told = []
    paths = cache.build_cache(shards, CountingEncoders(), lambda *n: told.append(n), "one")
    assert told == [(5, 9), (9, 9)]
    stamps = [path.stat().st_mtime_ns for path in paths]
    paths[1].unlink()
    cache.build_cache(shards, CountingEncoders(), fingerprint="one")
    assert paths[0].stat().st_mtime_ns == stamps[0] and paths[1].exists()
    paths[1].write_bytes(paths[1].read_bytes()[:-5])
    cache.build_cache(shards, CountingEncoders(), fingerprint="one")
    assert cache.is_current(paths[1], "one")
    cache.build_cache(shards, CountingEncoders(), fingerprint="two")
    assert paths[0].stat().st_mtime_ns != stamps[0] and not cache.is_current(paths[0], "one")


def test_a_sidecar_that_does_not_fit_is_refused(tmp_path):
    (shard,) = write_shards(tmp_path, counts=(3,))
    sidecar = shard.with_suffix(".jsonl")
    sidecar.write_text("".join(sidecar.read_text().splitlines(True)[:2]))
    with pytest.raises(ValueError, match="holds 3 pictures, its sidecar names 2"):
        cache.build_cache([shard], CountingEncoders())


def test_values_beyond_half_precision_are_refused(tmp_path):
    class Huge(CountingEncoders):
        def encode_image(self, x):
            return x.mean((2, 3)) + 1e6

    with pytest.raises(ValueError, match="clip_image"):
        cache.build_cache(write_shards(tmp_path), Huge())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        cache.mapped(tmp_path / "nowhere.safetensors")


def test_batches_are_gathered_under_autocast_too(tmp_path):
    shards = write_shards(tmp_path, counts=(3,))
    (path,) = cache.build_cache(shards, CountingEncoders())
    cached = cache.CachedEmbeddings(path)
    with torch.autocast("cpu", torch.bfloat16):
        cond = cache.gather([(cached, 0, 0), (cached, 1, 0)])
    assert cond.clip_pooled.dtype == torch.float32 and cond.clip_image.dtype == torch.float32
