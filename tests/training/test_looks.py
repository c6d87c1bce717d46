"""The picture side of CLIP learns looks: the loss in closed form, and what a run leaves alone."""

import math
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from ediffi.conditioning.clip import WEIGHTS, load_clip
from ediffi.files import read_json
from ediffi.storybook.scene import sample_scene
from ediffi.storybook.vocabulary import STYLES
from ediffi.training import clip as clip_training
from ediffi.training.encoder_run import Limit, RunReport
from ediffi.training.inspector import renders
from ediffi.training.looks import LooksPlan, evenly, looks_loss, train_looks
from ediffi.training.probe import probe_looks
from ediffi.training.tokenizers import train_tokenizers

SMALL = clip_training.ClipPlan(
    embed=16, text_width=16, text_heads=2, vision_width=32, head_width=8, layers=1, batch=8
)


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """A CLIP that has learnt nothing."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("towers")
    train_tokenizers(out, count=60)
    tokenizer = Tokenizer.from_file(str(out / "clip" / "tokenizer.json"))
    config = SMALL.model_config(tokenizer.get_vocab_size())
    torch.manual_seed(0)
    model = clip_training.new_clip(config)
    clip_training.export_clip(model, config, out / "clip", RunReport(0, 0.0, 0.0))
    return out


@pytest.fixture
def copied(towers, tmp_path):
    shutil.copytree(towers / "clip", tmp_path / "clip")
    return tmp_path


@pytest.fixture(scope="module")
def pages():
    """Pages whose style shows in their shade alone, a dozen of each, and the noise on them."""
    rng = np.random.default_rng(0)
    scenes, pictures = [], []
    for k in range(12 * len(STYLES)):
        scene = sample_scene(k)
        shade = 20 + 25 * STYLES.index(scene.style)
        scenes.append(scene)
        pictures.append(rng.integers(-15, 16, (64, 64, 3)) + shade)
    return renders(np.stack(pictures).clip(0, 255).astype(np.uint8), scenes)


def apart(clip, pages) -> float:
    """How far the mean vectors of the styles that are there lie from one another, on average."""
    vectors = clip.encode_image(pages.images.float() / 127.5 - 1)
    styles = pages.truth.style
    means = torch.stack([vectors[styles == k].mean(0) for k in styles.unique()])
    return torch.pdist(means).mean().item()


def test_every_style_is_drawn_as_often_as_every_other():
    styles = torch.tensor([0, 0, 0, 2, 5, 5])
    assert evenly(styles).tolist() == pytest.approx([1 / 9, 1 / 9, 1 / 9, 1 / 3, 1 / 6, 1 / 6])
    with pytest.raises(ValueError, match="the pictures have 1 of them"):
        evenly(torch.zeros(4, dtype=torch.int64))


def test_the_loss_in_closed_form():
    plan = LooksPlan(scale=3.0, keep=2.0)
    axes = torch.eye(9)
    vectors = 5 * axes[:4]
    stayed = looks_loss(vectors, vectors / 7, axes, torch.arange(4), plan)
    assert stayed.item() == pytest.approx(math.log(1 + 8 * math.exp(-3.0)))
    # Vectors of mean square 1 at right angles are 2 apart in the mean square.
    turned = looks_loss(vectors, axes[4:8], axes, torch.arange(4), plan)
    assert (turned - stayed).item() == pytest.approx(2.0 * 2)


def test_looks_are_learnt_and_the_text_side_stays(copied, pages):
    weights = copied / "clip" / WEIGHTS
    before, record = load_file(weights), read_json(copied / "clip" / "record.json")
    untaught = load_clip(copied / "clip")
    report = train_looks(copied, pages, Limit(steps=150), LooksPlan(batch=32, keep=0.0))
    after = load_file(weights)
    assert report.steps == 150 and report.loss < 0.7 * math.log(len(STYLES))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("visual.") for name in changed)
    assert before.keys() == after.keys()
    told = read_json(copied / "clip" / "record.json")
    assert told["looks"]["steps"] == 150 and told["steps"] == record["steps"]
    assert apart(load_clip(copied / "clip"), pages) > 2 * apart(untaught, pages)


def test_what_has_learnt_looks_is_left_alone(copied, pages):
    first = train_looks(copied, pages, Limit(steps=2), LooksPlan(batch=8))
    weights = (copied / "clip" / WEIGHTS).read_bytes()
    assert train_looks(copied, pages, Limit(steps=9), LooksPlan(batch=8)) == first
    assert (copied / "clip" / WEIGHTS).read_bytes() == weights


def test_a_high_price_keeps_vectors_where_they_were(copied, pages):
    images = pages.images[:32].float() / 127.5 - 1
    before = load_clip(copied / "clip").encode_image(images)
    moved = []
    for keep in (0.0, 100.0):
        other = copied / f"{keep:g}"
        shutil.copytree(copied / "clip", other / "clip")
        train_looks(other, pages, Limit(steps=20), LooksPlan(batch=16, keep=keep))
        after = load_clip(other / "clip").encode_image(images)
        moved.append((after - before).square().mean().item())
    assert moved[1] < moved[0] / 2


def test_the_probe_names_every_style(towers):
    found = probe_looks(load_clip(towers / "clip"), train=3, held=2)
    assert found.n == 2 * len(STYLES) and list(found.by_style) == list(STYLES)
    assert np.mean(list(found.by_style.values())) == pytest.approx(found.accuracy)
