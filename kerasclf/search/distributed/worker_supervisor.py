"""Keeps a worker alive: one that dies is started again under its name, so that its trial goes on."""

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.locks import hold
from kerasclf.log import Log
from kerasclf.search.distributed.address import Address
from kerasclf.search.distributed.search_worker import OVER, REFUSED
from kerasclf.search.search_folder import SearchFolder

# A worker that dies so often within such a time will go on dying.
_DEATHS, _WITHIN_S = 5, 300.0
_MOST_WORKERS = 1000


def keep_working(
    folder: Path,
    address: Address,
    jobs: int,
    log: Log,
    name: str | None,
    patience_s: float,
) -> None:
    """Runs a worker for a chief until the search is over.

    Args:
        folder: The search's folder, on storage that the chief sees, too.
        address: The chief's.
        jobs: Runs of a trial side by side, where it has several.
        log: Is told of the progress.
        name: Under which the chief knows it; the machine's name and the first free number where not given.
        patience_s: So long it waits for a chief to answer.

    Raises:
        KerasclfError: There is no chief, the folder is another one, or the worker dies again and again.
    """
    with _identity(folder, name) as identity:
        deaths: list[float] = []
        while True:
            process = _start(folder, address, identity, {"jobs": jobs, "patience_s": patience_s})
            log(f"{identity} works for the chief at {address} (process {process.pid})")
            try:
                code = process.wait()
            finally:
                _end(process)
            if code == OVER:
                log(f"{identity}: the search is over")
                return
            if code == REFUSED:
                raise KerasclfError(f"{identity} cannot work; the reason is above.")
            deaths = [*(at for at in deaths if time.monotonic() - at < _WITHIN_S), time.monotonic()]
            if len(deaths) >= _DEATHS:
                raise KerasclfError(f"{identity} died {_DEATHS} times within {_WITHIN_S / 60:.0f} minutes.")
            log(f"{identity} died (exit code {code}); it is started again and goes on with its trial")


def _start(folder: Path, address: Address, identity: str, more: dict[str, float]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "kerasclf.search.distributed.search_worker"],
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, **address.environment(identity)},
        # Ctrl-C is for this process; the worker ends when its standard input closes.
        start_new_session=True,
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps({"folder": str(folder.absolute()), **more}) + "\n")
        process.stdin.flush()
    return process


def _end(process: "subprocess.Popen[str]") -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _identity(folder: Path, name: str | None) -> Iterator[str]:
    """Takes a name that no other living worker has; that of a dead one is free, and with it its trial."""
    host = platform.node() or "worker"
    names = [name] if name else [f"{host}-{number}" for number in range(1, _MOST_WORKERS)]
    reason: FolderError | None = None
    with contextlib.ExitStack() as held:
        for one in names:
            try:
                held.enter_context(hold(SearchFolder(folder).worker(one)))
            except FolderError as error:
                reason = error
                continue
            yield one
            return
    raise FolderError(f"The worker cannot take the name {names[-1]}: {reason}")
