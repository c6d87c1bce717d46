"""The benchmark measures what it says: ours and theirs in turns, of one shape."""

import json
import sys

import pytest
import torch

from ediffi import bench, config, forward_times
from ediffi.__main__ import main
from ediffi.bench import time_pictures, time_pulled
from ediffi.build import build_denoiser, parameter_count
from ediffi.commands.bench import report
from ediffi.controls.attention_recorder import AttentionRecorder
from ediffi.controls.insisting import INSISTENCE
from ediffi.forward_times import medians_in_turns, time_controls, time_ensemble, time_forward
from ediffi.networks.attention import Paint
from ediffi.presets import preset
from ediffi.sketching import Sketcher
from ediffi.twin import diffusers_twin
from tests.fakes import tiny_cascade_folder, tiny_model_folder, tiny_pipeline

CPU = torch.device("cpu")


def test_calls_run_in_turns_and_the_first_turn_does_not_count(monkeypatch):
    clock = iter([0, 100, 100, 200, 200, 203, 203, 210, 210, 215, 215, 216, 216, 220, 220, 229])
    monkeypatch.setattr(forward_times.time, "perf_counter", lambda: next(clock))
    order = []
    medians = medians_in_turns([lambda: order.append("a"), lambda: order.append("b")], 3, CPU)
    assert order == ["a", "b"] * 4
    assert medians == [4, 7]


@pytest.mark.parametrize("name", ["tiny", "storybook"])
def test_the_twin_has_our_convolutions_attention_and_parameters(name):
    base = preset(name).base
    twin = diffusers_twin(base.network, base.resolution)
    assert twin is not None
    ours = build_denoiser(base).unet

    def large_convolutions(module):
        return sorted(
            (m.in_channels, m.out_channels, m.stride)
            for m in module.modules()
            if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)
        )

    assert large_convolutions(twin) == large_convolutions(ours)
    assert parameter_count(twin) == pytest.approx(parameter_count(ours), rel=0.1)


def test_both_answer_in_the_shape_of_the_picture():
    found = time_forward(preset("tiny").base, CPU, torch.float32, batch=2, rounds=1)
    assert found.theirs is not None
    assert found.ours > 0
    assert found.ratio == found.ours / found.theirs


def test_without_diffusers_the_benchmark_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "diffusers.models.unets.unet_2d_condition", None)
    command = bench.CommandTime(16, 1.0, 100.0)
    monkeypatch.setattr(bench, "time_command", lambda *given: command)
    folder = tiny_model_folder(tmp_path / "tiny")
    assert main(["bench", "--model", str(folder), "--rounds", "1"]) == 0
    told = capsys.readouterr().out
    assert "diffusers is not installed" in told
    assert "peak memory" in told


def test_pictures_are_timed_warm_and_the_first_preview_apart():
    (found,) = time_pictures([tiny_pipeline()], size=16, rounds=2)
    assert (found.size, found.steps, found.n) == (16, 6, 2)
    assert 0 < found.first_preview < found.seconds


def test_what_is_called_pulled_is_pulled(monkeypatch):
    moved = []

    def noted(network, x, sigma, cond, pull):
        moved.append(round(float(pull.far[0]), 3))
        return x

    laid = []

    def laying(self, requests):
        laid.append(len(requests))
        return lay(self, requests)

    lay = Sketcher.lay
    monkeypatch.setattr("ediffi.controls.pulling.pulled", noted)
    monkeypatch.setattr(Sketcher, "lay", laying)
    found = time_pulled(tiny_pipeline(), 2)
    assert len(laid) >= 2 and set(laid) == {1}
    assert set(moved) == {INSISTENCE, bench.PULL}
    assert min(found.plain, found.insisting, found.painted, found.collaged) > 0
    assert found.n == 2


def test_the_record_is_json_and_the_report_names_the_goals(tmp_path):
    found = bench.run_bench(tiny_cascade_folder(tmp_path / "tiny"), rounds=1)
    assert json.loads(json.dumps(config.as_json(found)))["load_seconds"] > 0
    told = report(found)
    assert "goal 0.75" in told and "goal 1.5" in told
    assert "goal 1.25" in told and "goal 1.10" in told and "over 18 turns" in told
    assert "that insists" in told and "pulled to a painting" in told
    assert "begun as a collage" in told
    assert {(p.size, p.steps) for p in found.pictures} == {(16, 6), (32, 9), (64, 11)}
    assert found.command.size == 64 and found.command.seconds > 0.1
    assert 50 < found.command.peak_memory < 20_000


def test_an_ensemble_is_timed_beside_one_network_of_its_shape():
    found = time_ensemble(preset("tiny").base, CPU, torch.float32, pairs=3)
    assert found.one > 0 and found.ratio == found.ensemble / found.one and found.pairs == 3


def test_recording_and_painting_are_timed_beside_a_plain_step(monkeypatch):
    found = time_controls(preset("tiny").base, CPU, torch.float32, pictures=1)
    assert found.recording == found.recorded / found.plain > 0
    assert found.painting == found.painted / found.plain > 0 and found.turns == 18
    # What is called recorded records, and what is called painted is painted.
    heard, painted = [], []
    record, bonus = AttentionRecorder._hear, Paint.bonus

    def hear(self, name, value):
        heard.append(name)
        record(self, name, value)

    def paint(self, grid):
        painted.append(grid)
        return bonus(self, grid)

    monkeypatch.setattr(AttentionRecorder, "_hear", hear)
    monkeypatch.setattr(Paint, "bonus", paint)
    time_controls(preset("tiny").base, CPU, torch.float32, pictures=1)
    assert len(heard) == len(painted) == 2 * 18 * 4  # two pictures, four layers
