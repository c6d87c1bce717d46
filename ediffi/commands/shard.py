"""`shard`: pictures with captions become shards that `train --data` reads.

It hands settings over and prints the report; whatever is left out is counted there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ediffi.precision import usable_device
from ediffi.shards.encoding import AestheticHead, Embedder, load_head
from ediffi.shards.listing import list_pictures, told
from ediffi.shards.making import make_shards
from ediffi.shards.sources import open_encoders
from ediffi.shards.work import Settings, Work


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("shard", help="make shards of your own pictures, to train on")
    parser.add_argument(
        "source",
        type=Path,
        help="a folder of pictures, or a captions file of COCO or Visual Genome",
    )
    parser.add_argument("--images", type=Path, help="the folder of that file's pictures")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the shards")
    parser.add_argument("--resolution", type=int, default=64, help="side in pixels")
    parser.add_argument("--encoders", default="storybook", help="a model, or a folder of t5, clip")
    parser.add_argument("--min-clip-score", type=float, help="least cosine of caption and picture")
    parser.add_argument("--min-aesthetic", type=float, help="least score by the aesthetic head")
    parser.add_argument("--aesthetic-head", type=Path, help="safetensors with weight and bias")
    parser.add_argument("--shard-size", type=int, default=1000, help="pictures per shard")
    parser.add_argument("--workers", type=int, default=1, help="processes that decode pictures")
    parser.add_argument("--device", default="cpu", help="where the encoders run")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Makes what is missing and prints what was kept and dropped; ValueError or OSError."""
    head = _head(given)
    settings = Settings(
        resolution=given.resolution,
        shard_size=given.shard_size,
        min_clip_score=given.min_clip_score,
        min_aesthetic=given.min_aesthetic,
        aesthetic_head=None if head is None else head.sha256,
    )
    if given.source.is_dir() and given.out.resolve().is_relative_to(given.source.resolve()):
        raise ValueError(f"{given.out} lies inside {given.source}; choose a folder beside it.")
    usable_device(given.device)
    listing = list_pictures(given.source, given.images)
    encoders, source = open_encoders(given.encoders, given.device)
    embedder = Embedder(encoders, given.min_clip_score, head, given.device)
    work = Work(listing, settings, embedder, source, given.out)
    report = make_shards(work, given.workers)
    dropped = {reason: range(count) for reason, count in report["dropped"].items()}
    reasons = f" ({told(dropped)})" if dropped else ""
    print(
        f"{given.out}: kept {report['kept']:,} pictures of {given.resolution} px (shards:"
        f" {len(report['shards']):,}), left out {sum(map(len, dropped.values())):,}{reasons}."
    )
    if report["cut_captions"]:
        print(
            f"{report['cut_captions']:,} captions are longer than a context and are read in part."
        )
    return 0


def _head(given: argparse.Namespace) -> AestheticHead | None:
    if (given.min_aesthetic is None) != (given.aesthetic_head is None):
        raise ValueError(
            "--min-aesthetic and --aesthetic-head go together: a score needs a head that gives it,"
            " a safetensors file with weight and bias over CLIP image vectors."
        )
    if given.min_aesthetic is None:
        return None
    return load_head(given.aesthetic_head, given.min_aesthetic)
