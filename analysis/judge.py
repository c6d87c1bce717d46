"""A CLIP that judges pictures and takes no part in painting them.

It conditions no network, so a model cannot have been trained to please it. It reads pictures and
captions, and knows neither who painted nor who is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.metrics import Features, cosines, of_clip
from ediffi.conditioning.clip import load_clip
from ediffi.storybook.inspector import WEIGHTS as INSPECTOR

WEIGHTS = INSPECTOR.parent / "judge"
"""The storybook's second CLIP, trained like the first from another seed."""
BATCH = 64

Texts = Callable[[Sequence[str]], np.ndarray]
"""Captions -> one vector each (n, d), in the space of the pictures' vectors."""


@dataclass(frozen=True)
class Judge:
    """Vectors of pictures and of captions in one space."""

    features: Features
    texts: Texts

    def scores(self, pictures: np.ndarray, captions: Sequence[str]) -> np.ndarray:
        """The CLIP score of each picture, uint8 (n, h, w, 3), with its caption: (n,), 0 to 100."""
        rows = range(0, len(captions), BATCH)
        seen = np.concatenate([self.features(pictures[k : k + BATCH]) for k in rows])
        return cosines(seen, np.concatenate([self.texts(captions[k : k + BATCH]) for k in rows]))


def load_judge(source: str | Path = WEIGHTS) -> Judge:
    """The judge in an open_clip folder, or by open_clip's name for it.

    Raises FileNotFoundError or ValueError as `load_clip` does.
    """
    towers = load_clip(source)

    def texts(captions: Sequence[str]) -> np.ndarray:
        return towers.encode_text(captions).pooled.float().cpu().numpy().astype(np.float64)

    return Judge(of_clip(towers, f"CLIP {Path(source).name}"), texts)
