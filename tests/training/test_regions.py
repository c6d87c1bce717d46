"""Regions built from real scenes: shares of pixels, columns of words, and both in a batch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ediffi.conditioning.embeddings import Conditioning
from ediffi.storybook.dataset import render_shards
from ediffi.storybook.masks import masks
from ediffi.storybook.scene import sample_scene
from ediffi.training.regions import GRID, Regions, build_regions, is_current, painted, regions_path


def letters(text: str):
    """One T5 column per letter, one CLIP column per pair of letters."""
    spans = tuple((i, i + 1) for i in range(len(text)))
    return spans, tuple((i, min(i + 2, len(text))) for i in range(0, len(text), 2))


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("regions")
    (path,) = render_shards(folder, "train", 0, 6, workers=1, progress=False)
    build_regions([path], letters, fingerprint="letters", workers=1)
    return path


def test_shares_are_the_masks_pooled(shard):
    regions, scene = Regions(regions_path(shard)), sample_scene(2, split="train")
    drawn = masks(scene, 32)
    pooled = drawn.things[0].reshape(GRID, 2, GRID, 2).mean((1, 3))
    np.testing.assert_allclose(regions.shares(2)[0] / 255, pooled, atol=1 / 255)


def test_columns_spell_the_phrases(shard):
    regions, scene = Regions(regions_path(shard)), sample_scene(0, split="train")
    text = shard.with_suffix(".jsonl").read_text().split('"text": "')[1].split('"')[0]
    named = regions.named("t5", 0)
    spelled = "".join(text[column] for part, column in named if part == 0)
    assert scene.things[0].kind in spelled or scene.things[0].colour in spelled
    assert len(regions.named("clip", 0)) < len(named)


def test_a_batch_is_a_painting_on_the_batch_s_columns(shard):
    regions = Regions(regions_path(shard))
    cond = Conditioning(
        t5=torch.zeros(2, 400, 1),
        t5_mask=torch.ones(2, 400, dtype=torch.bool),
        clip=torch.zeros(2, 200, 1),
        clip_mask=torch.ones(2, 200, dtype=torch.bool),
        clip_pooled=torch.zeros(2, 1),
        clip_image=torch.zeros(2, 1),
        clip_image_mask=torch.zeros(2, dtype=torch.bool),
    )
    painting = painted([(regions, 0, 0), (regions, 4, 1)], cond)
    assert painting.masks.shape[2:] == (GRID, GRID)
    assert painting.t5_columns.shape == (2, painting.masks.shape[1], 400)
    assert painting.t5_columns[1].sum() == len(regions.named("t5", 4))


def test_files_are_kept_while_their_fingerprint_holds(shard):
    path = regions_path(shard)
    before = path.stat().st_mtime_ns
    build_regions([shard], letters, fingerprint="letters", workers=1)
    assert path.stat().st_mtime_ns == before
    assert not is_current(path, "others")
    path_of_none = shard.with_name("regions-00099.safetensors")
    with pytest.raises(FileNotFoundError, match="regions"):
        Regions(path_of_none)
