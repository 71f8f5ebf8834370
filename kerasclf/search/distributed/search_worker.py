"""Runs trials for a chief in its own process, which `worker_supervisor.py` starts.

The request arrives on standard input as a line of JSON. An error that a restart cannot solve is written to the
request's `error_file`, for the parent.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.quiet import quiet_tensorflow

if TYPE_CHECKING:
    from kerasclf.search.distributed.chief_client import ChiefClient
    from kerasclf.search.search import Search
    from kerasclf.search.search_folder import SearchFolder
    from kerasclf.search.search_progress import SearchListener
    from kerasclf.search.trial import Trial
    from kerasclf.search.trial_order import NoTrial

# Exit codes: the search is over, or a restart of this worker would not help.
OVER, REFUSED = 0, 2
_HEARTBEAT_EVERY_S = 5.0
_POLL_EVERY_S = 2.0
# A chief that restarts within this time finds its workers still running.
_CHIEF_TIMEOUT_S = 45.0


def main() -> None:
    """Runs trials until the chief ends the search."""
    request = json.loads(sys.stdin.readline())
    quiet_tensorflow()
    try:
        work(Path(request["folder"]), request["jobs"], request["patience_s"])
        code = OVER
    except KerasclfError as error:
        Path(request["error_file"]).write_text(str(error), encoding="utf-8")
        code = REFUSED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def work(path: Path, jobs: int, patience_s: float) -> None:
    """Runs trials for the chief that KerasTuner's environment variables name.

    Args:
        path: The search folder, on storage that the chief sees too.
        jobs: Number of runs of a trial side by side.
        patience_s: Maximum time to wait for the chief at the start, in seconds.

    Raises:
        KerasclfError: If no chief answers, it works in another folder, or its images differ from those here.
    """
    from kerasclf.runs.engines.local_engines import Processes
    from kerasclf.runs.planning.plan import PlanRequest
    from kerasclf.search.distributed.chief_client import ChiefClient
    from kerasclf.search.job_source import BudgetSpent, JobSource
    from kerasclf.search.search_folder import SearchFolder
    from kerasclf.search.search_progress import SilentSearchListener
    from kerasclf.search.trial_runs import BASE

    client = ChiefClient()
    client.wait_for_chief(patience_s)
    folder = SearchFolder(path)
    if folder.chief().get("token") != client.token():
        raise wrong_folder(client.address, path)
    search, engine = folder.read(), Processes(jobs)
    plan = None
    while (number := client.request_trial(_POLL_EVERY_S, _CHIEF_TIMEOUT_S)) is not None:
        # The heartbeat starts first, because loading images may take longer than a lease.
        with Heartbeat(client, number) as heartbeat:
            plan = plan or engine.plan(PlanRequest({BASE: search.experiment}), _log)
            if plan.data_of[BASE] != folder.chief()["data"]:
                raise FolderError(f"The images of {search.experiment.data} on this machine differ from the chief's.")
            state = OneTrial(client, search, folder, folder.trial(number), SilentSearchListener(), heartbeat)
            source = JobSource(state, plan)
            _log(f"{client.name}: {state.trial.title}")
            try:
                engine.run(source, plan, source, source.watch)
            except BudgetSpent:
                _log(f"{client.name}: {state.trial.title} is no longer needed here; it keeps its last epoch")
                if heartbeat.lost:
                    raise KerasclfError(
                        f"The chief at {client.address} has not answered for {_CHIEF_TIMEOUT_S:.0f} s. The trial keeps "
                        "its last epoch. Repeat the chief's command, and then the worker's."
                    ) from None


class Heartbeat:
    """Renews the lease of a trial every few seconds. It takes the place of a search's clock.

    Args:
        client: The connection to the chief.
        number: Number of the trial.
    """

    def __init__(self, client: "ChiefClient", number: int) -> None:
        self.client, self.number = client, number
        self.over = self.lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()

    def save(self) -> None:
        """Does nothing: the chief saves the time of the search."""

    def _run(self) -> None:
        last_answer = time.monotonic()
        while not self._ended.wait(_HEARTBEAT_EVERY_S):
            held = self.client.renew_lease(self.number)
            if held is not None:
                last_answer, self.over = time.monotonic(), not held
            elif time.monotonic() - last_answer > _CHIEF_TIMEOUT_S:
                self.over = self.lost = True


class OneTrial:
    """A search as its worker sees it: one trial, whose end the chief records."""

    def __init__(
        self,
        client: "ChiefClient",
        search: "Search",
        folder: "SearchFolder",
        trial: "Trial",
        listener: "SearchListener",
        clock: Heartbeat,
    ) -> None:
        self.client, self.search, self.folder, self.trial, self.listener = client, search, folder, trial, listener
        self.clock = clock
        self._returned = False

    def next(self) -> "Trial | NoTrial":
        """Returns the trial, once."""
        from kerasclf.search.trial_order import NoTrial

        if self._returned:
            return NoTrial.EXHAUSTED
        self._returned = True
        return self.trial

    def ended(self, trial: "Trial") -> None:
        """Writes the end of the trial to the folder and reports it to the chief."""
        self.folder.write_outcome(trial)
        self.client.end_trial(trial.number, _CHIEF_TIMEOUT_S)


def wrong_folder(address: str, path: Path) -> FolderError:
    """Returns the error of a worker that was given another folder than its chief."""
    return FolderError(
        f"The chief at {address} does not work in {path}. Give the chief's folder as `out`, on storage that both "
        "machines see."
    )


def _log(line: str) -> None:
    print(line, flush=True)
