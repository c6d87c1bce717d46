"""The studio as an application: pages joined into one, safe launch settings, and the command line.

`build_app(engine)` returns the page and launches nothing, so tests can take it apart; `main()`
loads the model, prints the address and serves. Outside hosts are switched off here and nowhere
else.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from demo.engine import Engine
from demo.walls import Walled

if TYPE_CHECKING:
    import gradio as gr

OFFLINE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
TITLE = "The Storybook Studio"
HOUR = 3600
SESSIONS = 256  # last used ones of which the page's settings are kept, 0.2 MiB each; our choice
MOST_PLACES = 500  # visitors who may wait for the model, if so many are wanted


def build_app(engine: Engine, places: int | None = None) -> gr.Blocks:
    """The studio's pages around an engine, one tab each, and its endpoints.

    `places` is how many visitors may wait for the model, None for the usual number.
    """
    import gradio as gr

    from demo import easel, endpoints, waiting
    from demo.tabs import compare, create, gallery, inside

    engine = Walled(engine)
    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(HOUR, HOUR), fill_width=True
    ) as app:
        easel.part("header", value=None, elem_id="header")
        with gr.Tabs(elem_id="pages") as tabs:
            with gr.Tab("Create", id="create"):
                page = create.build(engine)
            with gr.Tab("Compare", id="compare") as tab:
                compare.build(engine, page, tabs, tab)
            with gr.Tab("Look inside", id="inside") as inner:
                inside.build(engine, inner, page)
            with gr.Tab("Gallery", id="gallery"):
                gallery.build(page, tabs)
        endpoints.build(engine)
    return waiting.with_waiting_room(app, places or waiting.PLACES)


def launch(app: gr.Blocks, host: str, port: int | None, mcp: bool = True) -> str:
    """Serves the app from other threads and returns its local address.

    Nothing is shared, monitored or recorded, errors do not echo what was sent, and uploads are
    small. With `mcp`, language models find the studio's tools at `demo.gate.TOOLS`.
    """
    from demo.gate import Gate
    from demo.theme import studio_css, studio_theme
    from demo.tools import Tools

    guard_pictures()
    guard_hosts()
    if port is not None:
        _check_free(host, port)
    _, address, _ = app.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        show_error=False,
        max_file_size="5mb",
        allowed_paths=[],
        enable_monitoring=False,
        run_history=False,
        state_session_capacity=SESSIONS,
        footer_links=["api"],
        ssr_mode=False,
        strict_cors=True,
        mcp_server=False,
        app_kwargs={"middleware": [(Gate, (Tools(app) if mcp else None,), {})]},
        theme=studio_theme(),
        css=studio_css(),
    )
    return address


def _check_free(host: str, port: int) -> None:
    # Asked here, because gradio's own refusal speaks of its environment variables.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = (error.strerror or "no reason given").lower()
            raise OSError(
                f"Port {port} of {host} cannot be used ({reason}); give another one with --port."
            ) from error


def guard_pictures() -> None:
    """Makes Pillow refuse pictures that unfold to more than 8 megapixels, whoever opens them."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = 8_388_608
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def guard_hosts() -> None:
    """Makes gradio refuse a file that is named by an address, where it would go and fetch it."""
    import gradio as gr
    from gradio import processing_utils

    async def refuse(url: str, cache_dir: str) -> str:
        raise gr.Error("The studio fetches nothing from other hosts.", print_exception=False)

    processing_utils.async_ssrf_protected_download = refuse


def main(arguments: Sequence[str] | None = None) -> int:
    """Opens the studio; returns the exit status."""
    options = _parser().parse_args(arguments)
    os.environ.update(OFFLINE)
    try:
        return _open(options)
    except ImportError as error:
        print(f"demo: {error.name} is missing: pip install 'ediffi[demo]'", file=sys.stderr)
    except (OSError, ValueError) as error:
        print(f"demo: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _open(options: argparse.Namespace) -> int:
    from demo.storybook import begin, load, paint_examples

    if options.paint_examples:
        paint_examples(load(options.model))
        return 0
    # Imported before the model's libraries are, so that the page does not wait for them.
    import gradio  # noqa: F401

    engine = begin(options.model)
    app = build_app(engine, options.queue)
    address = launch(app, options.host, options.port, options.mcp)
    print(f"The studio is open at {address}  (Ctrl-C closes it)", flush=True)
    try:
        _ = engine.model
        app.block_thread()
    finally:
        app.close(verbose=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Open the studio.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_port, help="port to listen on (the first free one from 7860)"
    )
    parser.add_argument("--model", default="storybook", help="name, folder or hub id (%(default)s)")
    parser.add_argument("--queue", type=_places, help="visitors who may wait for the model (16)")
    parser.add_argument(
        "--no-mcp", dest="mcp", action="store_false", help="offer no tools to language models"
    )
    parser.add_argument(
        "--paint-examples", action="store_true", help="paint the pictures of the cards and leave"
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give one from 1 to 65535")
    return int(text)


def _places(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_PLACES):
        raise argparse.ArgumentTypeError(
            f"{text!r} visitors cannot wait: give a number from 1 to {MOST_PLACES}"
        )
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
