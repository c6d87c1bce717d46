"""Do written words come out, and which encoder brings them (paper Sec. 5.1 and 5.2, Fig. 11, 18)?

Captions of unseen scenes that state the word on a sign, painted from one noise each with T5 and
CLIP text, with T5 alone and with CLIP text alone; what is not heard is its exact null. The
inspector reads the signs and does not know the captions: it names a word of the storybook's list,
or none. It knows the front door and the inspector; no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.insisting import captions
from analysis.intervals import Share, share
from analysis.samples import Samples, sampled
from analysis.side_by_side import left_out, named
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.evaluation import Reader, Task, draw
from ediffi.storybook.inspector import Reading
from ediffi.storybook.scoring import YES, Fact, facts, marks, more_often, outcomes, score

HEARD = (("t5", "clip_text"), ("t5",), ("clip_text",))
"""The first is what the others are compared with, caption by caption."""
WORD, SIGN = "word", "sign"


@dataclass(frozen=True)
class Written:
    """What came of one choice of encoders: shares of the pictures, with 95 % intervals.

    `signs` show a sign at all, `right` one that carries the word; `more` is what `right` has more
    than with both encoders, in pairs, and (0, 0, 0) for these. `shown` has a letter for every
    caption (`scoring.marks`).
    """

    embeddings: tuple[str, ...]
    signs: Share
    right: Share
    more: Share
    shown: str


@dataclass(frozen=True)
class Length:
    """With both encoders: how many of the `n` words of so many letters are right."""

    letters: int
    n: int
    right: Share


@dataclass(frozen=True)
class WrittenWords:
    """The study on `n` captions; `chance` is the share with shuffled captions, `true` of renders.

    `chance` is None where too few captions are left to shuffle.
    """

    model: str
    n: int
    seed: int
    chance: float | None
    true: Share
    written: tuple[Written, ...]
    lengths: tuple[Length, ...]


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 96,
    seed: int = 0,
    steps: int | None = None,
    samples: Samples | None = None,
) -> WrittenWords:
    """Paints the first `n` captions that state a word, once with each choice of encoders.

    Raises ValueError as `insisting.captions` does.
    """
    asked = signposts(n, seed)
    stated = [facts(task.scene, task.caption) for task in asked]
    truth = reader.read(draw([task.scene for task in asked], workers=1))
    read: list[list[Reading]] = []
    for embeddings in HEARD:
        requests = [
            model.request(t.caption.text, t.seed, steps=steps, without=left_out(embeddings))
            for t in asked
        ]
        read.append(reader.read(readable(sampled(model, requests, samples))))
    shown = [marks(outcomes(WORD, stated, readings)) for readings in read]
    (both,) = (each for each in score(stated, read[0]) if each.name == WORD)
    return WrittenWords(
        model=model.model.name,
        n=n,
        seed=seed,
        chance=both.chance,
        true=_right(marks(outcomes(WORD, stated, truth))),
        written=tuple(
            _written(embeddings, readings, own, shown[0])
            for embeddings, readings, own in zip(HEARD, read, shown, strict=True)
        ),
        lengths=_by_length([_word(said) for said in stated], shown[0]),
    )


def signposts(n: int, seed: int = 0) -> list[Task]:
    """The first `n` captions that state a word; errors as in `insisting.captions`."""
    return captions(n, seed, (WORD,))


def sentences(found: WrittenWords) -> list[str]:
    """One sentence for every choice of encoders, one for the words' lengths, one for the reader."""
    said = []
    for each in found.written:
        more = (
            f"; {_points(each.more)} with the word than with both"
            if each is not found.written[0]
            else ""
        )
        said.append(
            f"{named(each.embeddings)} heard: a sign carries the word in {_share(each.right)}"
            f" of the pictures, and {_share(each.signs)} show a sign{more}."
        )
    lengths = ", ".join(
        f"{each.letters} letters {_share(each.right)}, n = {each.n}" for each in found.lengths
    )
    said.append(f"By the word's length: {lengths}.")
    chance = "" if found.chance is None else f", by chance {100 * found.chance:.1f} %"
    said.append(
        f"Of true renders the inspector reads {_share(found.true)}{chance} (n = {found.n})."
    )
    return said


def _written(
    embeddings: tuple[str, ...], readings: Sequence[Reading], shown: str, both: str
) -> Written:
    more = more_often(shown, both) if embeddings != HEARD[0] else None
    return Written(
        embeddings=embeddings,
        signs=share([any(seen.kind == SIGN for seen in reading.things) for reading in readings]),
        right=_right(shown),
        more=(more.value, more.low, more.high) if more else (0.0, 0.0, 0.0),
        shown=shown,
    )


def _word(said: Sequence[Fact]) -> str:
    (fact,) = (fact for fact in said if fact.score == WORD)
    return fact.things[0].word or ""


def _by_length(words: Sequence[str], shown: str) -> tuple[Length, ...]:
    rows = []
    for letters in sorted(set(map(len, words))):
        own = "".join(m for w, m in zip(words, shown, strict=True) if len(w) == letters)
        rows.append(Length(letters, len(own), _right(own)))
    return tuple(rows)


def _right(shown: str) -> Share:
    return share([mark == YES for mark in shown])


def _share(value: Share) -> str:
    middle, low, high = (100 * each for each in value)
    return f"{middle:.0f} % ({low:.0f} to {high:.0f})"


def _points(value: Share) -> str:
    middle, low, high = (100 * each for each in value)
    return f"{middle:+.0f} points ({low:+.0f} to {high:+.0f})"
