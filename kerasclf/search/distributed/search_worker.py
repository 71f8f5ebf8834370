"""Runs trials for a chief in a process of its own: `python -m kerasclf.search.distributed.search_worker`.

The request comes as a line of JSON. When the process that started it is gone, its standard input closes, and it ends.
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

# Exit codes: the search is over; it makes no sense to start this worker again.
OVER, REFUSED = 0, 2
_BEAT_EVERY_S = 5.0
_ASK_EVERY_S = 2.0
# A chief that is started anew within this time finds its workers still at work.
_WITHOUT_CHIEF_S = 45.0


def main() -> None:
    """Runs trials until the chief says that it is over."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    quiet_tensorflow()
    try:
        work(Path(request["folder"]), request["jobs"], request["patience_s"])
        code = OVER
    except KerasclfError as error:
        print(f"error: {error}", file=sys.stderr)
        code = REFUSED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def work(path: Path, jobs: int, patience_s: float) -> None:
    """Runs trials for the chief that KerasTuner's variables name.

    Raises:
        KerasclfError: No chief answers, it works in another folder, or the images here are others.
    """
    from kerasclf.runs.engines import Processes
    from kerasclf.runs.plan import PlanRequest
    from kerasclf.search.distributed.chief_client import ChiefClient
    from kerasclf.search.job_source import BudgetSpent, JobSource
    from kerasclf.search.search_folder import SearchFolder
    from kerasclf.search.search_progress import SilentSearchListener
    from kerasclf.search.trial_runs import BASE

    client = ChiefClient()
    client.wait_for_chief(patience_s)
    folder = SearchFolder(path)
    _check_folder(client, folder)
    search, engine = folder.read(), Processes(jobs)
    plan = None
    while (number := client.ask_for_trial(_ASK_EVERY_S, _WITHOUT_CHIEF_S)) is not None:
        # From here on the chief hears of this worker, also while it loads its images.
        with Beat(client, number) as beat:
            plan = plan or engine.plan(PlanRequest({BASE: search.experiment}), _say)
            if plan.data_of[BASE] != folder.chief()["data"]:
                raise FolderError(f"The images of {search.experiment.data} here are others than the chief's.")
            state = OneTrial(client, search, folder, folder.trial(number), SilentSearchListener(), beat)
            source = JobSource(state, plan)
            _say(f"{client.name}: {state.trial.title}")
            try:
                engine.run(source, plan, source, source.watch)
            except BudgetSpent:
                _say(f"{client.name}: {state.trial.title} is no longer wanted here; it keeps its last epoch")
                if beat.lost:
                    raise KerasclfError(_GONE.format(client.address, f"{_WITHOUT_CHIEF_S:.0f} s")) from None


_GONE = (
    "The chief at {} has not answered for {}. The trial keeps its last epoch; start the chief again with its own "
    "command, and this worker with its."
)


class Beat:
    """Tells the chief every few seconds that a trial is being worked on; stands in the place of a search's clock."""

    def __init__(self, client: "ChiefClient", number: int) -> None:
        self.client, self.number = client, number
        self.over = self.lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Beat":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()

    def keep(self) -> None:
        """A search's clock is written down; there is nothing of that kind here."""

    def _beat(self) -> None:
        heard = time.monotonic()
        while not self._ended.wait(_BEAT_EVERY_S):
            wanted = self.client.still_wanted(self.number)
            if wanted is not None:
                heard, self.over = time.monotonic(), not wanted
            elif time.monotonic() - heard > _WITHOUT_CHIEF_S:
                self.over = self.lost = True


class OneTrial:
    """The course of a search as a worker sees it: one trial, whose end is the chief's to know."""

    def __init__(
        self,
        client: "ChiefClient",
        search: "Search",
        folder: "SearchFolder",
        trial: "Trial",
        listener: "SearchListener",
        clock: Beat,
    ) -> None:
        self.client, self.search, self.folder, self.trial, self.listener = client, search, folder, trial, listener
        self.clock = clock
        self._given = False

    def next(self) -> "Trial | NoTrial":
        """Returns the trial, once."""
        from kerasclf.search.trial_order import NoTrial

        if self._given:
            return NoTrial.EXHAUSTED
        self._given = True
        return self.trial

    def ended(self, trial: "Trial") -> None:
        """Leaves the trial's end in the folder and tells the chief of it."""
        self.folder.write_outcome(trial)
        self.client.end(trial.number, _WITHOUT_CHIEF_S)


def _check_folder(client: "ChiefClient", folder: "SearchFolder") -> None:
    if folder.chief().get("token") != client.token():
        raise FolderError(
            f"The chief at {client.address} does not work in {folder.path}. Give the folder that it works in, on "
            "storage that both see."
        )


def _say(line: str) -> None:
    print(line, flush=True)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
