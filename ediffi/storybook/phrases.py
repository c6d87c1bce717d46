"""How the storybook says things: word lists and sentence frames, with {slots} that `captions` fills.

Text only: nothing here knows a scene, and a phrase is never chosen here. Changing a line voids
the tokenizers and every weight that was trained on their captions.
"""

from __future__ import annotations

import re


def all_texts() -> list[str]:
    """Every text of this module with its {slots} taken out; captions contain no other words but nouns and names."""
    return []
