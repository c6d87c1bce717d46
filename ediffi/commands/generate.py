"""`generate`: sentences become PNG files that carry their recipes.

Paths are proved writable before a model is loaded, and every batch is on the disk before the next
one is sampled, so that stopping loses only what was not finished.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from ediffi.build import SOLVERS
from ediffi.conditioning.embeddings import EMBEDDINGS
from ediffi.files import check_writable
from ediffi.pipeline import EDiffI
from ediffi.recipe import write_png
from ediffi.request import Request

MOST_PICTURES = 10_000

Number = TypeVar("Number", int, float)


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("generate", help="sample pictures for sentences")
    parser.add_argument("prompts", nargs="*", metavar="prompt", help='"" is the empty prompt')
    parser.add_argument("--prompt-file", type=Path, help="more prompts, one in each line")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one picture for each")
    parser.add_argument("--model", default="storybook", help="name, folder or hub id")
    parser.add_argument("--size", type=int, help="in pixels; the model's own if left out")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument(
        "--window", type=float, nargs=2, metavar=("LOW", "HIGH"), help="sigmas that are guided"
    )
    parser.add_argument("--solver", help=", ".join(SOLVERS))
    parser.add_argument(
        "--without", nargs="+", default=[], metavar="EMBEDDING", help=", ".join(EMBEDDINGS)
    )
    parser.add_argument(
        "--stage-steps", nargs="+", default=[], metavar="STAGE=N", help="e.g. sr256=8"
    )
    parser.add_argument(
        "--stage-guidance", nargs="+", default=[], metavar="STAGE=G", help="e.g. sr256=1.5"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--out", type=Path, default=Path("."), help="a .png for one picture, else a folder"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Samples and writes; ValueError or OSError in one sentence."""
    asked = [(p, seed) for p in _prompts(given) for seed in given.seed]
    if not 1 <= len(asked) <= MOST_PICTURES:
        raise ValueError(
            f"{len(asked)} pictures are asked for; give a prompt, and at most {MOST_PICTURES}"
            " pictures at once."
        )
    paths = output_paths(asked, given.out)
    for path in paths:
        check_writable(path)
    model = EDiffI.from_pretrained(given.model, device=given.device)
    requests = [
        model.request(
            prompt,
            seed,
            given.size,
            given.steps,
            given.guidance,
            solver=given.solver,
            window=given.window,
            without=given.without,
            stage_steps=per_stage(given.stage_steps, int),
            stage_guidance=per_stage(given.stage_guidance, float),
        )
        for prompt, seed in asked
    ]
    for prompt in dict.fromkeys(request.prompt for request in requests):
        for sentence in model.report(prompt).sentences():
            print(f"{prompt[:60]!r}: {sentence}", file=sys.stderr)
    _sample(model, requests, paths)
    return 0


def output_paths(asked: Sequence[tuple[str, int]], out: Path) -> list[Path]:
    """Where each (prompt, seed) goes: `out` itself if it is a .png, else a name of its own in it.

    Raises ValueError for several pictures and one file name, or a file that is no .png.
    """
    if out.suffix and not out.is_dir():
        if out.suffix.lower() != ".png":
            raise ValueError(f"{out} is no .png; only PNG files carry a recipe.")
        if len(asked) > 1:
            raise ValueError(f"{len(asked)} pictures do not fit into {out}; give a folder.")
        return [out]
    names: dict[str, None] = {}
    for prompt, seed in asked:
        base = f"{_slug(prompt)}-{seed}"
        name, count = base, 1
        while name in names:
            count += 1
            name = f"{base}-{count}"
        names[name] = None
    return [out / f"{name}.png" for name in names]


def per_stage(given: Sequence[str], kind: Callable[[str], Number]) -> dict[str, Number]:
    """What `name=value` words say; ValueError for a word that says nothing."""
    said = {}
    for word in given:
        name, equals, value = word.partition("=")
        try:
            said[name] = kind(value)
        except ValueError:
            equals = ""
        if not (name and equals):
            raise ValueError(f"{word!r} is no stage and value such as sr256=8.")
    return said


def _sample(model: EDiffI, requests: Sequence[Request], paths: Sequence[Path]) -> None:
    groups = model.groups(requests)
    firsts = [requests[group[0]] for group in groups]
    total = sum(r.sampling.steps + sum(s.sampling.steps for s in r.stages) for r in firsts)
    with tqdm(total=total, unit="step", disable=None) as bar:
        for group in groups:
            for step in model.steps([requests[index] for index in group]):
                bar.update()
                for index, result in zip(group, step.results, strict=False):
                    write_png(result.image, result.recipe, paths[index])
                    bar.write(str(paths[index]), file=sys.stdout)


def _prompts(given: argparse.Namespace) -> list[str]:
    prompts = list(given.prompts)
    if given.prompt_file is not None:
        try:
            lines = given.prompt_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"Cannot read the prompts in {given.prompt_file}: {error}.") from None
        prompts += [line for line in lines if line.strip()]
    return prompts


def _slug(prompt: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", prompt[:200].lower()).strip("-")[:60] or "picture"
