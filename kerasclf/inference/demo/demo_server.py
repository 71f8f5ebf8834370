"""Serves the page of `kerasclf demo` from this machine, until a signal ends it. Needs no TensorFlow."""

import contextlib
import errno
import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from importlib import util
from types import FrameType
from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.extras import install_command

FIRST_PORT, _PORTS = 7860, 100
LOOPBACK = "127.0.0.1"
_LOOPBACK_NAMES = ("localhost", LOOPBACK, "::1", "[::1]")
_LAST_PORT = 65535
_BACKLOG = 128
# A page that is open holds a connection, which would never end by itself.
_GRACE_S = 1
# The browser itself refuses everything from elsewhere: scripts, fonts, pictures and requests.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: blob:; "
    "frame-ancestors 'none'; form-action 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-dns-prefetch-control", b"off"),
    (b"referrer-policy", b"no-referrer"),
]


def check_gradio() -> None:
    """Checks that gradio is installed.

    Raises:
        KerasclfError: If it is not.
    """
    if util.find_spec("gradio") is None:
        raise KerasclfError(f"The page needs gradio, which is not installed. Install it: {install_command('demo')}.")


class OpenPort:
    """A port of this machine that waits for connections.

    Args:
        host: A name or an address of this machine.
        port: The port; None for the first free one from 7860.

    Raises:
        KerasclfError: If the host is none of this machine, or the port is not free.
    """

    def __init__(self, host: str = LOOPBACK, port: int | None = None) -> None:
        self.host = host
        self.socket = _listen(host, port)
        # Known after the socket is closed, too.
        self.address, self.port = self.socket.getsockname()[:2]

    @property
    def is_private(self) -> bool:
        """Whether only programs on this machine reach it."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """The address for a browser."""
        is_any = ipaddress.ip_address(self.address.partition("%")[0]).is_unspecified
        name = socket.gethostname() if is_any else self.host
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"


def is_loopback(host: str) -> bool:
    """Returns whether a host is reached from this machine alone.

    Raises:
        KerasclfError: If it is unknown.
    """
    return ipaddress.ip_address(_address(host, 0)[1][0].partition("%")[0]).is_loopback


def serve(app: Any, port: OpenPort, ready: Callable[[], None]) -> None:
    """Serves an application until Ctrl-C or SIGTERM.

    Args:
        app: A FastAPI application.
        port: Where; it is closed at the end.
        ready: Called when the page can be opened.

    Raises:
        KerasclfError: If the server cannot start.
    """
    import uvicorn
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app.add_middleware(_Headers)
    if port.is_private:
        # Otherwise a page from elsewhere, whose name an attacker leads to this machine, could ask the model.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*_LOOPBACK_NAMES, port.host])
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_S)
    server = uvicorn.Server(config)
    with port.socket, _until_signal() as stopped:
        thread = threading.Thread(target=server.run, args=([port.socket],), name="kerasclf-demo", daemon=True)
        thread.start()
        is_announced = False
        while thread.is_alive() and not stopped.wait(0.1):
            if server.started and not is_announced:
                is_announced = True
                ready()
        server.should_exit = True
        thread.join()
    if not stopped.is_set():
        raise KerasclfError(f"The server at {port.url} has ended unexpectedly.")


class _Headers:
    """Adds headers to every answer that keep the page on this machine."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self.app(scope, receive, send_with_headers)


@contextlib.contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """Yields an event that Ctrl-C and SIGTERM set. It is the usual end of a server, and no interruption."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(host: str, port: int | None) -> socket.socket:
    """Returns a socket at a port that is free."""
    if port is not None and not 0 <= port <= _LAST_PORT:  # 0 lets the system choose
        raise KerasclfError(f"port: expected a number from 1 to {_LAST_PORT}. Received: {port}.")
    for tried in range(FIRST_PORT, FIRST_PORT + _PORTS) if port is None else (port,):
        family, address = _address(host, tried)
        found = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":  # a port that was in use a moment ago is free; elsewhere it means another thing
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(_BACKLOG)
            return found
        except OSError as error:
            found.close()
            if error.errno == errno.EADDRINUSE:
                continue
            if error.errno == errno.EADDRNOTAVAIL:
                raise _no_host(host, "which is no address of this machine") from error
            raise KerasclfError(f"port: {tried} cannot be opened: {error.strerror}. Give another one.") from error
    if port is not None:
        raise KerasclfError(
            f"port: expected a free port. Received: {port}, which another program uses. Give another one, or leave it "
            f"out for the first free one from {FIRST_PORT}."
        )
    raise KerasclfError(f"The ports {FIRST_PORT} to {FIRST_PORT + _PORTS - 1} are all in use. Give a free `port`.")


def _address(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _no_host(host, "which is unknown") from error
    # A name such as localhost may have addresses of both kinds. Browsers try both.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


def _no_host(host: str, reason: str) -> KerasclfError:
    return KerasclfError(f"host: expected a name or an address of this machine. Received: {host}, {reason}.")
