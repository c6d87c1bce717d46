"""eDiff-I: an ensemble of expert denoisers, from a sentence to a picture.

Importing this package loads nothing: `EDiffI` and `Painting` arrive when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .controls.paint_with_words import Painting
    from .pipeline import EDiffI

__version__ = "0.1.0"
__all__ = ["EDiffI", "Painting", "__version__"]

_HOMES = {"EDiffI": ".pipeline", "Painting": ".controls.paint_with_words"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
