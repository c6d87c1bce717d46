"""The README's first picture: sentences of the studio's cards, painted larger than on the cards.

It paints what the cards ask for with the cards' own seeds, as the studio would, and chooses
nothing.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from demo.examples import PLAIN, Example
from ediffi import images
from ediffi.files import written_whole
from ediffi.pipeline import EDiffI

SIZE = 256
SHOWN = 12
COLUMNS = 4
GAP = 14
LETTERS, LETTER_SIZE, LINE = 40, 12, 16
"""Letters in a line, their size and the height of a line, in pixels; two lines hold a sentence."""
PAPER, INK = "#fbf8f2", "#33312e"


def page(model: EDiffI, examples: Sequence[Example], size: int) -> Image.Image:
    """The pictures of these cards at `size` px, each above its sentence."""
    wide, high = SIZE + GAP, SIZE + 2 * LINE + 2 * GAP
    rows = -(-len(examples) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * wide + GAP, rows * high + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(LETTER_SIZE)
    for place, card in enumerate(examples):
        row, column = divmod(place, COLUMNS)
        left, top = GAP + column * wide, GAP + row * high
        far = card.steering.insist
        picture = model.generate(card.prompt, card.seed, size=size, insist=far).image
        sheet.paste(picture.resize((SIZE, SIZE), Image.Resampling.NEAREST), (left, top))
        for k, line in enumerate(textwrap.wrap(card.prompt, LETTERS)):
            middle = left + SIZE // 2, top + SIZE + GAP // 2 + k * LINE
            pen.text(middle, line, INK, font, anchor="ma")
    return sheet


def main() -> int:
    """`python -m demo.front_page`: the first twelve cards as docs/img/cards.jpg."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="storybook")
    parser.add_argument("--out", type=Path, default=Path("docs/img/cards.jpg"))
    given = parser.parse_args()
    model = EDiffI.from_pretrained(given.model)
    size = SIZE if SIZE in model.sizes else model.sizes[-1]
    with written_whole(given.out) as part:
        page(model, PLAIN[:SHOWN], size).save(part, format="jpeg", quality=images.JPEG_QUALITY)
    print(given.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
