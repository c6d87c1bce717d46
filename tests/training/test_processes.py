"""Two processes do what one does: with a copy of the weights each, and with parts of them."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ediffi.training import checkpoint, loop, sharding
from ediffi.training.job import Watch
from ediffi.training.meters import read_log
from tests.training import worlds

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
from pathlib import Path
from ediffi.training import loop, sharding
from ediffi.training.job import Watch
from tests.training import worlds
data, folder, kind, slow = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
def look(module, pictures):
    time.sleep(slow)
    return {"answer": float(module.stem.weight.full_tensor().sum()) if kind == "parts" else 0.0}
settings = worlds.parts(int(sys.argv[5])) if kind == "parts" else {}
watches = (Watch("look", 0.0, look),) if kind == "parts" else ()
done = loop.fit(worlds.job(folder, worlds.ShardSource(data), watches=watches, **settings))
print("finished", done.finished)
sharding.part_ways()
raise SystemExit("went on alone")
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    worlds.world(folder)
    return folder


def start(data: Path, folder: Path, kind: str, slow: float = 0.0, pictures: int = 32) -> list:
    """Two processes that train together."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    processes = []
    for rank in range(2):
        places = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **places, **where}
        words = map(str, [data, folder, kind, slow, pictures])
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *words],
                cwd=ROOT,
                env={**environment, "ACCELERATE_USE_CPU": "true"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def end(processes: list) -> list[str]:
    said = []
    for process in processes:
        out, error = process.communicate(timeout=280)
        assert process.returncode == 0, error
        said.append(out)
    return said


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state = checkpoint.read(folder / checkpoint.FILE)
    moments = {
        f"{k}.{index}.{name}": torch.as_tensor(value)
        for k, optimiser in enumerate(state["optimisers"])
        for index, kept in optimiser["state"].items()
        for name, value in kept.items()
    }
    averages = {f"ema.{k}": v for k, v in state["ema"].items()}
    return {**state["objective"], **averages, **moments}


def alike(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.allclose(a[k], b[k], atol=1e-4) for k in a)


def alone(data: Path, folder: Path, **settings) -> None:
    loop.fit(worlds.job(folder, worlds.ShardSource(data), **settings))


@pytest.mark.timeout(300)
def test_two_processes_follow_one(data, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    alone(data, one)
    end(start(data, two, "copies"))
    assert alike(one, two)
    losses = [read_log(folder, "train")[-1]["loss"] for folder in (one, two)]
    assert losses[0] is not None and losses[1] is not None


@pytest.mark.timeout(300)
def test_weights_in_parts_learn_the_same_and_are_saved_whole(data, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    whole = {**worlds.parts(32), "sharded": False}
    alone(data, one, **whole)
    end(start(data, two, "parts"))
    assert alike(one, two)
    assert weights(two)["network.stem.weight"].shape == (8, 3, 3, 3)
    assert len(read_log(two, "look")) >= 8
    # What parts have begun, one process goes on with, and the other way round.
    longer = {**worlds.parts(64), "sharded": False}
    alone(data, one, **longer)
    end(start(data, two, "parts", pictures=64))
    assert weights(two).keys() == weights(one).keys() and alike(one, two)


@pytest.mark.timeout(300)
def test_processes_stop_after_the_same_step(data, tmp_path):
    processes = start(data, tmp_path, "parts", slow=0.3)
    deadline = time.monotonic() + 120
    while not (tmp_path / "log.jsonl").exists() or not read_log(tmp_path, "look"):
        assert time.monotonic() < deadline and all(p.poll() is None for p in processes)
        time.sleep(0.05)
    # Only one of them hears of it.
    processes[1].send_signal(signal.SIGTERM)
    assert all("finished False" in said for said in end(processes))
    state = checkpoint.read(tmp_path / checkpoint.FILE)
    assert 0 < state["pictures"] < 32


def test_a_single_process_goes_on(monkeypatch):
    ended = []
    monkeypatch.setattr(sharding.os, "_exit", ended.append)
    sharding.part_ways()
    assert ended == []


def test_what_cannot_be_split_is_refused(data, tmp_path):
    source = worlds.ShardSource(data)
    with pytest.raises(ValueError, match="among several processes only"):
        loop.fit(worlds.job(tmp_path, source, **worlds.parts(32)))
    assert not (tmp_path / checkpoint.FILE).exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": "muon", "learned_weight": False}, "the optimizer adamw, not 'muon'"),
        ({"optimizer": "adamw", "learned_weight": True}, "no learned weight per sigma"),
    ],
)
def test_settings_that_would_be_torn_apart_are_refused(data, tmp_path, changes, said):
    config = worlds.config(**changes)
    job = worlds.job(tmp_path, worlds.ShardSource(data), config=config, sharded=True)
    with pytest.raises(ValueError, match=said):
        loop.check_processes(job, 2)


def test_several_clocks_are_no_budget(data, tmp_path):
    job = worlds.job(tmp_path, worlds.ShardSource(data), seconds=9.0)
    with pytest.raises(ValueError, match="a budget in pictures"):
        loop.check_processes(job, 2)
    watched = worlds.job(
        tmp_path, worlds.ShardSource(data), watches=(Watch("a", 1, lambda *_: {}),)
    )
    loop.check_processes(watched, 2)
