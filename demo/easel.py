"""The easel: the part of the page on which pictures form, and the value that travels to it.

The value is plain JSON with pictures as base64 PNG, so that a preview never becomes a file on the
server, and a client of the API gets the same value that the page gets. How it is shown is the
business of `easel.js`.
"""

from __future__ import annotations

import base64
import io
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from demo import regions
from demo.engine import Engine, Painted, Picture, Progress, Request
from demo.told import steered, told


def easel() -> gr.HTML:
    """The component; no subclass of gr.HTML, for which gradio would write a file beside it."""
    return part("easel", value=None, elem_id="easel", before=("masks", "inks", "pictures", "brush"))


def part(
    name: str,
    value: Any,
    elem_id: str,
    before: Sequence[str] = (),
    constants: Mapping[str, Any] | None = None,
) -> gr.HTML:
    """A gr.HTML from `<name>.html` and `<name>.js` of this folder.

    `constants` by name and scripts `before` go first.
    """
    told = [f"const {each} = {json.dumps(kept)};" for each, kept in (constants or {}).items()]
    return gr.HTML(
        value=value,
        html_template=Path(__file__).with_name(f"{name}.html").read_text(encoding="utf-8"),
        js_on_load="\n".join([*told, *(script(each) for each in (*before, name))]),
        apply_default_css=False,
        elem_id=elem_id,
    )


def asks_first(event: str, answer: str = "undefined", inputs: str = "") -> str:
    """A first step in the browser that asks a sheet, which lets it through while it is free.

    Where something is on its way the sheet never answers, and what hangs on the click is not done.
    `answer` is the step's value, made of its `inputs`.
    """
    return f"""({inputs}) => new Promise((go) => {{
  const detail = () => go({answer});
  document.dispatchEvent(new CustomEvent("{event}", {{ detail }}));
}})"""


def script(name: str) -> str:
    """The text of `<name>.js` of this folder."""
    return Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")


def values(model: Engine, request: Request) -> Iterator[dict[str, Any]]:
    """One run as values of the easel; whoever stops asking stops the model."""
    run = secrets.token_hex(4)
    with closing(model.paint(request)) as events:
        for event in events:
            yield shown(event, request, run)


def shown(event: Progress | Painted, request: Request, run: str) -> dict[str, Any]:
    """The value for one record of an engine; `run` tells the records of two runs apart."""
    value = {"run": run, "prompt": request.prompt, "seconds": round(event.seconds, 3)}
    if isinstance(event, Progress):
        pictures = [
            {"png": preview(pixels), "seed": request.seed + k}
            for k, pixels in enumerate(event.previews)
        ]
        return value | {
            "phase": "painting",
            "step": event.step,
            "of": event.of,
            "sigma": round(event.sigma, 4),
            "who": event.who,
            "pictures": pictures,
        }
    pictures = [kept(picture, request) for picture in event.pictures]
    lost = [regions.left_out(request.lost)] if request.lost else []
    said = ", ".join(steered(request.steering))
    return value | {
        "phase": "done",
        "pictures": pictures,
        "notes": [*event.notes, *lost, *([f"Besides the sentence: {said}."] if said else [])],
        "regions": regions.as_json(request.prompt, request.painting)["regions"],
    }


def kept(picture: Picture, request: Request) -> dict[str, Any]:
    """A finished picture as the page gets it: the whole PNG, and its recipe in words."""
    return {
        "png": _base64(picture.png),
        "seed": picture.seed,
        "name": picture.name,
        "words": told(request, picture.seed),
    }


def stopped() -> dict[str, Any]:
    """The value of a run that its visitor stopped."""
    return _ended("stopped")


def refused(why: str = "") -> dict[str, Any]:
    """The value of a run that ended with an error, with its reason where one is known."""
    return _ended("refused") | {"why": why}


def preview(pixels: np.ndarray) -> str:
    """A picture (h, w, 3) uint8 that is still forming, as base64 PNG."""
    return _base64(_png(pixels))


def _ended(phase: str) -> dict[str, Any]:
    # A page is not told of a value that equals the one before, and two runs may end alike.
    return {"phase": phase, "which": secrets.token_hex(4)}


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    # Level 1: a preview lives for a tenth of a second.
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
