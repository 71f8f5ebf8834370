"""Messages between workers: JSON with an optional file, over TCP. Each side notices when the other one ends."""

import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from queue import Queue
from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.log import Log

# Both sides send a sign of life this often. Without any for SILENCE_S, the other side counts as lost.
_BEAT_S = 4.0
SILENCE_S = 20.0
_BEAT = "beat"
_LONGEST = 64 << 20  # bytes of a message without its file
_COPIED = 1 << 20  # bytes of a file at once
_LOOK_EVERY_S = 0.2


class GoneError(Exception):
    """The other side has ended or does not answer any more. The message says how."""


class Message(dict[str, Any]):
    """A received message: plain JSON values by name."""

    @property
    def kind(self) -> str:
        """The kind of the message, such as `"ready"`."""
        return str(self["kind"])


class Connection:
    """A connection to another process.

    Args:
        connected: Its socket.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        connected.settimeout(SILENCE_S)
        with contextlib.suppress(OSError):  # a connection that is not TCP
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input, self._sending = connected.makefile("rb"), threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, kind: str, file: Path | None = None, **values: Any) -> None:
        """Sends a message. If the other side has ended, `receive` will say so.

        Args:
            kind: Its kind.
            file: A file that follows it.
            values: Plain JSON values.
        """
        size = file.stat().st_size if file else 0
        with contextlib.suppress(OSError), self._sending:
            self._socket.sendall(json.dumps({**values, "kind": kind, "size": size}).encode() + b"\n")
            if file is not None:
                with file.open("rb") as opened:
                    self._socket.sendfile(opened)

    def receive(self, file: Path | None = None) -> Message:
        """Returns the next message, and waits for it.

        Args:
            file: Where to write the file that may follow it.

        Raises:
            GoneError: If the other side has ended, or has not answered for `SILENCE_S` seconds.
        """
        while True:
            try:
                line = self._input.readline(_LONGEST)
                if not line.endswith(b"\n"):
                    raise GoneError("it has ended")
                message = Message(json.loads(line))
                self._receive_file(message["size"], file)
            except TimeoutError as error:
                raise GoneError(f"it has not answered for {SILENCE_S:.0f} s") from error
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise GoneError(f"the connection is broken ({error})") from error
            if message.kind != _BEAT:
                return message

    def _receive_file(self, size: int, file: Path | None) -> None:
        if not size:
            return
        with file.open("wb") if file else contextlib.nullcontext() as opened:
            while size:
                data = self._input.read(min(size, _COPIED))
                if not data:
                    raise GoneError("it has ended")
                size -= len(data)
                if opened is not None:
                    opened.write(data)

    def listen(self, queue: "Queue[tuple[Any, Message | GoneError]]", who: Any, file: Path | None = None) -> None:
        """Passes all messages to a queue, with a mark of who has sent them. The last one is a GoneError."""

        def pass_on() -> None:
            try:
                while True:
                    queue.put((who, self.receive(file)))
            except GoneError as error:
                queue.put((who, error))

        threading.Thread(target=pass_on, daemon=True).start()

    def close(self) -> None:
        """Closes the connection; the other side notices it."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._input.close()
        self._socket.close()

    def _beat(self) -> None:
        while not self._closed.wait(_BEAT_S):
            self.send(_BEAT)


def wait_for_name(host: str, timeout_s: float, log: Log) -> None:
    """Waits until the name of this machine is known. Kubernetes makes that of a pod known some seconds after its start.

    Args:
        host: The name, or an address.
        timeout_s: Seconds after which it gives up.
        log: Receives a message before it waits.

    Raises:
        KerasclfError: If no name server knows it in time.
    """
    until, waits = time.monotonic() + timeout_s, False
    while True:
        try:
            socket.getaddrinfo(host, None)
            return
        except socket.gaierror as error:
            if time.monotonic() > until:
                raise KerasclfError(
                    f"Expected a name of this machine. Received: {host}, which no name server knows within "
                    f"{timeout_s:g} s ({error.strerror})."
                ) from error
        if not waits:
            log(f"waiting until a name server knows {host}")
            waits = True
        time.sleep(_LOOK_EVERY_S)


def connect(place: tuple[str, int], timeout_s: float) -> Connection:
    """Connects to a process, which may start to listen a little later.

    Args:
        place: Host and port.
        timeout_s: Seconds after which it gives up.

    Raises:
        GoneError: If nobody answers in time.
    """
    until = time.monotonic() + timeout_s
    while True:
        try:
            return Connection(socket.create_connection(place, timeout=max(0.1, until - time.monotonic())))
        except OSError as error:
            if time.monotonic() > until:
                raise GoneError(f"nobody answers at {place[0]}:{place[1]} within {timeout_s:g} s ({error})") from error
            time.sleep(_LOOK_EVERY_S)
