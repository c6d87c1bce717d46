"""What every test runs under: offline libraries, no outside host, one way to find a browser.

The settings of the environment are made before the libraries read them, and notebook kernels
inherit them. Nothing here knows the code under test.
"""

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator

import pytest

OFFLINE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}
os.environ.update(OFFLINE)

# Workers that share the cores would wait for each other's threads.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class OutsideHost(OSError):
    """A test that is not marked `network` tried to reach another machine."""


def _is_local(address: object) -> bool:
    """Tell loopback and file sockets from everything else."""
    if not isinstance(address, tuple):
        return True
    host = address[0]
    if host in ("", "localhost"):
        return True
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return False
    return parsed.is_loopback or parsed.is_unspecified


@pytest.fixture(autouse=True)
def no_outside_host(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse connections to other machines, so that a green run is an offline run."""
    if request.node.get_closest_marker("network"):
        yield
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if not _is_local(address):
            raise OutsideHost(f"this test tried to reach {address!r}; mark it `network`")
        connect(self, address)  # pyright: ignore[reportArgumentType]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium; a machine without one fails here, it does not skip."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail("no Chromium found: install it, or set CHROMIUM to its path")
    return path
