"""`evaluate`: pictures for captions that nobody trained on, scored by the inspector.

With `--coco` or `--visual-genome` they are the captions of a data set in that format, and the
pictures are compared with its own in the features of a network; `analysis` measures that and is
loaded only then.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from ediffi.config import as_json
from ediffi.files import check_writable, write_json
from ediffi.pipeline import EDiffI
from ediffi.scores import painter, record
from ediffi.storybook.evaluation import Evaluation
from ediffi.storybook.evaluation import evaluate as score_model
from ediffi.storybook.inspector import WEIGHTS, load_inspector


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("evaluate", help="score a model on held-out captions")
    parser.add_argument("--n", type=int, default=1000, help="captions, one picture for each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", default="test", help="test, or held_out combinations")
    parser.add_argument("--length", default="short", help="of the captions: short or long")
    parser.add_argument("--model", default="storybook", help="name, folder or hub id")
    parser.add_argument("--inspector", type=Path, default=WEIGHTS, help="a network folder")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--insist", type=float, help="0 to 0.5; not with --coco")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=2, help="processes that draw true renders")
    parser.add_argument(
        "--coco",
        "--visual-genome",
        type=Path,
        help="a folder with captions*.json, or Visual Genome's paragraphs, and its pictures",
    )
    parser.add_argument("--size", type=int, help="in pixels; the model's own if left out")
    parser.add_argument(
        "--features", default="inspector", help="with --coco: inspector, or an open_clip folder"
    )
    parser.add_argument(
        "--samples", type=Path, default=Path("runs/samples"), help="with --coco: kept pictures"
    )
    parser.add_argument("--json", type=Path, help="write everything there as well")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Samples, reads, scores and prints a table."""
    if given.json is not None:
        check_writable(given.json)
    if given.coco is not None:
        return _coco(given)
    model = EDiffI.from_pretrained(given.model, device=given.device)
    inspector = load_inspector(given.inspector)
    asked = given.size, given.steps, given.guidance, given.insist
    bars: dict[str, tqdm] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in bars:
            bars[what] = tqdm(total=total, desc=what, disable=None)
        bars[what].update(done - bars[what].n)

    found = score_model(
        painter(model, *asked),
        inspector,
        n=given.n,
        seed=given.seed,
        split=given.split,
        length=given.length,
        progress=progress,
        workers=given.workers,
    )
    for bar in bars.values():
        bar.close()
    print(table(found))
    if given.json is not None:
        write_json(given.json, record(model, found, *asked))
        print(given.json, file=sys.stderr)
    return 0


def _coco(given: argparse.Namespace) -> int:
    """Distances on a folder in COCO's format; ImportError without the package `analysis`."""
    if given.insist is not None:
        raise ValueError("--insist is for the storybook's captions; leave it out with --coco.")
    try:
        from analysis import coco, judge, metrics, samples
    except ModuleNotFoundError as error:
        raise ImportError(f"--coco needs {error.name}, a folder of this project.") from error
    coco.collection(given.coco)
    if given.features == "inspector":
        features, texts = metrics.of_inspector(load_inspector(given.inspector)), None
        names = ["frechet", "kernel"]
    else:
        chosen = judge.load_judge(given.features)
        features, texts = chosen.features, chosen.texts
        names = ["frechet", "kernel", "cmmd"]
    bar = tqdm(desc="evaluating", disable=None)

    def progress(what: str, done: int, total: int) -> None:
        bar.set_description(what)
        bar.total = total
        bar.update(done - bar.n)

    model = EDiffI.from_pretrained(given.model, device=given.device)
    found = coco.measure(
        model,
        given.coco,
        features,
        samples.Samples(given.samples, progress),
        given.n,
        given.seed,
        given.size,
        given.steps,
        given.guidance,
        texts,
        names,
        progress,
    )
    bar.close()
    print("\n".join(coco.sentences(found)))
    if given.json is not None:
        write_json(given.json, as_json(found))
        print(given.json, file=sys.stderr)
    return 0


def table(found: Evaluation) -> str:
    """The scores in percent with 95 % intervals, chance, and the inspector on true renders."""
    lines = [
        f"{found.n} {found.length} captions of {found.split}, seed {found.seed}:"
        f" sampled in {found.sampling_seconds:.0f} s, read in {found.inspection_seconds:.0f} s,"
        f" {100 * found.unreadable:.1f} % unreadable",
        f"{'score':22} {'n':>5} {'%':>6} {'95 % interval':>15} {'chance':>7} {'renders':>8}",
    ]
    for score in found.scores:
        interval = f"{100 * score.low:.1f}..{100 * score.high:.1f}"
        lines.append(
            f"{score.name:22} {score.n:5} {100 * score.share:6.1f} {interval:>15}"
            f" {_percent(score.chance):>7} {_percent(score.inspector):>8}"
        )
    for distance in found.distances:
        lines.append(
            f"{distance.name:22} {distance.value:12.4f} ({distance.low:.4f}..{distance.high:.4f}),"
            f" true renders {distance.floor:.4f}"
        )
    for control in found.controls:
        lines.append(
            f"inspector on {control.name}: {100 * control.unreadable:.1f} % unreadable,"
            f" {control.things:.2f} things, thing {100 * control.thing:.1f} %,"
            f" colour {100 * control.colour:.1f} %"
        )
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
