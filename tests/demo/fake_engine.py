"""A painter that only pretends: the real engine's records and refusals, pictures of a few ovals.

Its pictures go from coarse noise to a small scene, one step at a time, and depend on the seed, so
that a test can see a picture change while it forms; painted regions are flat patches, words count
that begin before the middle, and the baseline sees everything darker. It takes `pace` seconds per
step.
"""

import io
import json
import re
import threading
from collections.abc import Generator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from demo import engine, regions
from demo.engine import (
    Defaults,
    Painted,
    Picture,
    Progress,
    Recalled,
    Request,
    Schedule,
    Shelf,
    Unknown,
)
from demo.inside import PARTS, STREAMS, Branch, Inside, Layer

COLOURS = {"red": "#d93a35", "orange": "#f6892a", "blue": "#2f70d8", "teal": "#0fabad"}
PATCH = (250, 40, 160)  # a colour that is nowhere else in the scene
KNOWN = {*COLOURS, "a", "an", "the", "in", "fox", "owl", "house", "meadow", "sea", "and", "under"}


class FakeEngine:
    """`painted` counts the runs that reached their end, `closed` those that were stopped."""

    def __init__(
        self, pace: float = 0.0, steps: int = 12, networks: tuple[str, ...] = ("experts",)
    ) -> None:
        self.pace = pace
        self._networks = networks
        self.steps = steps
        self.requests: list[Request] = []
        self.painted = 0
        self.closed = threading.Event()

    def forget(self) -> None:
        """As if nothing had been painted yet."""
        self.requests.clear()
        self.closed.clear()
        self.painted = 0

    def defaults(self) -> Defaults:
        return Defaults(self.steps, guidance=3.0)

    def shelves(self) -> tuple[Shelf, ...]:
        return (Shelf("colours", tuple(COLOURS)), Shelf("things", ("fox", "owl", "house")))

    def unknown(self, prompt: str) -> tuple[Unknown, ...]:
        found = (Unknown(m.start(), m.end(), m[0]) for m in re.finditer(r"\w+", prompt))
        return tuple(word for word in found if word.word.lower() not in KNOWN)

    def paint(self, request: Request) -> Generator[Progress | Painted]:
        self.requests.append(request)
        seeds = range(request.seed, request.seed + request.pictures)
        turn = request.steering.turn
        words = turn[1] if turn and turn[0] < 0.5 else request.prompt
        clean = np.stack([scene(words, seed) for seed in seeds])
        clean *= 0.6 if request.network == "baseline" else 1.0
        if request.source is not None:
            with Image.open(request.source) as given:
                side = request.size or 64
                clean = np.asarray(given.convert("RGB").resize((side, side)), dtype=float)[None]
        for region in request.painting:
            clean[:, np.frombuffer(region.mask, np.uint8).reshape(64, 64) > 0] = PATCH
        noise = np.stack([np.random.default_rng(s).normal(size=clean.shape[1:]) for s in seeds])
        try:
            first = 0 if request.manner.collage else 1
            for step in range(first, request.steps + 1):
                threading.Event().wait(self.pace)
                sigma = 20.0 * (1 - step / request.steps) ** 3
                previews = np.clip(clean + 40 * sigma**0.5 * noise, 0, 255).astype(np.uint8)
                who = "" if step else "sketching what is painted"
                yield Progress(step, request.steps, sigma, step * self.pace, previews, who)
        except GeneratorExit:
            self.closed.set()
            raise
        self.painted += 1
        pictures = (
            picture(Image.fromarray(pixels.astype(np.uint8)), request, seed)
            for pixels, seed in zip(clean, seeds, strict=True)
        )
        notes = () if request.prompt else ("No sentence was given: any scene may come.",)
        yield Painted(tuple(pictures), request.steps * self.pace, notes)

    def schedule(self, steps: int, share: float | None = None) -> Schedule:
        sigmas = tuple(80.0 * 0.5**k for k in range(steps))
        who = tuple("high" if sigma > 10 else "low" for sigma in sigmas)
        return Schedule(sigmas, who, None if share is None else max(1, round(share * steps)))

    def networks(self) -> tuple[str, ...]:
        return self._networks

    def look_inside(self, request: Request) -> Generator[Progress | Inside]:
        for event in self.paint(request):
            if isinstance(event, Progress):
                yield event
            else:
                yield heard(request, event.pictures[0])

    def recall(self, png: Path) -> Recalled:
        with engine.open_png(png) as opened:
            text = opened.info.get("fake-recipe")
        if text is None:
            raise ValueError("This picture carries no recipe.")
        recipe = json.loads(text)
        sent = recipe.pop("painting")
        painting, _ = regions.read(sent, recipe["prompt"])
        manner = regions.read_manner(sent)
        return Recalled(Request(**recipe, painting=painting, manner=manner))


def heard(request: Request, painted: Picture) -> Inside:
    """Each word looked at in a spot of its own, less and less; CLIP hears twice as much as T5."""
    words, steps = tuple(re.findall(r"\w+", request.prompt)), request.steps
    layers = Layer("down.2", 16, 16), Layer("middle", 8, 8)
    maps = []
    for layer in layers:
        y, x = np.mgrid[: layer.rows, : layer.columns] / layer.rows + 0.5 / layer.rows
        places = [(k + 0.5) / len(words) for k in range(len(words))]
        spots = np.stack([np.exp(-40 * ((x - p) ** 2 + (y - 0.6) ** 2)) for p in places])
        fading = np.linspace(0.3, 0.03, steps)[:, None, None, None, None]
        maps.append(fading * np.stack([spots, spots / 2])[None])
    told = np.linspace(0.4, 0.04, steps)[:, None]
    shares = np.concatenate([told, told / 2, told / 4, 0 * told, 1 - 1.75 * told], 1)
    nothing = np.tile([0.0, 0.0, 0.0, 0.0, 1.0], (steps, 2, 1))
    nothing[-2:] = np.nan
    assert len(STREAMS) == 2 and len(PARTS) == 5
    return Inside(
        png=painted.png,
        name=painted.name,
        seed=painted.seed,
        seconds=0.5,
        words=words,
        sigmas=tuple(20.0 * (1 - k / steps) ** 3 for k in range(steps)),
        experts=("high",) * (steps // 2) + ("low",) * (steps - steps // 2),
        layers=layers,
        branches=(
            Branch("words", tuple(maps), np.stack([shares, shares], 1)),
            Branch("nothing", (), nothing),
        ),
        npz=b"PK maps",
    )


def scene(prompt: str, seed: int) -> np.ndarray:
    """(64, 64, 3) float: sky, hill, and one round thing in the sentence's first colour."""
    chance = np.random.default_rng(seed)
    fill = next((COLOURS[word] for word in prompt.split() if word in COLOURS), "#f4f1eb")
    page = Image.new("RGB", (256, 256), "#a3d6f0")
    pen = ImageDraw.Draw(page)
    sun = int(chance.integers(24, 80))
    pen.ellipse((sun, 28, sun + 40, 68), fill="#fbe08a")
    pen.ellipse((-90, 130, 190, 330), fill="#8cc46a")
    pen.ellipse((60, 150, 360, 360), fill="#6aa84f")
    x = int(chance.integers(70, 150))
    pen.ellipse((x - 46, 120, x + 46, 214), fill=fill)
    pen.polygon([(x - 40, 138), (x - 34, 88), (x - 6, 124)], fill=fill)
    pen.polygon([(x + 40, 138), (x + 34, 88), (x + 6, 124)], fill=fill)
    for eye in (x - 18, x + 14):
        pen.ellipse((eye, 146, eye + 9, 162), fill="#2b2231")
    return np.asarray(page.resize((64, 64), Image.Resampling.BOX), dtype=float)


def picture(image: Image.Image, request: Request, seed: int) -> Picture:
    text = PngInfo()
    recipe = {
        "prompt": request.prompt,
        "seed": seed,
        "steps": request.steps,
        "guidance": request.guidance,
        "size": request.size,
        "painting": regions.as_json(request.prompt, request.painting, request.manner),
    }
    text.add_text("fake-recipe", json.dumps(recipe))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=text)
    return Picture(image, buffer.getvalue(), seed, f"fake-{seed}.png")
