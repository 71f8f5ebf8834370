"""`supervise_worker`: runs a worker and restarts it under its name when it dies, so it resumes its trial."""

import contextlib
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from kerasclf.errors import FolderInUseError, KerasclfError
from kerasclf.files.locks import hold
from kerasclf.files.temporary import TemporaryFolder
from kerasclf.log import Log
from kerasclf.machine.child_process import start_child
from kerasclf.search.distributed.address import Address
from kerasclf.search.distributed.search_worker import OVER, REFUSED, wrong_folder
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
    address.wait_for_chief(patience_s)
    if not SearchFolder(folder).chief():  # Without a chief, nothing is written to the folder.
        raise wrong_folder(str(address), folder)
    with _hold_name(folder, name) as worker:
        request: dict[str, str | float] = {"folder": str(folder.absolute()), "jobs": jobs, "patience_s": patience_s}
        deaths: list[float] = []
        while True:
            code = _run_worker(address, worker, request, log)
            if code == OVER:
                log(f"{worker}: the search is over")
                return
            deaths = [*(at for at in deaths if time.monotonic() - at < _WITHIN_S), time.monotonic()]
            if len(deaths) >= _MAX_DEATHS:
                raise KerasclfError(f"{worker} died {_MAX_DEATHS} times within {_WITHIN_S / 60:.0f} minutes.")
            log(f"{worker} died (exit code {code}); it restarts and resumes its trial")


def _run_worker(address: Address, worker: str, request: dict[str, str | float], log: Log) -> int:
    """Runs a worker in a process and returns its exit code.

    Raises:
        KerasclfError: If the worker met an error that a restart cannot solve.
    """
    temporary = TemporaryFolder()
    error_file = temporary.path / "error.txt"
    environment = {**address.environment(worker), **temporary.environment}
    process = start_child("kerasclf.search.distributed.search_worker", (), environment)
    assert process.stdin is not None
    try:
        log(f"{worker} works for the chief at {address} (process {process.pid})")
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({**request, "error_file": str(error_file)}) + "\n")
            process.stdin.flush()
        code = process.wait()
        if code == REFUSED and error_file.exists():
            raise KerasclfError(error_file.read_text(encoding="utf-8"))
        return code
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            process.stdin.close()
        temporary.remove()


@contextlib.contextmanager
def _hold_name(folder: Path, name: str | None) -> Iterator[str]:
    """Holds a name that no other running worker holds. The name of a dead worker is free, and its trial with it."""
    host = platform.node() or "worker"
    candidates = [name] if name is not None else [f"{host}-{number}" for number in range(1, _MAX_WORKERS)]
    reason: FolderInUseError | None = None
    with contextlib.ExitStack() as stack:
        for candidate in candidates:
            try:
                stack.enter_context(hold(SearchFolder(folder).worker(candidate)))
            except FolderInUseError as error:
                reason = error
                continue
            yield candidate
            return
    raise FolderInUseError(f"The worker cannot take the name {candidates[-1]}: {reason}")
