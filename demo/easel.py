"""The easel: the part of the page on which pictures form, and the value that travels to it.

The value is plain JSON with pictures as base64 PNG, so that a preview never becomes a file on the
server, and a client of the API gets the same value that the page gets. How it is shown is the
business of `easel.js`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from demo import regions
from demo.engine import Painted, Progress, Request

STOPPED: dict[str, Any] = {"phase": "stopped"}
REFUSED: dict[str, Any] = {"phase": "refused"}


def easel() -> gr.HTML:
    """The component; no subclass of gr.HTML, for which gradio would write a file beside it."""
    return part("easel", value=None, elem_id="easel", before=("masks", "inks"))


def part(name: str, value: Any, elem_id: str, before: Sequence[str] = ()) -> gr.HTML:
    """A gr.HTML from `<name>.html` and `<name>.js` of this folder; scripts `before` go first."""
    return gr.HTML(
        value=value,
        html_template=Path(__file__).with_name(f"{name}.html").read_text(encoding="utf-8"),
        js_on_load="\n".join(script(each) for each in (*before, name)),
        apply_default_css=False,
        elem_id=elem_id,
    )


def script(name: str) -> str:
    """The text of `<name>.js` of this folder."""
    return Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")


def shown(event: Progress | Painted, request: Request, run: str) -> dict[str, Any]:
    """The value for one record of an engine; `run` tells the records of two runs apart."""
    value = {"run": run, "prompt": request.prompt, "seconds": round(event.seconds, 3)}
    if isinstance(event, Progress):
        pictures = [
            {"png": _base64(_png(preview)), "seed": request.seed + k}
            for k, preview in enumerate(event.previews)
        ]
        return value | {
            "phase": "painting",
            "step": event.step,
            "of": event.of,
            "sigma": round(event.sigma, 4),
            "who": event.who,
            "pictures": pictures,
        }
    pictures = [
        {"png": _base64(picture.png), "seed": picture.seed, "name": picture.name}
        for picture in event.pictures
    ]
    lost = [regions.left_out(request.lost)] if request.lost else []
    return value | {
        "phase": "done",
        "pictures": pictures,
        "notes": [*event.notes, *lost],
        "regions": regions.as_json(request.prompt, request.painting)["regions"],
    }


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    # Level 1: a preview lives for a tenth of a second.
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
