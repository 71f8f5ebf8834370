"""`supervise_worker`: runs a worker and restarts it under its name when it dies, so it resumes its trial."""

import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.locks import hold
from kerasclf.log import Log
from kerasclf.search.distributed.address import Address
from kerasclf.search.distributed.search_worker import OVER, REFUSED
from kerasclf.search.search_folder import SearchFolder

# A worker that dies this often in this time is not restarted.
_MAX_DEATHS, _WITHIN_S = 5, 300.0
_MAX_WORKERS = 1000


def supervise_worker(
    folder: Path,
    address: Address,
    jobs: int,
    log: Log,
    name: str | None,
    patience_s: float,
) -> None:
    """Runs a worker for a chief until the search is over.

    Args:
        folder: The search folder, on storage that the chief sees too.
        address: Address of the chief.
        jobs: Number of runs of a trial side by side.
        log: Receives progress messages, one line each.
        name: Name of the worker; None takes the machine's name with the first free number.
        patience_s: Maximum time to wait for the chief at the start, in seconds.

    Raises:
        KerasclfError: If there is no chief, it works in another folder, or the worker dies repeatedly.
    """
    with _hold_name(folder, name) as worker, tempfile.TemporaryDirectory() as temporary:
        error_file = Path(temporary) / "error.txt"
        request: dict[str, str | float] = {
            "folder": str(folder.absolute()),
            "jobs": jobs,
            "patience_s": patience_s,
            "error_file": str(error_file),
        }
        deaths: list[float] = []
        while True:
            process = _start(address, worker, request)
            log(f"{worker} works for the chief at {address} (process {process.pid})")
            try:
                code = process.wait()
            finally:
                _end(process)
            if code == OVER:
                log(f"{worker}: the search is over")
                return
            if code == REFUSED and error_file.exists():
                raise KerasclfError(error_file.read_text(encoding="utf-8"))
            deaths = [*(at for at in deaths if time.monotonic() - at < _WITHIN_S), time.monotonic()]
            if len(deaths) >= _MAX_DEATHS:
                raise KerasclfError(f"{worker} died {_MAX_DEATHS} times within {_WITHIN_S / 60:.0f} minutes.")
            log(f"{worker} died (exit code {code}); it restarts and resumes its trial")


def _start(address: Address, worker: str, request: dict[str, str | float]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "kerasclf.search.distributed.search_worker"],
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, **address.environment(worker)},
        # Ctrl-C goes to this process alone. The worker ends when its standard input closes.
        start_new_session=True,
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(request) + "\n")
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
def _hold_name(folder: Path, name: str | None) -> Iterator[str]:
    """Holds a name that no other running worker holds. The name of a dead worker is free, and its trial with it."""
    host = platform.node() or "worker"
    candidates = [name] if name is not None else [f"{host}-{number}" for number in range(1, _MAX_WORKERS)]
    reason: FolderError | None = None
    with contextlib.ExitStack() as stack:
        for candidate in candidates:
            try:
                stack.enter_context(hold(SearchFolder(folder).worker(candidate)))
            except FolderError as error:
                reason = error
                continue
            yield candidate
            return
    raise FolderError(f"The worker cannot take the name {candidates[-1]}: {reason}")
