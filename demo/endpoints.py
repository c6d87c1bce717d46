"""The studio's named endpoints, joined to the page: where each waits, and the type of its answers.

What they do is the business of `demo.api` and `demo.api_compare`.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, get_args

from gradio.events import api

from demo.api import Api
from demo.api_compare import Comparison
from demo.engine import Engine
from demo.waiting import MODEL_QUEUE


def build(model: Engine) -> None:
    """Adds the endpoints to the page of the current Blocks context."""
    own = Api(model)
    streamed = (own.generate, own.paint, own.style, own.upscale, Comparison(own).compare)
    for each in streamed:
        api(
            _described(each),
            api_name=each.__name__,
            concurrency_id=MODEL_QUEUE,
            concurrency_limit=1,
        )
    api(own.unknown_words, api_name="unknown_words", queue=False)
    api(own.recall, api_name="recall", queue=False)


def _described(streamed: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """The same, with the type of one answer where Python has the type of the stream."""

    @wraps(streamed)
    def described(*given: Any) -> Iterator[Any]:
        yield from streamed(*given)

    signature = inspect.signature(streamed)
    (answer,) = get_args(signature.return_annotation)
    described.__dict__["__signature__"] = signature.replace(return_annotation=answer)
    return described
