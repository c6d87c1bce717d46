"""A request told in words: what the visitor asked for, in the order in which the page asks it.

Plain text; who shows it escapes it. It knows no model and no page.
"""

from __future__ import annotations

from analysis.side_by_side import TOLD
from demo.engine import Request
from demo.regions import USUAL
from demo.steering import INSIST, Steering


def told(request: Request, seed: int | None = None) -> str:
    """One line: sentence, seed (another one where it is given), settings, and what steers it.

    >>> told(Request("a red fox", 7, 18, 3.0, size=64))
    '“a red fox”, seed 7, 18 steps, guidance 3, 64 px'
    """
    said = [f"“{request.prompt}”" if request.prompt else "no sentence"]
    said.append(f"seed {request.seed if seed is None else seed}")
    said.append(f"{request.steps} step{'s' if request.steps > 1 else ''}")
    said.append(f"guidance {request.guidance:g}")
    if request.size is not None:
        said.append(f"{request.size} px")
    if request.network is not None:
        said.append(f"by {request.network}")
    if request.painting:
        phrases = " and ".join(f"“{region.phrase}”" for region in request.painting)
        said.append(f"places painted for {phrases}")
        if request.manner.elsewhere != USUAL.elsewhere:
            said.append(f"held back elsewhere by {request.manner.elsewhere:.0%}")
        if request.manner.pull:
            said.append(f"pulled there by {request.manner.pull:g}")
        if request.manner.collage:
            said.append("begun as a collage")
        if request.manner.overlap != USUAL.overlap:
            said.append(f"the {request.manner.overlap} counts where they overlap")
    return ", ".join([*said, *steered(request.steering)])


def steered(steering: Steering) -> list[str]:
    """What steers a picture besides its sentence and its painting; nothing of what is usual."""
    said = []
    if steering.lends:
        said.append(f"a lent look at strength {steering.strength:g}")
    if steering.turn:
        share, words = steering.turn
        said.append(f"“{words}” from {share:.0%} of the steps on")
    if steering.insist != INSIST:
        said.append(f"insisted on by {steering.insist:g}" if steering.insist else "not insisted on")
    if steering.without:
        said.append(f"without {' and '.join(TOLD[name] for name in steering.without)}")
    return said
