"""How studies are run: one after the other, skipping what is there, carrying on past what fails.

It opens models, keeps the samples and writes a record and a figure for each study. Which studies
there are says `register`; what they measure is theirs.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from analysis.judge import WEIGHTS as JUDGE
from analysis.judge import Judge, load_judge
from analysis.records import Record, Wanted, read_record
from analysis.samples import Samples, quiet
from ediffi import __version__
from ediffi.config import DenoiserConfig, from_json
from ediffi.files import check_writable, sha256_of, written_whole
from ediffi.joining import member
from ediffi.loading import SHIPPED, locate, shipped_folder
from ediffi.model_folder import read_model
from ediffi.pipeline import EDiffI
from ediffi.precision import fastest_dtype
from ediffi.recipe import Environment
from ediffi.storybook.evaluation import MOST, Progress
from ediffi.storybook.inspector import WEIGHTS, Inspector, load_inspector
from ediffi.weights import WEIGHTS as NETWORK_WEIGHTS

FEWEST = 2
SECONDS = 10.0
CLIP_WEIGHTS = "open_clip_model.safetensors"
NEEDS = ("experts", "stages", "T5", "CLIP image")
RECORD = "Record"
"""The text in a figure's PNG that has the sha256 of the record it was drawn from."""
MEASURED, KEPT, LEFT_OUT, FAILED = STATES = ("measured", "kept", "left out", "failed")


class Figure(Protocol):
    """What can be saved as a picture: a figure of matplotlib's."""

    def savefig(self, fname: Any, *, dpi: float, metadata: dict[str, str]) -> None:
        """Writes it to a file."""
        ...


class Setting:
    """What a study is given: a model folder, `n`, a seed, shared samples, the inspector, progress.

    Networks are opened when a study asks for them. Raises FileNotFoundError or ValueError for a
    source that is no model.
    """

    def __init__(
        self,
        source: str | Path,
        n: int,
        seed: int,
        samples: Samples,
        tell: Progress = quiet,
        device: str = "cpu",
        inspector: Path = WEIGHTS,
    ) -> None:
        self.source, self.n, self.seed = source, n, seed
        self.samples, self.tell, self.device = samples, tell, device
        self.folder, chosen = locate(source)
        self.contents = read_model(self.folder)
        self.network = chosen or self.contents.default
        self._inspector = inspector
        self._reader: Inspector | None = None
        self._open: dict[tuple[str, torch.dtype | None], EDiffI] = {}

    def model(self, network: str | None = None, dtype: torch.dtype | None = None) -> EDiffI:
        """A network or ensemble of the folder, the chosen one by default; opened once."""
        key = network or self.network, dtype
        if key not in self._open:
            self._open[key] = EDiffI.from_pretrained(self._named(key[0]), self.device, dtype)
        return self._open[key]

    @property
    def reader(self) -> Inspector:
        """The inspector, loaded when it is first asked for."""
        if self._reader is None:
            self._reader = load_inspector(self._inspector)
        return self._reader

    @property
    def judge(self) -> Judge | None:
        """The second CLIP, None where there is none or where it conditions this very model."""
        own = self.contents.sha256.get(f"clip/{CLIP_WEIGHTS}")
        if not (JUDGE / CLIP_WEIGHTS).exists() or sha256_of(JUDGE / CLIP_WEIGHTS) == own:
            return None
        return load_judge(JUDGE)

    @property
    def baseline(self) -> str:
        """The network that experts are compared with: the one of this name, else the default."""
        return "baseline" if "baseline" in self.contents.networks else self.contents.default

    @property
    def ensemble(self) -> str | None:
        """The chosen ensemble, else the folder's first; None where there is none."""
        ensembles = self.contents.ensembles
        return self.network if self.network in ensembles else next(iter(ensembles), None)

    def lacks(self) -> tuple[str, ...]:
        """Which of `NEEDS` the folder does not offer; no weights are read."""
        dims = self._base.encoders
        there = {
            "experts": bool(self.contents.ensembles),
            "stages": bool(self.contents.stages),
            "T5": dims.t5 > 0,
            "CLIP image": dims.image > 0,
        }
        return tuple(need for need in NEEDS if not there[need])

    def digest(self, stages: bool = False) -> str:
        """The sha256 of what a study may use: what was chosen, encoders, base networks, who reads.

        `stages` adds the super-resolution networks; a study of the base is not made old by them.
        """
        members = [member(self.contents, name) for name in self.contents.networks]
        side = self._base.resolution
        networks = {m.name: m.sha256 for m in members if stages or m.config.resolution == side}
        readers = [self._inspector / NETWORK_WEIGHTS, JUDGE / CLIP_WEIGHTS]
        sums = [sha256_of(path) for path in readers if path.exists()]
        facts = [self.network, networks, self.contents.sha256, sums]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def _base(self) -> DenoiserConfig:
        names = self.contents.ensembles.get(self.network) or (self.network.split("+")[0],)
        return member(self.contents, names[0]).config

    def _named(self, network: str) -> str | Path:
        if network == self.network:
            return self.source
        shipped = self.folder == shipped_folder()
        return f"{SHIPPED}/{network}" if shipped else self.folder / network


@dataclass(frozen=True)
class Study:
    """One row of the register.

    `claim` is what the paper says; `measure` gives a record of class `kind`, which `figure` draws;
    `smallest` is the least `n` that says anything, `needs` what of `NEEDS` a model must have, and
    `changes` what its numbers mean since each version.
    """

    name: str
    claim: str
    measure: Callable[[Setting], Any]
    kind: type[Any]
    figure: Callable[[Any], Figure]
    smallest: int = FEWEST
    needs: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    def why_not(self, setting: Setting) -> str | None:
        """Why it cannot run here, or None."""
        missing = [need for need in self.needs if need in setting.lacks()]
        if missing:
            return f"it needs {' and '.join(missing)}, which {setting.source} does not have"
        if setting.n < self.smallest:
            return f"it needs n of at least {self.smallest}, not {setting.n}"
        return None


@dataclass(frozen=True)
class Outcome:
    """What came of one study: `state` is one of `STATES`, `told` says where or why."""

    study: str
    state: str
    told: str


def check_n(n: int) -> None:
    """Raises ValueError for an n that no study takes."""
    if not FEWEST <= n <= MOST:
        raise ValueError(f"n is {n} and must lie between {FEWEST} and {MOST}: one shows nothing.")


def run_studies(
    studies: Sequence[Study],
    setting: Setting,
    out: Path,
    heard: Callable[[Outcome], None] = lambda outcome: None,
) -> tuple[Outcome, ...]:
    """Runs studies in their order; `heard` is told of each as it ends.

    A record of the same n, seed, weights and version is kept. A study that fails or does not apply
    is told of and the next one begins. Raises ValueError where `out` cannot be written.
    """
    check_writable(out / "record.json")
    outcomes = []
    for study in studies:
        try:
            found = _run(study, setting, out)
        except Exception as error:  # whatever one study meets, the others are still worth having
            said = " ".join(str(error).split()) or type(error).__name__
            expected = isinstance(error, ValueError | OSError)
            found = Outcome(
                study.name, FAILED, said if expected else f"{type(error).__name__}: {said}"
            )
        heard(found)
        outcomes.append(found)
    return tuple(outcomes)


def recorded(study: Study, folder: Path) -> Any:
    """What the record of a study holds, as the study's own class; errors name the file."""
    return from_json(study.kind, read_record(folder / f"{study.name}.json").found)


def redraw(study: Study, out: Path) -> Path:
    """The figure of a record that is there, drawn again without a model; errors name the file."""
    return _draw(study, recorded(study, out), out)


def _run(study: Study, setting: Setting, out: Path) -> Outcome:
    reason = study.why_not(setting)
    if reason:
        return Outcome(study.name, LEFT_OUT, reason)
    path = out / f"{study.name}.json"
    digest = setting.digest("stages" in study.needs)
    wanted = Wanted(study.name, setting.n, setting.seed, digest, __version__, study.changes)
    otherwise: tuple[str, ...] = ()
    if path.exists():
        try:
            otherwise = wanted.differences(read_record(path))
        except ValueError as error:
            told = str(error).rstrip(".")
            raise ValueError(f"{told}; {path} stays as it is, choose another folder.") from None
        if not otherwise:
            return Outcome(study.name, KEPT, str(path))
    began = time.monotonic()
    found = study.measure(setting)
    seconds = time.monotonic() - began
    _record(study, setting, digest, found, seconds).write(path)
    figure = _draw(study, found, out)
    replaced = f", in place of another: {', '.join(otherwise)}" if otherwise else ""
    return Outcome(study.name, MEASURED, f"{path}, {figure.name}, {seconds:.0f} s{replaced}")


def _record(study: Study, setting: Setting, digest: str, found: Any, seconds: float) -> Record:
    device = torch.device(setting.device)
    command = f"python -m ediffi study {study.name} --n {setting.n} --seed {setting.seed}"
    return Record(
        study=study.name,
        version=1 + len(study.changes),
        ediffi=__version__,
        n=setting.n,
        seed=setting.seed,
        model=str(setting.source),
        weights=digest,
        environment=asdict(Environment.here(device, fastest_dtype(device))),
        command=f"{command} --model {setting.source}",
        found=asdict(found),
        seconds=round(seconds, 1),
    )


def _draw(study: Study, found: Any, out: Path) -> Path:
    path = out / f"{study.name}.png"
    drawn_from = {RECORD: sha256_of(path.with_suffix(".json"))}
    with written_whole(path) as temporary:
        study.figure(found).savefig(temporary, dpi=144, metadata=drawn_from)
    return path


class Lines:
    """Progress as lines on stderr, one every ten seconds for each kind of work."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def __call__(self, what: str, done: int, of: int) -> None:
        """Prints it if the last line of `what` is old enough."""
        now = self._clock()
        if now - self._last.setdefault(what, now) >= SECONDS:
            self._last[what] = now
            print(f"{what}: {done:,} of {of:,}", file=sys.stderr, flush=True)
