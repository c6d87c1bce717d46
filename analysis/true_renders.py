"""Unseen scenes as the artist drew them: the truth that networks and stages are measured against.

It draws scenes of the test split and writes a caption for each; it knows no network.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ediffi import images
from ediffi.storybook.captions import write_caption
from ediffi.storybook.drawing import render
from ediffi.storybook.scene import sample_scene


def true_renders(side: int, n: int) -> tuple[Tensor, list[str]]:
    """`n` unseen scenes (n, 3, side, side) in [-1, 1], and a caption of each; always the same."""
    scenes = [sample_scene(seed, split="test") for seed in range(n)]
    drawn = [images.to_tensor(np.asarray(render(scene, side))) for scene in scenes]
    return torch.stack(drawn), [write_caption(s, k).text for k, s in enumerate(scenes)]
