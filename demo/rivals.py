"""The networks of a model that can stand side by side, and how one that is not in use is loaded.

It reads what files say of themselves; weights only where a rival is asked for.
"""

from __future__ import annotations

from ediffi.diffusion.noise import EVERYTHING
from ediffi.joining import member
from ediffi.loading import locate
from ediffi.model_folder import read_model
from ediffi.pipeline import EDiffI


def networks(source: str) -> tuple[str, ...]:
    """The network or ensemble of `source`, then all others that serve every noise level.

    Raises FileNotFoundError or ValueError in one sentence, as loading would.
    """
    folder, chosen = locate(source)
    contents = read_model(folder)
    mine = chosen or contents.default
    larger = {name for stage in contents.stages.values() for name in stage}
    alone = [
        name
        for name in contents.networks
        if name not in larger and member(contents, name).descent.serves == EVERYTHING
    ]
    return tuple(dict.fromkeys((mine, *contents.ensembles, *alone)))


def load_rival(source: str, name: str) -> EDiffI:
    """The model of `source` with the network or ensemble `name`; errors as in `networks`."""
    folder, _ = locate(source)
    return EDiffI.from_pretrained(folder / name)
