"""One loop for every network of the project: `fit(job)`.

It runs in one or several processes on CPU or CUDA through accelerate, logs, watches, saves every
minute and goes on where a killed run stopped. Everything random is a function of the seed and
the number of pictures seen (`keyed`), so the run's state is weights, optimisers and counters. It
refuses to know what the network is, what the pictures show, and who judges them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Set
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ediffi.config import as_json
from ediffi.diffusion.noise import LogNormal
from ediffi.precision import half_precision
from ediffi.training import checkpoint, keyed, optim, sharding
from ediffi.training.clock import Clock, asked_to_stop
from ediffi.training.data import Batch, prefetched
from ediffi.training.ema import Ema, decay
from ediffi.training.job import Fitted, Job
from ediffi.training.meters import BandMeter, RunLog
from ediffi.training.objective import Objective

MOST_SKIPPED = 20
WEIGHT_RATE = 1e-2


def fit(job: Job) -> Fitted:
    """Trains `job.module` to the end of its budget, from its last checkpoint if there is one.

    Ctrl-C and SIGTERM save and return with `finished` False. A checkpoint that cannot be written
    is reported in one sentence and tried again; only at the end it raises. A watch that raises
    ValueError or OSError is reported too. Raises ValueError for settings that cannot work, a
    foreign checkpoint, or a loss that stays infinite.
    """
    accelerator = Accelerator(cpu=job.cpu)
    config = job.config
    if config.batch % accelerator.num_processes:
        raise ValueError(
            f"batch is {config.batch}, but must be a multiple of "
            f"the {accelerator.num_processes} processes."
        )
    check_processes(job, accelerator.num_processes)
    run = _Run(job, accelerator)
    run.resume()
    if run.progress < 1:
        with asked_to_stop() as stop:
            run.train(stop)
    return Fitted(run.pictures, run.steps, run.seconds, run.progress >= 1, run.ema)


def check_processes(job: Job, processes: int) -> None:
    """Raises ValueError for a job that so many processes cannot share."""
    if processes > 1 and job.seconds is not None:
        raise ValueError("several processes need a budget in pictures: their clocks differ.")
    if not job.sharded:
        return
    if processes == 1:
        raise ValueError("weights can be split among several processes only: start it by torchrun.")
    if job.config.optimizer != "adamw" or job.config.learned_weight:
        raise ValueError(
            f"weights in parts need the optimizer adamw, not {job.config.optimizer!r}, and no"
            " learned weight per sigma: whole matrices and tables would be torn apart."
        )


class _Run:
    """The mutable state of one `fit`."""

    def __init__(self, job: Job, accelerator: Accelerator):
        self.job, self.config, self.accelerator = job, job.config, accelerator
        job.folder.mkdir(parents=True, exist_ok=True)
        self.device = accelerator.device
        self.module = sharding.placed(job.module, self.device, job.sharded).train()
        self.objective = Objective(
            self.module, job.loss, self.config.learned_weight, self.config.precision, self.device
        ).to(self.device)
        self.optimisers = optim.build_optimisers(self.module, self.config)
        if self.objective.weight is not None:
            table = list(self.objective.weight.parameters())
            group = {"params": table, "weight_decay": 0.0, "rate": WEIGHT_RATE}
            self.optimisers.append(torch.optim.AdamW([group], WEIGHT_RATE, optim.BETAS))
        self.weights = [p for p in self.module.parameters() if p.requires_grad]
        # Weights in parts average their gradients themselves.
        prepared = self.objective if job.sharded else accelerator.prepare(self.objective)
        self.prepared = torch.compile(prepared, dynamic=False) if job.compiled else prepared
        self.ema = Ema(self.module)
        self.noise = LogNormal(self.config.noise.P_mean, self.config.noise.P_std)
        self.meter = BandMeter(self.device)
        self.pictures = self.steps = self.skipped = self.reported = 0
        self.seconds = 0.0
        self.decaying = False
        self.log: RunLog | None = None

    @property
    def main(self) -> bool:
        return self.accelerator.is_main_process

    @property
    def progress(self) -> float:
        """Share of the budget that is used, in pictures or in seconds, at most 1."""
        used = self.pictures / self.config.pictures
        if self.job.seconds is not None:
            used = max(used, self.seconds / self.job.seconds)
        return min(1.0, used)

    def train(self, stop: threading.Event) -> None:
        """Steps until the budget is used up or somebody says stop; saves at the end."""
        if self.main:
            self.log = RunLog(self.job.folder, self.job.tensorboard)
        batches = prefetched(self._drawn, self.steps)
        clock = Clock(["save", *(w.name for w in self.job.watches)], self.pictures)
        self.reported = self.pictures
        began, before = time.monotonic(), self.seconds
        due: set[str] = set()
        while self.progress < 1 and "stop" not in due:
            if not self.decaying and self.progress >= 1 - self.config.decay_share:
                self._begin_decay(clock)
            with clock.waiting():
                batch, sigma, noise = next(batches)
            self._step(batch, sigma, noise)
            self.seconds = before + time.monotonic() - began
            due = self._due(clock, stop)
            if self.steps % self.job.log_every == 0 or "save" in due:
                self._report(clock)
            if self.takes_part:
                if "save" in due:
                    self._save(checkpoint.FILE, last=False)
                self._look(due)
        batches.close()
        self.seconds = before + time.monotonic() - began
        self._report(clock)
        if self.takes_part:
            self._save(checkpoint.FILE, last=True)
            if self.progress >= 1:
                self._look({watch.name for watch in self.job.watches})
        if self.log is not None:
            self.log.close()

    @property
    def takes_part(self) -> bool:
        """Whether this process looks and saves: the first one, all where weights are in parts."""
        return self.main or self.job.sharded

    def _due(self, clock: Clock, stop: threading.Event) -> set[str]:
        """What is to be done after this step, the same in every process: the first one's clock."""
        intervals = {watch.name: watch.seconds for watch in self.job.watches}
        intervals["save"] = self.job.save_every
        flags = [self.main and clock.due(name, after) for name, after in intervals.items()]
        agreed = sharding.together([*flags, stop.is_set()], self.device)
        return {name for name, flag in zip([*intervals, "stop"], agreed, strict=True) if flag}

    def _drawn(self, step: int) -> tuple[Batch, Tensor, Tensor]:
        """This process's share of a step's batch, with noise levels and noise; made in a thread."""
        size = self.config.batch // self.accelerator.num_processes
        first = step * self.config.batch + self.accelerator.process_index * size
        positions = np.arange(first, first + size)
        batch = self.job.source.batch(positions)  # type: ignore[arg-type]
        u = torch.from_numpy(keyed.stratified(self.config.seed, "sigma", positions))
        sigma = self.noise.at(u, self.job.trained_on).float()
        shape = tuple(batch.x0.shape[1:])
        noise = keyed.noise(self.config.seed, positions, shape, batch.x0.device)
        return batch, sigma, noise

    def _kept(self, index: Tensor) -> dict[str, Tensor]:
        """Which embedding stays in which row, drawn independently per position."""
        positions, rates, seed = index.numpy(), self.config.dropout, self.config.seed
        return {
            name: torch.from_numpy(keyed.uniform(seed, name, positions) >= getattr(rates, name))
            for name in ("t5", "clip_text", "clip_image")
        }

    def _step(self, batch: Batch, sigma: Tensor, noise: Tensor) -> None:
        # A network's own dropout, if it has any, must not depend on what happened before.
        torch.manual_seed(int(keyed.hashed(self.config.seed, "dropout", [self.steps])[0] >> 1))
        factor = optim.rate_factor(
            self.steps, self.config.warmup_steps, self.progress, self.config.decay_share
        )
        optim.set_rate(self.optimisers, factor)
        moved = batch.to(self.device)
        x0 = moved.x0.contiguous(memory_format=torch.channels_last)
        cond = moved.cond.keep(self._kept(batch.index))
        sigma = sigma.to(self.device)
        total, losses = self.prepared(x0, sigma, noise.to(self.device), cond)
        self.accelerator.backward(total)
        norm = nn.utils.clip_grad_norm_(self.weights, self.config.clip_norm)
        self._update(sharding.number(norm))
        self.meter.add(sigma, losses)

    def _update(self, norm: float) -> None:
        """Changes the weights unless the gradient is not finite; many of those in a row raise."""
        self.norm = norm
        self.skipped = 0 if np.isfinite(norm) else self.skipped + 1
        if self.skipped > MOST_SKIPPED:
            raise ValueError(
                f"the gradient of {self.job.name} was not finite in {self.skipped} steps in a row; "
                f"its last checkpoint lies in {self.job.folder}."
            )
        if not self.skipped:
            for optimiser in self.optimisers:
                optimiser.step()
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        self.steps += 1
        self.pictures += self.config.batch
        keep = decay(self.pictures, self.config.batch, self.config.ema_share)
        self.ema.update(self.module, keep)

    def _begin_decay(self, clock: Clock) -> None:
        # Experts branch from here, and a longer run goes on from here.
        self._report(clock)
        if self.takes_part and self.config.decay_share > 0:
            self._save(checkpoint.UNDECAYED, last=False)
        self.decaying = True

    def _report(self, clock: Clock) -> None:
        # Before every save: a run that goes on from there has lost what the meter held.
        if self.pictures == self.reported:
            return
        values = {"since": self.reported, **self.meter.read(), **clock.read(self.pictures)}
        values |= {"step": self.steps, "seconds": round(self.seconds, 1), "norm": self.norm}
        values |= {"rate": self.optimisers[0].param_groups[0]["lr"]}
        self.reported = self.pictures
        if self.log is not None:
            self.log.write("train", self.pictures, values)
            self.job.say(
                f"{self.job.name}: {self.pictures:,} pictures, loss {values['loss']:.4f}, "
                f"{values['pictures_per_second']:.1f}/s, waits {values['waiting']:.1%}, "
                f"{self.progress:.0%} of the budget"
            )

    def _look(self, due: Set[str]) -> None:
        for watch in self.job.watches:
            if watch.name not in due:
                continue
            half = half_precision(self.device, self.config.precision == "bf16")
            try:
                with torch.no_grad(), half, self.ema.swapped_in(self.module):
                    seen = watch.look(self.module, self.pictures)
            except (ValueError, OSError) as error:
                self.job.say(f"{self.job.name}: there is no {watch.name} this time: {error}")
                continue
            if self.log is not None:
                self.log.write(watch.name, self.pictures, seen)

    def _save(self, name: str, last: bool) -> None:
        state = sharding.whole(self.state()) if self.job.sharded else self.state()
        if not self.main:
            return
        try:
            checkpoint.save(self.job.folder / name, state)
        except ValueError as error:
            if last:
                raise
            self.job.say(f"{error} Training goes on and tries again.")

    def state(self) -> dict[str, Any]:
        """Everything that a run needs to go on as if it had never stopped."""
        return {
            "name": self.job.name,
            "config": as_json(self.config),
            "pictures": self.pictures,
            "steps": self.steps,
            "seconds": self.seconds,
            "decaying": self.decaying,
            "objective": self.objective.state_dict(),
            "ema": dict(self.ema.state()),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }

    def resume(self) -> None:
        """Takes over the last checkpoint; the undecayed one when the budget has grown."""
        for stale in self.job.folder.glob(".part-*"):
            stale.unlink(missing_ok=True)
        state = checkpoint.load(self.job.folder / checkpoint.FILE)
        if state is None:
            return
        undecayed = self.job.folder / checkpoint.UNDECAYED
        if state["decaying"] and undecayed.exists():
            self.pictures, self.seconds = state["pictures"], state["seconds"]
            if self.progress < 1 - self.config.decay_share:
                state = checkpoint.read(undecayed)
        self._take(state)
        self.job.say(f"{self.job.name}: goes on after {self.pictures:,} pictures.")

    def _take(self, state: dict[str, Any]) -> None:
        try:
            own = self.objective.state_dict()
            parts = {n: sharding.parted(t, own[n]) for n, t in state["objective"].items()}
            self.objective.load_state_dict(parts)
            averages = self.ema.state()
            self.ema.load({n: sharding.parted(t, averages[n]) for n, t in state["ema"].items()})
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                rates = [group["rate"] for group in optimiser.param_groups]
                optimiser.load_state_dict(sharding.parted_state(saved, optimiser))
                for group, rate in zip(optimiser.param_groups, rates, strict=True):
                    group["rate"] = rate
        except (RuntimeError, KeyError, ValueError) as error:
            raise ValueError(
                f"the checkpoint in {self.job.folder} belongs to another network or optimiser; "
                "choose an empty folder."
            ) from error
        if state["pictures"] != state["steps"] * self.config.batch:
            raise ValueError(
                f"the checkpoint in {self.job.folder} was made with batches of "
                f"{state['pictures'] // max(1, state['steps'])}, not {self.config.batch}."
            )
        self.pictures, self.steps = state["pictures"], state["steps"]
        self.seconds, self.decaying = state["seconds"], state["decaying"]
