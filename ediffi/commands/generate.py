"""`generate`: sentences become PNG files that carry their recipes.

Paths are proved writable before a model is loaded, and every batch is on the disk before the next
one is sampled, so that stopping loses only what was not finished. A long list can be shared by
several processes (`worklist.py`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from ediffi.build import SOLVERS
from ediffi.conditioning.embeddings import EMBEDDINGS
from ediffi.control_options import Controls, add_control_options, controls
from ediffi.files import check_writable, text_lines
from ediffi.pipeline import EDiffI
from ediffi.recipe import write_png
from ediffi.request import Request
from ediffi.worklist import blocks, device_of, is_made, output_paths, parse_share

MOST_PICTURES = 100_000

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
    parser.add_argument("--insist", type=float, help="0 to 0.5; 0.05 brings more of what is named")
    add_stage_options(parser)
    add_control_options(parser)
    parser.add_argument(
        "--expert-guidance", nargs="+", default=[], metavar="EXPERT=G", help="e.g. high=5"
    )
    parser.add_argument(
        "--forget-at-seams",
        action="store_true",
        help="a multistep solver does not carry one expert's estimate over to the next",
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--share", metavar="K/N", help="paint only share K of N, from 0; torchrun sets it by itself"
    )
    parser.add_argument("--resume", action="store_true", help="leave out what --out already holds")
    parser.add_argument(
        "--out", type=Path, default=Path("."), help="a .png for one picture, else a folder"
    )
    parser.set_defaults(run=run)


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Steps, guidance and softening of super-resolution stages by name."""
    parser.add_argument(
        "--stage-steps", nargs="+", default=[], metavar="STAGE=N", help="e.g. sr256=8"
    )
    parser.add_argument(
        "--stage-guidance", nargs="+", default=[], metavar="STAGE=G", help="e.g. sr256=1.5"
    )
    parser.add_argument(
        "--stage-soften",
        nargs="+",
        default=[],
        metavar="STAGE=SIGMA",
        help="blur over the picture that a stage enlarges, in its pixels, e.g. sr256=1",
    )


def run(given: argparse.Namespace) -> int:
    """Samples and writes; ValueError or OSError in one sentence."""
    asked = [(p, seed) for p in _prompts(given) for seed in given.seed]
    if not 1 <= len(asked) <= MOST_PICTURES:
        raise ValueError(
            f"{len(asked)} pictures are asked for; give a prompt, and at most {MOST_PICTURES}"
            " pictures at once."
        )
    paths = output_paths(asked, given.out)
    own = blocks(len(asked), parse_share(given.share))
    for index in (index for block in own for index in block):
        check_writable(paths[index])
    model = EDiffI.from_pretrained(given.model, device=device_of(given.device))
    chosen = controls(model, given)
    told: set[str] = set()
    with tqdm(total=0, unit="step", disable=None) as bar:
        for block in own:
            requests = [_request(model, given, chosen, *asked[index]) for index in block]
            _notes(model, [r for r in requests if r.prompt not in told])
            told |= {request.prompt for request in requests}
            files = [paths[index] for index in block]
            _sample(model, requests, files, given.resume, bar)
    return 0


def _request(
    model: EDiffI, given: argparse.Namespace, chosen: Controls, prompt: str, seed: int
) -> Request:
    return model.request(
        prompt,
        seed,
        given.size,
        given.steps,
        given.guidance,
        chosen.painting,
        solver=given.solver,
        window=given.window,
        without=given.without,
        stage_steps=named_values(given.stage_steps, int),
        stage_guidance=named_values(given.stage_guidance, float),
        expert_guidance=named_values(given.expert_guidance, float),
        seam_history=False if given.forget_at_seams else None,
        style=chosen.style,
        timeline=chosen.timeline,
        t5_prompt=chosen.t5_prompt,
        clip_prompt=chosen.clip_prompt,
        insist=given.insist,
        stage_soften=named_values(given.stage_soften, float),
    )


def _notes(model: EDiffI, requests: Sequence[Request]) -> None:
    for prompt, request in {request.prompt: request for request in requests}.items():
        for sentence in model.report(request).sentences():
            print(f"{prompt[:60]!r}: {sentence}", file=sys.stderr)


def named_values(given: Sequence[str], kind: Callable[[str], Number]) -> dict[str, Number]:
    """What `name=value` words say; ValueError for a word that says nothing."""
    said = {}
    for word in given:
        name, equals, value = word.partition("=")
        try:
            said[name] = kind(value)
        except ValueError:
            equals = ""
        if not (name and equals):
            raise ValueError(f"{word!r} is no name and value such as sr256=8.")
    return said


def _sample(
    model: EDiffI, requests: Sequence[Request], paths: Sequence[Path], resume: bool, bar: tqdm
) -> None:
    """Paints one block; with `resume` the batches whose pictures are all there are left out."""
    groups = model.groups(requests)
    if resume:
        # All of them, not up to the first gap: a later file of other settings must be refused.
        made = [_made(model, request, path) for request, path in zip(requests, paths, strict=True)]
        groups = [group for group in groups if not all(made[index] for index in group)]
    firsts = [requests[group[0]] for group in groups]
    # The steps of later blocks are known when their prompts have been read.
    bar.total += sum(r.sampling.steps + sum(s.sampling.steps for s in r.stages) for r in firsts)
    for group in groups:
        for step in model.steps([requests[index] for index in group]):
            bar.update(step.index > 0)  # a sketch is no step of the picture
            for index, result in zip(group, step.results, strict=False):
                write_png(result.image, result.recipe, paths[index])
                bar.write(str(paths[index]), file=sys.stdout)


def _made(model: EDiffI, request: Request, path: Path) -> bool:
    return is_made(path, request, model.model.sums(request.stages))


def _prompts(given: argparse.Namespace) -> list[str]:
    prompts = list(given.prompts)
    if given.prompt_file is not None:
        try:
            lines = text_lines(given.prompt_file)
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"Cannot read the prompts in {given.prompt_file}: {error}.") from None
        prompts += [line for line in lines if line.strip()]
    return prompts
