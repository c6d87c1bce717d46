"""The loop: resumes bit for bit after SIGKILL, stops cleanly."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ediffi.training import checkpoint, loop
from ediffi.training.job import Watch, averaged
from ediffi.training.meters import read_log, sigma_histogram
from tests.training import worlds

ROOT = Path(__file__).parents[2]


def weights(folder, name=checkpoint.FILE):
    state = checkpoint.read(folder / name)
    return {**state["objective"], **{f"ema.{k}": v for k, v in state["ema"].items()}}


def pictures(folder):
    state = checkpoint.load(folder / checkpoint.FILE)
    assert state is not None
    return state["pictures"]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def run_job(data, folder, **changes):
    return loop.fit(worlds.job(folder, worlds.ShardSource(data), **changes))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    worlds.world(folder)
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    """As the children run: sums over two threads end in other bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_it_learns_and_logs(data, tmp_path):
    done = run_job(data, tmp_path, config=worlds.config(pictures=800), log_every=40)
    lines = read_log(tmp_path, "train")
    assert done.finished and done.pictures == 800 and done.steps == 200
    assert lines[-1]["pictures"] == 800 and len(lines[-1]["bands"]) == 8
    assert lines[-1]["loss"] < 0.9 * lines[0]["loss"]
    assert lines[-1]["rate"] < 0.2 * lines[1]["rate"]
    module = worlds.TinyDenoiser()
    state = averaged(tmp_path, module)
    assert state["pictures"] == 800
    assert torch.equal(module.stem.weight, done.ema.tensors["stem.weight"])


SCRIPT = """
import sys, os, time
from pathlib import Path
from ediffi.training import loop
from tests.training import worlds
data, folder, slow = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
source = worlds.ShardSource(data)
inner = source.batch
def batch(positions):
    time.sleep(slow)
    return inner(positions)
source.batch = batch
done = loop.fit(worlds.job(folder, source, save_every=0.0))
print("finished", done.finished, done.pictures, flush=True)
"""


def start(data, folder, slow, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(data), str(folder), str(slow)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_saved(process, folder, pictures):
    for _ in range(2400):
        try:
            state = checkpoint.load(folder / checkpoint.FILE)
        except ValueError:
            state = None
        if state and state["pictures"] >= pictures:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    raise AssertionError("no checkpoint came")


def test_a_compiled_run_learns_what_a_plain_one_learns(data, tmp_path, monkeypatch):
    # The eager back end traces and guards as every other, and needs no C++ compiler.
    compiled, compile_ = [], torch.compile

    def traced(module, **settings):
        compiled.append(module)
        return compile_(module, backend="eager", **settings)

    monkeypatch.setattr(torch, "compile", traced)
    run_job(data, tmp_path / "plain")
    assert not compiled
    run_job(data, tmp_path / "compiled", compiled=True)
    assert len(compiled) == 1
    assert same(weights(tmp_path / "plain"), weights(tmp_path / "compiled"))


def test_a_killed_run_resumes_bit_for_bit(data, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_job(data, whole)
    process = start(data, killed, 0.3)
    until_saved(process, killed, 8)
    process.send_signal(signal.SIGKILL)
    process.wait()
    at = pictures(killed)
    assert 8 <= at < 32
    done = run_job(data, killed)
    assert done.finished and done.pictures == 32
    assert same(weights(whole), weights(killed))


def test_control_c_saves_and_the_run_goes_on(data, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run_job(data, whole)
    process = start(data, stopped, 0.3)
    until_saved(process, stopped, 4)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0 and "finished False" in out, error
    run_job(data, stopped)
    assert same(weights(whole), weights(stopped))


def test_a_longer_budget_goes_on_from_the_undecayed_checkpoint(data, tmp_path):
    run_job(data, tmp_path, config=worlds.config(pictures=40))
    assert checkpoint.read(tmp_path / checkpoint.UNDECAYED)["pictures"] == 32
    done = run_job(data, tmp_path, config=worlds.config(pictures=80))
    assert done.pictures == 80
    first, longer = tmp_path / "direct", tmp_path
    run_job(data, first, config=worlds.config(pictures=80))
    assert same(weights(first), weights(longer))


def test_a_finished_run_is_left_alone(data, tmp_path):
    run_job(data, tmp_path)
    stamp = (tmp_path / checkpoint.FILE).stat().st_mtime_ns
    assert run_job(data, tmp_path).finished
    assert (tmp_path / checkpoint.FILE).stat().st_mtime_ns == stamp


def test_a_full_disk_does_not_end_the_run_but_is_said(data, tmp_path, monkeypatch):
    said = []
    inner, broken = checkpoint.save, [True]

    def save(path, state):
        if broken[0] and state["pictures"] >= 16:
            raise ValueError(f"Cannot write {path}: No space left on device.")
        inner(path, state)

    monkeypatch.setattr(checkpoint, "save", save)
    settings = {"save_every": 0.0, "say": said.append}
    with pytest.raises(ValueError, match="No space left"):
        run_job(data, tmp_path, **settings)
    assert pictures(tmp_path) == 12
    assert any("No space left on device. Training goes on" in text for text in said)
    broken[0] = False
    assert run_job(data, tmp_path, **settings).finished


def test_a_step_without_finite_gradient_is_skipped_and_many_raise(data, tmp_path):
    def broken(network, x0, sigma, noise, cond):
        bad = torch.where(torch.arange(len(x0)) == 0, torch.nan, 1.0)
        return network(x0, sigma, cond).square().flatten(1).mean(1) * bad

    module = worlds.TinyDenoiser()
    job = worlds.job(tmp_path, worlds.ShardSource(data), loss=broken, module=module)
    before = module.stem.weight.clone()
    with pytest.raises(ValueError, match="not finite in 21 steps"):
        loop.fit(replace(job, config=worlds.config(pictures=400)))
    assert torch.equal(module.stem.weight, before)


def test_watches_see_averaged_weights_and_are_logged(data, tmp_path):
    seen = []

    def look(module, pictures):
        seen.append((module.training, torch.is_grad_enabled(), module.stem.weight.clone()))
        return {"answer": 42}

    done = run_job(data, tmp_path, watches=(Watch("look", 1e9, look),))
    assert read_log(tmp_path, "look") == [{"event": "look", "pictures": 32, "answer": 42}]
    assert seen[0][:2] == (False, False)
    assert torch.equal(seen[0][2], done.ema.tensors["stem.weight"])


def test_a_watch_that_cannot_write_is_said_and_the_run_goes_on(data, tmp_path):
    def look(module, pictures):
        raise ValueError("Cannot write sheet.png: no space left.")

    said = []
    done = run_job(data, tmp_path, watches=(Watch("look", 0.0, look),), say=said.append)
    assert done.finished and pictures(tmp_path) == done.pictures
    assert any("there is no look this time: Cannot write sheet.png" in text for text in said)


def test_what_was_drawn_is_told_to_the_last_picture_of_a_stopped_run(data, tmp_path):
    for budget in (24, 56):
        done = run_job(data, tmp_path, config=worlds.config(pictures=budget), log_every=5)
        drawn = sigma_histogram(read_log(tmp_path, "train"))
        assert sum(drawn.values()) == done.pictures == pictures(tmp_path)


def test_only_allowed_noise_levels_are_drawn(data, tmp_path):
    from ediffi.diffusion.noise import Interval

    levels = []

    def loss(network, x0, sigma, noise, cond):
        levels.extend(sigma.tolist())
        return (
            network(x0 + noise * sigma[:, None, None, None], sigma, cond).square().mean((1, 2, 3))
        )

    allowed = (Interval(0.0, 0.1), Interval(5.0, 80.0))
    run_job(data, tmp_path, loss=loss, trained_on=allowed)
    assert len(levels) == 32 and {s < 0.1 for s in levels} == {True, False}
    assert all(s < 0.1 or 5.0 <= s < 80.0 for s in levels)


def test_dropout_is_independent_and_at_its_rates(data, tmp_path):
    dropped = []

    def loss(network, x0, sigma, noise, cond):
        rows = (cond.t5_mask.any(1), cond.clip_mask.any(1), cond.clip_image_mask)
        dropped.append(torch.stack(rows, 1))
        assert not cond.t5[~cond.t5_mask].any()
        return network(x0, sigma, cond).square().flatten(1).mean(1)

    run_job(data, tmp_path, loss=loss, config=worlds.config(pictures=1600, batch=16))
    kept = torch.cat(dropped).double()
    assert torch.allclose(kept.mean(0), torch.tensor([0.7, 0.7, 0.4]).double(), atol=0.05)
    assert (torch.corrcoef(kept.T) - torch.eye(3)).abs().max() < 0.1


def test_foreign_checkpoints_and_other_batches_are_refused(data, tmp_path):
    run_job(data, tmp_path, config=worlds.config(pictures=16))
    with pytest.raises(ValueError, match="batches of 4, not 8"):
        run_job(data, tmp_path, config=worlds.config(batch=8))
    with pytest.raises(ValueError, match="another network"):
        run_job(data, tmp_path, module=torch.nn.Linear(2, 2))
    with pytest.raises(FileNotFoundError):
        averaged(tmp_path / "nowhere", worlds.TinyDenoiser())


def test_the_log_is_plain_json(data, tmp_path):
    run_job(data, tmp_path, log_every=2)
    for line in (tmp_path / "log.jsonl").read_text().splitlines():
        assert json.loads(line)["event"] == "train"
