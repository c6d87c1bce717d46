"""What a person typed, as characters: cleaning, phrases as spans, spans as columns of tokens.

It knows words and characters only. Which tokens a text has, others know: they hand in the
character span of each column (`EncodedText.t5_offsets`, `.clip_offsets`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ediffi.conditioning.sides import OPPOSITE, Stated, stated
from ediffi.conditioning.surroundings import surrounds

MAX_CHARACTERS = 2_000
NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten".split(), 1)
}
DETERMINERS = frozenset(
    "a an the this that these those some many several no each every"
    " my your his her its our their".split()
) | frozenset(NUMBERS)
JOINTS = frozenset(
    "and or but with without of in on at by to from for as is are was were under below beneath"
    " above over beside near behind before after between among during while into onto through"
    " around there".split()
)
"""English words that end a phrase on its left; the lists decide on a hint, on no picture."""
PLACING = frozenset("in at on by near through".split())
"""What follows these is where something is, not what it is."""
ADDING = frozenset("and or is are was were".split())
"""What follows a phrase with these means nothing without it."""
ADVERBS = frozenset("together next close just right front".split())
"""Words before `with`, `to` and `of` that mean nothing without what comes then."""
MOST_DESCRIBING = 4


def clean_prompt(text: str) -> str:
    """`text` with control characters and lone surrogates as blanks, and runs of blanks as one.

    Raises ValueError when more than 2,000 characters are left.
    """
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    clean = " ".join(plain.split())
    if len(clean) > MAX_CHARACTERS:
        raise ValueError(
            f"the prompt has {len(clean):,} characters and at most {MAX_CHARACTERS:,} are read."
        )
    return clean


@dataclass(frozen=True, order=True)
class Span:
    """Characters `start` to `end` (exclusive) of a prompt."""

    start: int
    end: int

    def __post_init__(self) -> None:
        """Raise ValueError for a span without characters."""
        if not 0 <= self.start < self.end:
            raise ValueError(f"a span needs 0 <= start < end, not {self.start} and {self.end}.")


@dataclass(frozen=True)
class Prompt:
    """A prompt; `text` is cleaned on the way in, and all spans refer to the cleaned text."""

    text: str

    def __post_init__(self) -> None:
        """Clean the text; raises as `clean_prompt` does."""
        object.__setattr__(self, "text", clean_prompt(self.text))

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for: the unconditional picture."""
        return not self.text

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the text, without punctuation around them."""
        return tuple(self.text[span.start : span.end] for span in self.word_spans)

    @property
    def word_spans(self) -> tuple[Span, ...]:
        """Where the words stand, from left to right."""
        return tuple(Span(*m.span()) for m in re.finditer(r"\w+(?:['’-]\w+)*", self.text))

    def phrase(self, phrase: str, occurrence: int = 1) -> Span:
        """Where `phrase` stands for the `occurrence`-th time, as whole words, in either case.

        Raises ValueError naming the phrase and the words of the prompt when it is not there.
        """
        if occurrence < 1:
            raise ValueError(f"occurrence counts from 1, and {occurrence} was given.")
        wanted = clean_prompt(phrase)
        if not wanted:
            raise ValueError("an empty phrase stands nowhere; name at least one word.")
        pattern = rf"(?<!\w){re.escape(wanted)}(?!\w)"
        found = [m.span() for m in re.finditer(pattern, self.text, re.IGNORECASE)]
        if not found:
            words = ", ".join(self.words) or "none"
            raise ValueError(
                f"the phrase {wanted!r} is not in the prompt, whose words are: {words}."
            )
        if occurrence > len(found):
            raise ValueError(
                f"the phrase {wanted!r} stands {len(found)} times in the prompt, "
                f"and occurrence {occurrence} was asked for."
            )
        return Span(*found[occurrence - 1])

    def described(self, span: Span) -> Span:
        """`span` with the words right before it that describe it: `a red fox` of `fox`.

        They end with a determiner, which belongs to them, or where the sentence is joined. English
        only; where more than four words lie before such an end, the span stays as it is.
        """
        start = span.start
        for _ in range(MOST_DESCRIBING + 1):
            found = re.search(r"(?<![^\s(\"“‘'])([^\W_]+(?:['’-]\w+)*)\s$", self.text[:start])
            word = found[1].lower() if found else ""
            if found is None or word in JOINTS:
                return Span(start, span.end)
            start = found.start(1)
            if word in DETERMINERS:
                return Span(start, span.end)
        return span

    @property
    def phrases(self) -> tuple[Span, ...]:
        """What the text speaks of: `a red fox` and `the snow` of `a red fox in the snow`.

        A phrase ends before a word that joins, before a determiner, at punctuation and at words
        that say a side, such as `to the left of`. English only, and by lists alone: verbs that
        follow a noun belong to its phrase.
        """
        found: list[Span] = []
        said = False
        of_sides = self._stated
        for word in self.word_spans:
            text = self.text[word.start : word.end].lower()
            if text in JOINTS or any(s.start <= word.start < s.end for s in of_sides):
                said = False
                continue
            before = found[-1] if said else None
            goes_on = before is not None and not self.text[before.end : word.start].strip()
            if before is not None and goes_on and text not in DETERMINERS:
                found[-1] = Span(before.start, word.end)
            else:
                found.append(word)
            said = True
        return tuple(span for span in found if not self._determines(span))

    @property
    def things(self) -> tuple[Span, ...]:
        """The phrases that name something in the picture: not where, when or how all of it is.

        `a red fox` of `a drawing of a red fox in the snow at night`. English only.
        """
        return tuple(
            span
            for span in self.phrases
            if not surrounds(Prompt(self.text[span.start : span.end]).words)
        )

    def rest(self, spans: Iterable[Span]) -> str:
        """What the text says without some phrases and the words that joined them to it.

        `in the snow` of `a fox and a tree in the snow` without both. English only; quotes and verbs
        stay. The text itself where no phrase is named.
        """
        gone = sorted(spans)
        if not gone:
            return self.text
        starts = [0, *accumulate((span.end for span in gone), max)]
        ends = [*(span.start for span in gone), len(self.text)]
        pieces = [
            self._unjoined(start, end, last=end == len(self.text))
            for start, end in zip(starts, ends, strict=True)
            if start < end
        ]
        return ", ".join(piece for piece in pieces if piece)

    def _unjoined(self, start: int, end: int, last: bool) -> str:
        """A piece of the text without what joined it to its neighbours."""
        words = [word for word in self.word_spans if start <= word.start and word.end <= end]
        while words and start and self._said(words[0], ADDING):
            words.pop(0)
        while words and not last and self._said(words[-1], JOINTS | DETERMINERS | ADVERBS):
            end = words.pop().start
        return self.text[words[0].start : end].strip(" ,.;:") if words else ""

    def _said(self, word: Span, listed: frozenset[str]) -> bool:
        """Whether a word is one of a list, or says a side."""
        sided = any(s.start <= word.start < s.end for s in self._stated)
        return sided or self.text[word.start : word.end].lower() in listed

    @property
    def sides(self) -> tuple[tuple[Span, str], ...]:
        """The phrases that the text puts on a side of the page, and the side.

        `a fox left of a tree` has a fox on the left and a tree on the right, and `on the left, a
        fox` is on the left. The sides are those of `sides.OPPOSITE`. English only.
        """
        phrases, found = self.phrases, []
        for told in self._stated:
            before = [p for p in phrases if p.end <= told.start]
            after = next((p for p in phrases if p.start >= told.end), None)
            if told.relative:
                if before and after and not self._between(told.end, after.start):
                    found += [(self._subject(before), told.side), (after, OPPOSITE[told.side])]
            elif before and not self._between(before[-1].end, told.start):
                found.append((self._subject(before), told.side))
            elif after and self._between(told.end, after.start) in ("", ","):
                found.append((after, told.side))
        return tuple(found)

    @property
    def arranges(self) -> bool:
        """Whether the text names several things, of which one may go unheard, or places one.

        `a fox under the moon` does neither: for every thing on a side it has its surroundings.
        """
        things = self.things
        placed = [span in things for span, _ in self.sides]
        return sum(map(self.counted, things)) > 1 or 2 * sum(placed) > len(placed)

    @property
    def _stated(self) -> tuple[Stated, ...]:
        return stated(self.text, JOINTS | DETERMINERS)

    def _between(self, start: int, end: int) -> str:
        return self.text[start:end].strip()

    def _subject(self, phrases: Sequence[Span]) -> Span:
        """The last of the phrases that does not tell where another is; the very last if all do."""
        for span in reversed(phrases):
            before = re.search(r"(\w+)\s+$", self.text[: span.start])
            if before is None or before[1].lower() not in PLACING:
                return span
        return phrases[-1]

    def counted(self, span: Span) -> int:
        """How many a phrase speaks of, 1 to 10: 3 for `three red flowers` and for `3 flowers`.

        English only; 1 where the phrase does not begin with a number that is known.
        """
        word = self.text[span.start : span.end].partition(" ")[0].lower()
        number = int(word) if re.fullmatch("[0-9]{1,2}", word) else NUMBERS.get(word, 1)
        return number if number in NUMBERS.values() else 1

    def _determines(self, span: Span) -> bool:
        return self.text[span.start : span.end].lower() in DETERMINERS

    def columns(self, span: Span, offsets: Sequence[tuple[int, int]]) -> list[int]:
        """The columns of a token stream whose characters overlap `span`.

        `offsets` holds one (start, end) per column of this text. The list is empty when the phrase
        did not fit into the stream. Raises ValueError when the span lies outside the text.
        """
        if span.end > len(self.text):
            raise ValueError(
                f"the span {span.start}..{span.end} leaves a prompt of {len(self.text)} characters."
            )
        return [
            column
            for column, (start, end) in enumerate(offsets)
            if start < end and start < span.end and end > span.start
        ]
