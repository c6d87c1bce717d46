"""`study`: one of the paper's studies, or all of them, measured, recorded and drawn.

    python -m ediffi study list
    python -m ediffi study all --n 256 --out runs/studies

It is the door to `analysis`, which `ediffi` knows nothing of otherwise and loads only here.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

ALL, LIST = "all", "list"
MODEL = "storybook/experts"
"""The paper's Config D, whichever network the storybook opens with."""


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("study", help="measure what the paper claims")
    parser.add_argument("name", help=f"a study, {ALL} of them, or {LIST}, which names them")
    parser.add_argument("--n", type=int, default=64, help="how many are measured (64)")
    parser.add_argument("--model", default=MODEL, help="name, folder or hub id (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/studies"), help="records, figures")
    parser.add_argument(
        "--samples", type=Path, default=Path("runs/samples"), help="pictures that studies share"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--redraw", action="store_true", help="only draw the figure of a record that is there"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Runs what is asked for; 1 where a study failed, ValueError or OSError in one sentence."""
    register, studying, samples = _studies()
    if given.name == LIST:
        print("\n".join(_row(study) for study in register.STUDIES))
        return 0
    chosen = register.STUDIES if given.name == ALL else (register.study(given.name),)
    if given.redraw:
        for study in chosen:
            print(studying.redraw(study, given.out))
        return 0
    studying.check_n(given.n)
    lines = studying.Lines()
    setting = studying.Setting(
        given.model,
        given.n,
        given.seed,
        samples.Samples(given.samples, lines),
        lines,
        given.device,
    )
    outcomes = studying.run_studies(
        chosen, setting, given.out, lambda o: print(f"{o.study}: {o.state}: {o.told}", flush=True)
    )
    counts = [(state, sum(o.state == state for o in outcomes)) for state in studying.STATES]
    print(", ".join(f"{count} {state}" for state, count in counts if count))
    return int(any(outcome.state == studying.FAILED for outcome in outcomes))


def _studies() -> tuple[ModuleType, ModuleType, ModuleType]:
    try:
        from analysis import register, samples, studying
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Studies need {error.name}: pip install 'ediffi[notebooks]' brings what they draw"
            " with, and the folder analysis of this project measures."
        ) from error
    return register, studying, samples


def _row(study) -> str:
    needs = f"; needs {', '.join(study.needs)}" if study.needs else ""
    return f"{study.name:18} {study.claim} (n from {study.smallest}{needs})"
