"""The README's pictures that notebooks paint: taken from what the notebooks have stored.

It runs nothing: `make notebooks` runs them first. A picture of the README is then of the same
weights as the notebook that it is said to be of.
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Mapping
from pathlib import Path

import nbformat

from ediffi.files import written_whole

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "img"
PICTURES: Mapping[str, str] = {
    "attention_maps": "03_the_words_speak_while_the_noise_is_high",
    "painted": "08_painted_words_put_things_where_they_are_painted",
    "style": "10_a_picture_lends_its_look",
    "variations": "11_one_sentence_gives_many_pictures",
    "written": "13_a_sign_says_its_word",
}
"""Each is the first figure of its notebook."""


def first_figure(notebook: Path) -> bytes:
    """The first figure that a notebook has stored, a PNG; ValueError where it has none."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", ()):
            if png := output.get("data", {}).get("image/png"):
                return base64.b64decode(png)
    raise ValueError(f"{notebook} has no figure stored: run `make notebooks`.")


def main() -> int:
    """`python -m analysis.notebook_pictures`: write them into docs/img."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    for name, notebook in PICTURES.items():
        path = IMAGES / f"{name}.png"
        with written_whole(path) as temporary:
            temporary.write_bytes(first_figure(ROOT / "notebooks" / f"{notebook}.ipynb"))
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
