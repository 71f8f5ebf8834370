"""Worker 0 of `kerasclf launch`: gathers the other workers, starts the command, and starts each run on all of them."""

import contextlib
import importlib.metadata
import itertools
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import Any, NamedTuple

import kerasclf
from kerasclf.errors import KerasclfError, raise_all
from kerasclf.machine.cluster import Cluster
from kerasclf.machine.interruption import PARENT
from kerasclf.runs.launch.connection import Connection, GoneError, Message

_PACKAGES = ("keras", "tensorflow", "numpy")
_GRACE_S = 5.0  # seconds after which a command that does not end is killed
# What a message on the end of a worker adds.
RESUME = "All workers end. The same command goes on from the last epoch, with any number of workers."
_RUN = "run"  # the mark of messages from the process of the current run


class End(NamedTuple):
    """How the workers end.

    Args:
        code: Exit code of all of them.
        message: The reason; empty if the command has ended by itself.
    """

    code: int
    message: str = ""


class _Request(NamedTuple):
    """A run that wants to start.

    Args:
        run: The connection to its process.
        packed: A file of its checkpoints so far.
        job: The job as plain JSON types.
    """

    run: Connection
    packed: Path
    job: dict[str, Any]


def versions() -> dict[str, str]:
    """Returns the versions that must be equal on all workers."""
    found = {"kerasclf": kerasclf.__version__, "Python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in _PACKAGES}


def listen_at(place: tuple[str, int]) -> socket.socket:
    """Listens at a place, which shows that its port is free.

    Raises:
        KerasclfError: If the port is in use, or the address is none of this machine.
    """
    host, port = place
    try:
        return socket.create_server(place, family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise KerasclfError(
            f"Expected a free port of this machine. Received: {host}:{port} ({error.strerror or error}). "
            "Choose another port, or end the program that uses it."
        ) from error


class Leader:
    """Leads the workers of a command.

    Args:
        cluster: The workers. This process is worker 0.
        timeout_s: Seconds within which all of them must have joined.
    """

    def __init__(self, cluster: Cluster, timeout_s: float) -> None:
        self.cluster, self.timeout_s = cluster, timeout_s
        listen_at(cluster.place(0)).close()
        self._server = listen_at(cluster.leader)
        self._members: dict[int, Connection] = {}
        self._queue: Queue[tuple[Any, Message | GoneError]] = Queue()
        self._requests: Queue[_Request] = Queue()
        self._run: Connection | None = None
        self._busy: set[int] = set()  # workers with a process of the last run
        self._waiting: set[int] = set()  # workers that have not loaded the images of the current run
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)

    def gather(self) -> None:
        """Waits until all workers have joined.

        Raises:
            KerasclfError: If one does not, or differs in a version. The others are told, and end, too.
        """
        until = time.monotonic() + self.timeout_s
        problems: list[str] = []
        while len(self._members) < len(self.cluster.addresses) - 1 and time.monotonic() < until:
            self._server.settimeout(max(0.1, until - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                problems += self._admit(Connection(self._server.accept()[0]))
        absent = set(range(1, len(self.cluster.addresses))) - set(self._members)
        problems += [
            f"{self.cluster.name(index)} has not joined within {self.timeout_s:g} s. Start kerasclf launch there, too, "
            "and look whether a firewall closes the ports."
            for index in sorted(absent)
        ]
        try:
            raise_all("The workers cannot start", problems)
        except KerasclfError as error:
            self.end(End(2, str(error)))
            raise
        self._server.settimeout(None)
        for index, member in self._members.items():
            member.listen(self._queue, index)
        threading.Thread(target=self._accept, daemon=True).start()

    def _admit(self, connection: Connection) -> list[str]:
        """Adds a worker and returns what is wrong with it."""
        try:
            hello = connection.receive()
            index, found, addresses = int(hello["index"]), dict(hello["versions"]), tuple(hello["addresses"])
        except (GoneError, KeyError, ValueError, TypeError):
            connection.close()
            return []  # some other program
        if addresses != self.cluster.addresses or index in self._members or not 0 < index < len(addresses):
            connection.send("end", code=2, message=self._other_addresses())
            return []
        self._members[index] = connection
        own = versions()
        different = [f"{name} {found.get(name)}, not {own[name]}" for name in own if found.get(name) != own[name]]
        name = self.cluster.name(index)
        problems = (
            [f"{name}: expected the versions of worker 0. Received: {', '.join(different)}."] if different else []
        )
        return problems + ([f"{name}: {hello['problem']}"] if hello.get("problem") else [])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            for number in itertools.count():
                connection = Connection(self._server.accept()[0])
                packed = Path(self._folder.name) / f"checkpoints-{number}.zip"
                threading.Thread(target=self._greet, args=(connection, packed), daemon=True).start()

    def _greet(self, connection: Connection, packed: Path) -> None:
        """Queues the request of a run. A worker that comes too late is sent away at once, also during a run."""
        with contextlib.suppress(GoneError):
            request = connection.receive(packed)
            if request.kind == _RUN and "job" in request and packed.exists():
                self._requests.put(_Request(connection, packed, request["job"]))
                return
            connection.send("end", code=2, message=self._too_late(request))
            connection.receive()  # until it has read the message, and ends
        connection.close()

    def _too_late(self, hello: Message) -> str:
        if hello.get("addresses") != list(self.cluster.addresses):
            return self._other_addresses()
        return (
            f"The workers of {self.cluster.name()} have started, and go on without this process: a worker cannot join "
            "later. End all of them and start all anew."
        )

    def _other_addresses(self) -> str:
        return (
            f"{self.cluster.name()}: expected these addresses on every worker, and each of them once: "
            f"{', '.join(self.cluster.addresses)}."
        )

    def lead(self, command: "subprocess.Popen[Any]") -> End:
        """Starts the runs of a command on all workers until the command ends, and then ends all.

        Args:
            command: The process of the command.

        Returns:
            How it ended. A worker that ends or cannot be reached ends all.
        """
        end = End(130, f"{self.cluster.name()} was stopped.")
        try:
            end = self._lead(command)
        finally:
            if command.poll() is None:
                _stop(command)
            told = f"The command on {self.cluster.name()} has ended with exit code {end.code}." if end.code else ""
            self.end(End(end.code, end.message or told))
        return end

    def _lead(self, command: "subprocess.Popen[Any]") -> End:
        while (code := command.poll()) is None:
            if self._run is None and not self._busy and not self._requests.empty():
                self._start(self._requests.get())
            with contextlib.suppress(Empty):
                if end := self._handle(*self._queue.get(timeout=0.1)):
                    return end
        if code < 0:
            return End(1, f"{self.cluster.name()} has failed: its command was ended by signal {-code}. {RESUME}")
        return End(code)

    def _start(self, request: "_Request") -> None:
        """Passes the request of a run on to all workers."""
        self._run, self._busy, self._waiting = request.run, set(self._members), set(self._members)
        for member in self._members.values():
            member.send("run", file=request.packed, job=request.job)
        request.packed.unlink()
        request.run.listen(self._queue, _RUN)

    def _handle(self, who: Any, message: Message | GoneError) -> End | None:
        """Handles a message, and returns how all workers end, if they do."""
        if who == _RUN:  # The process of the run sends nothing but its end.
            self._run = None
            self._tell("stop")
            return None
        name = self.cluster.name(who)
        if isinstance(message, GoneError):
            return End(1, f"{name} has ended or cannot be reached: {message}. {RESUME}")
        if message.kind == "refused":
            return End(2, f"{name}: {message['message']}")
        if message.kind == "failed" and self._run is not None:
            return End(1, f"{name} has failed: {message['message']} {RESUME}")
        if message.kind == "ready":
            self._waiting.discard(who)
            if not self._waiting and self._run is not None:
                self._tell("go")
                self._run.send("go")
        if message.kind == "free":
            self._busy.discard(who)
        return None

    def _tell(self, kind: str, **values: Any) -> None:
        for member in self._members.values():
            member.send(kind, **values)

    def end(self, end: End) -> None:
        """Ends the other workers."""
        self._tell("end", code=end.code, message=end.message)
        self._server.close()
        self._folder.cleanup()


def _stop(command: "subprocess.Popen[Any]") -> None:
    command.terminate()
    try:
        command.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        command.kill()
        command.wait()


def start_command(words: Sequence[str], environment: dict[str, str]) -> "subprocess.Popen[Any]":
    """Starts a command of kerasclf, whose output is that of this process. It ends with this process."""
    environment = {**os.environ, **environment, PARENT: str(os.getpid())}
    return subprocess.Popen([sys.executable, "-m", "kerasclf", *words], env=environment)
