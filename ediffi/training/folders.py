"""The pictures of one run: which sets are drawn, how many, and where their shards lie.

    data/train, data/flat             64 px, captions and caches, to train the base on
    data/signs, data/dressed          the same: words and clothes, which are rare and small
    data/words                        the same: one large sign a page, from which words are learnt
    data/pairs                        the same: two large things a page, to learn left and right
    data/styled-pairs                 the same in the eight styles that are not flat
    data/validation                   the same, to watch it
    data/large256, data/large1024     scenes at a stage's size, to train and to watch stages on

It draws what a plan asks for and knows no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ediffi.storybook.casting import Curriculum
from ediffi.storybook.dataset import render_shards
from ediffi.storybook.vocabulary import ANIMALS, STYLES
from ediffi.training.plans import StorybookPlan

FLAT_SEED = 10_000_000
"""How far the seeds of the flat scenes lie from those of the others."""
LARGE_SEED = 20_000_000
"""The same for each stage's scenes, times the place of the stage."""
RARE_SEED = 100_000_000
"""The same for each set of what is rare, times the place of the set."""
_PAIRS = Curriculum(styles=("flat",), min_things=2, max_things=2, min_size=0.3, tells_sides=True)
RARE: Mapping[str, Curriculum] = {
    "signs": Curriculum(kinds=("sign",)),
    "dressed": Curriculum(kinds=ANIMALS, dressed=1.0),
    "words": Curriculum(kinds=("sign",), styles=("flat",), max_things=1, min_size=0.5),
    "pairs": _PAIRS,
    "styled-pairs": replace(_PAIRS, styles=tuple(name for name in STYLES if name != "flat")),
}
"""Signs carry the words, animals wear the clothes: else one scene in twenty, and in seven.

A word changes few pixels of a page, so the loss asks for little else first: a large sign alone on a
flat page is where the network begins to listen to it. What it had learnt held where a third of the
pages were such, and faded where one in eight was; a fifth was too few captions to tell. Left and
right came to be heard the same way, of pairs whose captions say them (docs/training-log.md). With
mostly flat pages the distance to true ones rose, so pairs come in the other styles, too; what that
gives is not measured yet."""
SHARD_BYTES = 200_000_000
"""About how large a shard of large pictures may be."""


@dataclass(frozen=True)
class Folders:
    """The data folders under `root`, the folder of a run."""

    root: Path

    def of(self, name: str) -> Path:
        """The folder of a set of pictures."""
        return self.root / "data" / name

    def large(self, size: int, validation: bool = False) -> Path:
        """The folder of scenes of `size` px."""
        return self.of(f"large{size}-validation" if validation else f"large{size}")

    @property
    def training(self) -> list[Path]:
        """The folders that the base and the inspector are trained on."""
        return [self.of(name) for name in ("train", "flat", *RARE) if self.of(name).is_dir()]

    @property
    def shards(self) -> list[Path]:
        """Every shard of every set, in order."""
        return [
            shard
            for folder in sorted(self.of("train").parent.iterdir())
            for shard in sorted(folder.glob("shard-*.safetensors"))
        ]

    def draw(self, plan: StorybookPlan) -> int:
        """Draws what the plan asks for and is not there yet, on all cores; how many scenes.

        The plan's `first_seed` moves the scenes to train on alone: the held-out ones stay, so that
        runs on other scenes are watched by the same pictures.
        """
        drawn = 0
        for folder, split, seed, count, size, world in _sets(self, plan):
            render_shards(
                folder,
                split,
                seed if split == "validation" else plan.first_seed + seed,
                count,
                size=size,
                shard_size=max(1, min(2048, SHARD_BYTES // (3 * size * size))),
                curriculum=world,
                captions_per_scene=plan.captions_per_scene,
            )
            drawn += count
        return drawn


Set = tuple[Path, str, int, int, int, Curriculum | None]
"""Folder, split, distance of the first seed, scenes, pixels, a narrower world (None: all of it)."""


def _sets(folders: Folders, plan: StorybookPlan) -> Iterator[Set]:
    yield folders.of("train"), "train", 0, plan.scenes, 64, None
    yield folders.of("validation"), "validation", 0, plan.held_out, 64, None
    if plan.flat_scenes:
        flat = Curriculum(styles=("flat",))
        yield folders.of("flat"), "train", FLAT_SEED, plan.flat_scenes, 64, flat
    for place, (name, world) in enumerate(RARE.items(), 1):
        if count := dict(plan.rare_scenes).get(name):
            yield folders.of(name), "train", place * RARE_SEED, count, 64, world
    for place, (size, count) in enumerate(plan.large_scenes, 1):
        few = max(1, min(32, count // 8))
        yield folders.large(size), "train", place * LARGE_SEED, count, size, None
        yield folders.large(size, True), "validation", place * LARGE_SEED, few, size, None
