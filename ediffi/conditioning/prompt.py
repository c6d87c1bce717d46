"""What a person typed, as characters: cleaning, phrases as spans, spans as columns of tokens.

It knows words and characters only. Which tokens a text has, others know: they hand in the
character span of each column (`EncodedText.t5_offsets`, `.clip_offsets`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

MAX_CHARACTERS = 2_000
DETERMINERS = frozenset(
    "a an the this that these those some many several no each every one two three four five six"
    " my your his her its our their".split()
)
JOINTS = frozenset(
    "and or but with without of in on at by to from for as is are was were under below beneath"
    " above over beside near behind before between into onto through around there".split()
)
"""English words that end a phrase on its left; the lists decide on a hint, on no picture."""
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

        A phrase ends before a word that joins, before a determiner and at punctuation. English
        only, and by lists alone: verbs that follow a noun belong to its phrase.
        """
        found: list[Span] = []
        said = False
        for word in self.word_spans:
            text = self.text[word.start : word.end].lower()
            if text in JOINTS:
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
