"""Layout scores on attention that is known: uniform, perfect, blind, and a real tiny network's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ediffi.conditioning.embeddings import Conditioning
from ediffi.controls.paint_with_words import Painting, bind
from ediffi.controls.region_scores import RegionRecorder, RegionScore
from ediffi.diffusion.guidance import Window
from ediffi.networks.taps import Tap, name_taps
from ediffi.presets import preset
from ediffi.stacked_guidance import PairedGuidance
from tests.fakes import FakeEncoders, tiny_denoiser, tiny_pipeline

ENCODERS = FakeEncoders(preset("tiny").base.encoders)
PROMPT = "a fox and a fox by a tree"
LEFT = np.tile(np.arange(64) < 16, (64, 1))


class FakeAttention(nn.Module):
    """Taps with the names of a network's, into which a test speaks."""

    def __init__(self):
        super().__init__()
        self.down_cross_attention = nn.ModuleDict({"probabilities": Tap(), "scores": Tap()})
        self.down_self_attention = nn.ModuleDict({"probabilities": Tap()})
        name_taps(self)

    def forward(self, probabilities):
        self.down_self_attention["probabilities"](torch.zeros(1, 1, 4, 4))
        self.down_cross_attention["scores"](probabilities * 9)
        return self.down_cross_attention["probabilities"](probabilities)


def bound(*paintings):
    texts = [ENCODERS.encode_text([p.prompt if p else "a cat"]) for p in paintings]
    found = bind(paintings, texts)
    assert found is not None
    return found


def two():
    """The first fox in the left quarter, the second where the first is not, the tree on top."""
    painting = Painting(PROMPT).add("fox", LEFT).add("fox", ~LEFT, occurrence=2)
    return painting.add("tree", LEFT.T)


def width(regions):
    return regions.clip_columns.shape[2] + regions.t5_columns.shape[2] + 2


def uniform(rows, pixels, n, heads=2):
    return torch.full((rows, heads, pixels, n), 1 / n)


def test_uniform_attention_scores_the_area():
    network, regions = FakeAttention(), bound(two(), None)
    recorder = RegionRecorder([two(), None], regions)
    with recorder.listening(network):
        for pixels in (16, 64, 64, 1024):
            network(uniform(2, pixels, width(regions)))
    scores, nothing = recorder.scores()
    assert nothing == ()
    for score, area in zip(scores, (0.25, 0.75, 0.25), strict=True):
        assert score.area == pytest.approx(area) and score.inside == pytest.approx(area)
        assert score.gain == pytest.approx(1) and score.calls == 4
    assert [(s.phrase, s.occurrence) for s in scores] == [("fox", 1), ("fox", 2), ("tree", 1)]


def test_attention_inside_scores_one_outside_none_and_calls_are_averaged():
    network, regions = FakeAttention(), bound(two())
    recorder = RegionRecorder([two()], regions)
    n, m = width(regions), regions.clip_columns.shape[2]
    inside = torch.from_numpy(LEFT[::8, ::8].copy()).float().flatten()
    told = torch.full((1, 2, 64, n), 1e-3)
    told[..., [1, m + 1]] = inside[None, None, :, None]  # the first fox in both streams
    blind = told.clone()
    blind[..., [1, m + 1]] = 1 - inside[None, None, :, None]
    with recorder.listening(network):
        network(told)
    assert recorder.scores()[0][0] == RegionScore("fox", 1, 1.0, 0.25, 1)
    assert recorder.scores()[0][0].gain == 4.0
    with recorder.listening(network):
        network(blind)
    assert recorder.scores()[0][0] == RegionScore("fox", 1, 0.5, 0.25, 2)


def test_only_the_first_rows_with_the_right_columns_are_heard():
    network, regions = FakeAttention(), bound(two())
    recorder = RegionRecorder([two()], regions)
    n = width(regions)
    stacked = torch.cat([uniform(1, 64, n), torch.zeros(1, 2, 64, n)])
    with recorder.listening(network):
        network(stacked)
        network(uniform(1, 64, 2))  # a null branch by itself
    assert recorder.scores()[0][0].calls == 1
    assert recorder.scores()[0][0].inside == pytest.approx(0.25)


def test_a_phrase_that_nobody_hears_has_no_score():
    regions = bound(two())
    recorder = RegionRecorder([two()], regions)
    with recorder.listening(network := FakeAttention()):
        network(torch.zeros(1, 2, 64, width(regions)))
    score = recorder.scores()[0][0]
    assert score.inside is None and score.gain is None and score.calls == 0


@pytest.mark.parametrize(
    "size, pixels", [((1, 2), 32), ((2, 1), 32), ((3, 5), 15), ((640, 360), 144)]
)
def test_grids_have_the_shape_of_the_picture(size, pixels):
    network, regions = FakeAttention(), bound(two())
    recorder = RegionRecorder([two()], regions, size)
    with recorder.listening(network):
        network(uniform(1, pixels, width(regions)))
    assert recorder.scores()[0][0].inside == pytest.approx(0.25, abs=0.03)


def test_what_does_not_belong_together_is_refused():
    regions = bound(two())
    with pytest.raises(ValueError, match="2 paintings with up to 3 regions"):
        RegionRecorder([two(), None], regions)
    with pytest.raises(ValueError, match="up to 4 regions"):
        RegionRecorder([two().add("tree", LEFT)], regions)
    with pytest.raises(ValueError, match="positive height and width"):
        RegionRecorder([two()], regions, (0, 1))
    with pytest.raises(ValueError, match="no grid"):
        with RegionRecorder([two()], regions).listening(network := FakeAttention()):
            network(uniform(1, 15, width(regions)))
    assert not network.down_cross_attention["probabilities"].heard


def painted(painting):
    text = ENCODERS.encode_text([painting.prompt])
    return replace(ENCODERS.condition([painting.prompt]), painting=bind([painting], [text]))


def run(cond, painting, network, guidance=None):
    assert cond.painting is not None
    recorder = RegionRecorder([painting], cond.painting)
    x, sigma = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.ones(1)
    with torch.no_grad(), recorder.listening(network):
        (guidance or network)(x * 9, sigma * 9, cond)
    return recorder.scores()[0]


def test_a_painting_raises_its_score_in_a_real_network():
    network = tiny_denoiser()
    painting = Painting(PROMPT).add("fox", LEFT, weight=0.0).add("tree", ~LEFT, weight=0.0)
    plain = run(painted(painting), painting, network)
    strong = painting.reweighted(0, 2.0).reweighted(1, 2.0)
    for score, without in zip(run(painted(strong), strong, network), plain, strict=True):
        assert score.inside is not None and without.inside is not None
        assert score.calls == without.calls > 0 and score.inside > without.inside


def test_guidance_in_one_call_scores_as_the_conditional_branch():
    network = tiny_denoiser()
    painting = Painting(PROMPT).add("fox", LEFT)
    cond: Conditioning = painted(painting)
    alone = run(cond, painting, network)[0]
    paired = run(cond, painting, network, PairedGuidance(network, 3.0, Window(), cond))[0]
    assert alone.inside is not None
    assert paired.calls == alone.calls and paired.inside == pytest.approx(alone.inside, abs=1e-5)


def test_a_whole_run_of_the_front_door_is_scored_without_growing():
    model = tiny_pipeline()
    painting = Painting(PROMPT).add("fox", LEFT).add("tree", ~LEFT)
    request = model.request(PROMPT, steps=4, guidance=3.0, painting=painting)
    cond, _ = model.generator.conditioner.batch([request])
    assert cond.painting is not None
    recorder = RegionRecorder([painting], cond.painting)
    with recorder.listening(model.model.denoiser):  # pyright: ignore[reportArgumentType]
        kept = [len(list(model.steps(request))) and len(recorder._pooled) for _ in range(2)]
    assert kept[0] == kept[1] and recorder._shares.shape == (1, 2)
    for score in recorder.scores()[0]:
        assert score.inside is not None and 0 < score.inside <= 1 and score.calls >= 8
