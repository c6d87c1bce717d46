"""Named points where attention can be read or edited while a network runs.

A tap is an identity until someone listens, and listening ends with its `with` block, also after an
error. Taps know nothing of who listens or why.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from torch import Tensor, nn

Listener = Callable[[str, Tensor], Tensor | None]


class Tap(nn.Module):
    """An identity with a name; a listener that returns a tensor replaces the value."""

    def __init__(self) -> None:
        """Nobody listens yet; the name is set by the network that owns the tap."""
        super().__init__()
        self.name = ""
        self._listeners: list[Listener] = []

    @property
    def heard(self) -> bool:
        """Whether someone listens, so that the value must be computed explicitly."""
        return bool(self._listeners)

    def forward(self, value: Tensor) -> Tensor:
        """The value after every listener, in the order they attached."""
        for listener in self._listeners:
            changed = listener(self.name, value)
            value = value if changed is None else changed
        return value


def name_taps(network: nn.Module) -> None:
    """Give every tap of a network its path, e.g. `down.1.attention.0.cross.scores`."""
    for path, module in network.named_modules():
        if isinstance(module, Tap):
            module.name = path


def tap_names(network: nn.Module) -> list[str]:
    """The names of all taps of a network, in the order of its modules."""
    return [module.name for module in network.modules() if isinstance(module, Tap)]


@contextmanager
def listening(
    network: nn.Module, chosen: Callable[[str], bool], listener: Listener, alone: bool = False
) -> Iterator[None]:
    """Attach `listener` to the taps whose names are `chosen`, for the time of the block.

    Scores are (b, heads, pixels, tokens) before the softmax and already divided by sqrt(d); with a
    painting they include its bonus. Probabilities have the same shape. `alone` keeps others who
    listen to the network from hearing anything for that time. Raises ValueError when no tap is
    chosen.
    """
    taps = [m for m in network.modules() if isinstance(m, Tap) and chosen(m.name)]
    if not taps:
        raise ValueError(f"no tap is chosen; this network has {', '.join(tap_names(network))}")
    with unheard(network) if alone else nullcontext():
        for tap in taps:
            tap._listeners.append(listener)
        try:
            yield
        finally:
            for tap in taps:
                tap._listeners.remove(listener)


@contextmanager
def unheard(network: nn.Module) -> Iterator[None]:
    """Keep all who listen to `network` from hearing anything for the time of the block."""
    kept = {m: m._listeners for m in network.modules() if isinstance(m, Tap)}
    for tap in kept:
        tap._listeners = []
    try:
        yield
    finally:
        for tap, listeners in kept.items():
            tap._listeners = listeners
