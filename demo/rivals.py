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
    """The network or ensemble of `source`, then all others that paint at every noise level.

    Raises FileNotFoundError or ValueError in one sentence, as loading would.
    """
    folder, chosen = locate(source)
    contents = read_model(folder)
    mine = chosen or contents.default
    members = {name: member(contents, name) for name in contents.networks}
    # A stage's network may lie there beside the experts that serve the stage.
    alone = [
        name
        for name, each in members.items()
        if each.descent.serves == EVERYTHING and not each.config.network.takes_low_res
    ]
    return tuple(dict.fromkeys((mine, *contents.ensembles, *alone)))


def load_rival(source: str, name: str) -> EDiffI:
    """The model of `source` with the network or ensemble `name`; errors as in `networks`."""
    folder, _ = locate(source)
    return EDiffI.from_pretrained(folder / name)
