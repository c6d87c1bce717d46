"""`bench`: the times of a picture and of one evaluation, printed beside their goals."""

from __future__ import annotations

import argparse
import json

from ediffi import config
from ediffi.bench import (
    ENSEMBLE_GOAL,
    MEMORY_GOAL,
    PAINTING_GOAL,
    PICTURE_GOALS,
    RATIO_GOAL,
    RECORDING_GOAL,
    Bench,
    run_bench,
)
from ediffi.forward_times import ForwardTime


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("bench", help="measure speed and memory on this machine")
    parser.add_argument("--model", default="storybook", help="name, folder or hub id")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=9, help="turns; medians are reported")
    parser.add_argument("--json", action="store_true", help="print the record instead")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Measures and prints."""
    found = run_bench(given.model, given.device, given.rounds)
    print(json.dumps(config.as_json(found), indent=1) if given.json else report(found))
    return 0


def report(found: Bench) -> str:
    """The measurements in words, each with its goal where it has one."""
    place = found.environment
    lines = [
        f"{found.model} on {place.device} ({place.processor}), {place.threads} threads,"
        f" torch {place.torch}",
        f"load                {found.load_seconds:6.2f} s",
    ]
    for picture in found.pictures:
        goal = PICTURE_GOALS.get(picture.size)
        goal = f" (goal {goal:g})" if goal else ""
        lines.append(
            f"{picture.size} px, {picture.dtype:9} {picture.seconds:8.2f} s{goal}, first preview"
            f" {picture.first_preview:.2f} s: {picture.steps} steps, guidance {picture.guidance:g}"
        )
    lines += [_forward(forward) for forward in found.forwards]
    both = found.ensemble
    lines.append(
        f"a step of three experts, {both.dtype}: {both.ensemble:.1f} ms, of one {both.one:.1f} ms:"
        f" ratio {both.ratio:.3f} over {both.pairs} pairs (goal {ENSEMBLE_GOAL})"
    )
    step = found.controls
    lines.append(
        f"a guided step, {step.dtype}: {step.plain:.1f} ms; that records attention"
        f" {step.recorded:.1f} ms: ratio {step.recording:.3f} (goal {RECORDING_GOAL}); painted"
        f" {step.painted:.1f} ms: ratio {step.painting:.3f} (goal {PAINTING_GOAL:.2f}), over"
        f" {step.turns} turns"
    )
    far = found.pulled
    lines.append(
        f"the smallest picture, {far.dtype}: {far.plain:.2f} s; that insists {far.insisting:.2f} s:"
        f" ratio {far.insisting / far.plain:.2f}; pulled to a painting {far.painted:.2f} s: ratio"
        f" {far.painted / far.plain:.2f}; begun as a collage {far.collaged:.2f} s: ratio"
        f" {far.collaged / far.plain:.2f}, over {far.n} turns"
    )
    whole = found.command
    lines.append(
        f"the whole command   {whole.seconds:6.1f} s for {whole.size} px, at most"
        f" {whole.peak_memory:.0f} MiB (goal {MEMORY_GOAL})"
    )
    lines.append(f"peak memory         {found.peak_memory:6.0f} MiB")
    return "\n".join(lines)


def _forward(forward: ForwardTime) -> str:
    ours = (
        f"U-Net, batch {forward.batch}, {forward.dtype}: {forward.ours:.1f} ms"
        f" ({forward.our_parameters:,} parameters)"
    )
    if forward.theirs is None:
        return f"{ours}; diffusers is not installed here, so nothing stands beside it"
    return (
        f"{ours}, diffusers {forward.theirs:.1f} ms ({forward.their_parameters:,}):"
        f" ratio {forward.ratio:.2f} (goal {RATIO_GOAL})"
    )
