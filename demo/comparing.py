"""What is put side by side for one request: which requests, in which order, under which labels.

The same choices as the studies of switched sentences and of encoders make. It asks an engine what
it has, and paints through it one picture after the other; no page is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from analysis.side_by_side import EIGHT, SHARES, departure, difference, left_out, named
from demo.checks import clean
from demo.engine import Engine, Painted, Picture, Progress, Request
from demo.steering import INSIST, STRENGTH
from ediffi.conditioning.prompt import Prompt

KINDS = {
    "encoders": "The encoders",
    "words": "When the words change",
    "painting": "With and without the painted places",
    "look": "With and without the lent look",
    "insist": "With and without insisting on all that is named",
    "networks": "The experts and the baseline",
}
"""What can be compared, and how a visitor is told of it."""


@dataclass(frozen=True)
class Variant:
    """One picture of a comparison; one that `borrows` takes its look from the first picture."""

    label: str
    request: Request
    borrows: bool = False


@dataclass(frozen=True)
class Tile:
    """The `index`-th picture, counted from 0, is finished; `note` is its distance from the others.

    `said` is what the engine told of it.
    """

    index: int
    picture: Picture
    request: Request
    note: str
    said: tuple[str, ...] = ()


def chosen(kind: object) -> str:
    """A kind of comparison, checked; ValueError for what is none."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"There is nothing to compare that is called {str(kind)[:40]!r}.")
    return kind


def variants(kind: str, asked: Request, model: Engine, words: object = None) -> tuple[Variant, ...]:
    """The pictures to put side by side, one of each; `words` come later where they change.

    Raises ValueError, in a sentence that says what is missing, where there is nothing to compare.
    """
    asked = replace(asked, pictures=1)
    later = clean("" if words is None else words, "The later sentence")
    if kind == "words":
        return _switched(asked, model, later)
    makers: dict[str, Callable[[Request, Engine], tuple[Variant, ...]]] = {
        "encoders": _encoders,
        "painting": _painted,
        "look": _lent,
        "insist": _insisted,
        "networks": _networks,
    }
    return makers[kind](asked, model)


def paint(kind: str, put: tuple[Variant, ...], model: Engine) -> Generator[Progress | Tile]:
    """Paints them one after the other: steps, then a tile, for each.

    Steps count through all pictures. Closing the iterator stops the work.
    """
    made: list[Picture] = []
    for index, variant in enumerate(put):
        request = variant.request
        if variant.borrows:
            steering = request.steering
            strength = steering.strength or STRENGTH
            lent = replace(steering, look=made[0].image, strength=strength)
            request = replace(request, steering=lent)
        with closing(model.paint(request)) as events:
            for event in events:
                if isinstance(event, Painted):
                    made.append(event.pictures[0])
                    yield Tile(index, made[-1], request, note(kind, made), event.notes)
                else:
                    yield replace(event, step=index * event.of + event.step, of=len(put) * event.of)


def order(kind: str, count: int) -> list[int]:
    """The indices of so many pictures as they are shown: the later words alone come last."""
    if kind != "words":
        return list(range(count))
    return [0, *range(2, count), 1]


def remarks(labels: Sequence[str], said: Sequence[Sequence[str]]) -> list[str]:
    """What the engine told of the pictures, each once; under its labels where not of all.

    >>> remarks(["one", "two"], [["both", "this"], ["both"]])
    ['both', 'one: this']
    """
    found = []
    for remark in dict.fromkeys(each for row in said for each in row):
        whose = [label for label, row in zip(labels, said, strict=True) if remark in row]
        found.append(remark if len(whose) == len(labels) else f"{', '.join(whose)}: {remark}")
    return found


def note(kind: str, made: list[Picture]) -> str:
    """How far the last picture lies from the first; for changed words, on the way to the second.

    The second picture of changed words is the later sentence's alone, so that all can be measured.
    """
    if len(made) == 1:
        return ""
    first, last, this = (np.asarray(made[k].image.convert("RGB")) for k in (0, 1, -1))
    if kind != "words":
        return f"differs from the first by {difference(this, first):.0%}"
    if len(made) == 2:
        return f"differs from the first by {difference(last, first):.0%}"
    return f"{departure(this, first, last)[0]:.0%} as far from the first picture as the last one"


def _encoders(asked: Request, model: Engine) -> tuple[Variant, ...]:
    bare = replace(asked.steering, style=(), look=None)
    found = []
    for heard in EIGHT:
        seen = "clip_image" in heard
        steering = asked.steering if seen else bare
        if seen and not steering.strength:
            steering = replace(steering, strength=STRENGTH)
        deaf = tuple(name for name in left_out(heard) if name != "clip_image")
        borrows = seen and not (steering.style or steering.look is not None)
        label = named(heard) + (" (the first picture)" if borrows else "")
        variant = replace(asked, steering=replace(steering, without=deaf))
        found.append(Variant(label, variant, borrows))
    return tuple(found)


def _switched(asked: Request, model: Engine, words: str) -> tuple[Variant, ...]:
    turn = asked.steering.turn
    later = words or (turn[1] if turn else "")
    if not later:
        raise ValueError("There are no later words: write them here, or on Create.")
    if asked.painting:
        asked = replace(asked, painting=(), lost=())
    first = replace(asked, steering=replace(asked.steering, turn=None))
    found = [
        Variant("The first words alone", first),
        Variant("The later words alone", replace(first, prompt=later)),
    ]
    for share in reversed(SHARES):
        schedule = model.schedule(asked.steps, share)
        begins = schedule.begins or 0
        if begins >= len(schedule.sigmas):
            continue
        label = f"Later words from {share:.0%} on, σ\u00a0{schedule.sigmas[begins]:.3g}"
        steering = replace(asked.steering, turn=(share, later))
        found.append(Variant(label, replace(asked, steering=steering)))
    return tuple(found)


def _painted(asked: Request, model: Engine) -> tuple[Variant, ...]:
    if not asked.painting:
        raise ValueError("Nothing is painted: give a phrase its place on Create first.")
    without = replace(asked, painting=(), lost=())
    found = [Variant("Without the painted places", without)]
    if asked.manner.elsewhere:
        by_paper = replace(asked, manner=replace(asked.manner, elsewhere=0.0))
        found.append(Variant("By the paper, nothing held back", by_paper))
    if asked.manner.pull:
        found.append(Variant("Not pulled", replace(asked, manner=replace(asked.manner, pull=0.0))))
    if asked.manner.collage:
        plain = replace(asked.manner, collage=False)
        found.append(Variant("Not begun as a collage", replace(asked, manner=plain)))
    return *found, Variant("With them", asked)


def _lent(asked: Request, model: Engine) -> tuple[Variant, ...]:
    if not asked.steering.lends:
        raise ValueError("No picture lends its look: give one on Create first.")
    without = replace(asked, steering=replace(asked.steering, style=(), look=None))
    strength = f"With it, at strength {asked.steering.strength:g}"
    return Variant("Without the lent look", without), Variant(strength, asked)


def _insisted(asked: Request, model: Engine) -> tuple[Variant, ...]:
    turn = asked.steering.turn
    said = [asked.prompt, *(turn[1:] if turn else ())]
    if not asked.painting and not any(Prompt(text).arranges for text in said):
        raise ValueError(
            "The sentence names no two things and places none, so nothing of it is insisted on."
        )
    far = asked.steering.insist or INSIST
    return tuple(
        Variant(label, replace(asked, steering=replace(asked.steering, insist=value)))
        for label, value in (("Not insisted on", 0.0), (f"Insisted on by {far:g}", far))
    )


def _networks(asked: Request, model: Engine) -> tuple[Variant, ...]:
    names = model.networks()
    if len(names) < 2:
        only = ", ".join(names)
        raise ValueError(f"This model has one network, {only}: there is no other beside it.")
    return tuple(Variant(name, replace(asked, network=name)) for name in names)
