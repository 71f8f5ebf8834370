"""`ChiefOracle`: hands out trials to workers on leases, behind KerasTuner's service.

A worker renews the lease of its trial every few seconds. A worker that restarts under its name gets its trial back. If
a lease expires, the trial goes to another worker.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

import keras_tuner
from keras_tuner.engine import trial as keras_tuner_trial

from kerasclf.errors import KerasclfError
from kerasclf.search.distributed.address import TOKEN, Leases
from kerasclf.search.search_state import SearchState, TooManyFailuresError
from kerasclf.search.trial import Trial
from kerasclf.search.trial_order import NoTrial
from kerasclf.wording import format_duration


@dataclass
class Lease:
    """The worker that holds a trial, and the time of its last contact."""

    holder: str
    renewed_at: float


class ChiefOracle:
    """The oracle behind KerasTuner's service. It hands out trials and records their ends. Thread-safe.

    Args:
        state: The state of the search.
        leases: How long chief and workers wait for each other.
        token: Identifies this chief, so workers can check that they share its folder.
    """

    def __init__(self, state: SearchState, leases: Leases, token: str) -> None:
        self.state, self.leases, self.token = state, leases, token
        self.failure: KerasclfError | OSError | None = None
        self.over = False
        self.last_contact = time.monotonic()
        self._lock = threading.RLock()
        self._open: dict[int, Trial] = {}
        self._leases: dict[int, Lease] = {}
        self._earlier_holders = state.folder.holders()
        self._workers: set[str] = set()
        self._dismissed: set[str] = set()

    @property
    def all_dismissed(self) -> bool:
        """Whether every known worker has received the end of the search."""
        return self._workers <= self._dismissed

    def get_space(self) -> Any:
        """Returns a space that holds only the token. Workers read the search itself from its folder."""
        space = keras_tuner.HyperParameters()
        space.Fixed(TOKEN, self.token)
        return space

    def update_space(self, hyperparameters: Any) -> None: ...

    def create_trial(self, tuner_id: str) -> Any:
        """Returns a trial for a worker: the one that it holds, one without a valid lease, or a new one."""
        with self._lock:
            self._register(tuner_id)
            number = self._available_trial(tuner_id)
            while number is None and self._open_another():
                number = self._available_trial(tuner_id)
            if self.over:
                self._dismissed.add(tuner_id)
                return self._answer("STOPPED")
            if number is None:
                return self._answer("IDLE")
            self._lease(number, tuner_id)
            return self._answer("RUNNING", number)

    def check_progress(self) -> None:
        """Opens a trial if none is open, or finds that the search is over, even without a worker's request."""
        with self._lock:
            if not self._open:
                self._open_another()

    def get_trial(self, trial_id: str) -> Any:
        """Renews the lease of a trial. Returns its holder and whether it should still run."""
        with self._lock:
            number = int(trial_id)
            self.last_contact = time.monotonic()
            if number in self._leases:
                self._leases[number].renewed_at = self.last_contact
            running = number in self._open and not self.over
            return self._answer("RUNNING" if running else "STOPPED", number)

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        return self.get_trial(trial_id)

    def end_trial(self, trial: Any) -> None:
        """Records the end of a trial, which its worker has written to the search folder."""
        with self._lock:
            number = int(trial.trial_id)
            self.last_contact = time.monotonic()
            if number not in self._open:  # another worker finished it first
                return
            ended = self.state.folder.outcome(number)
            if ended is not None:
                self._end(ended)
            self._leases.pop(number, None)
            self._save_holders()

    def resume_after_pause(self, seconds: float) -> None:
        """Extends all leases by the time in which this process was paused and could receive nothing."""
        with self._lock:
            self.last_contact += seconds
            for lease in self._leases.values():
                lease.renewed_at += seconds

    def get_best_trials(self, num_trials: int = 1) -> list[Any]:
        return []

    def _open_another(self) -> bool:
        """Opens the next unfinished trial of the search; returns whether there is one."""
        while not self.over:
            try:
                trial = self.state.next()
            except (KerasclfError, OSError) as error:  # After a full disk, the next trial would leave a gap.
                self.failure, self.over = error, True
                return False
            if isinstance(trial, NoTrial):
                self.over = trial is NoTrial.EXHAUSTED and not self._open
                return False
            self._open[trial.number] = trial
            # A worker may have finished the trial while no chief was running.
            if (outcome := self.state.folder.outcome(trial.number)) is not None:
                self._end(outcome)
                continue
            # After a restart of the chief, the earlier holder probably still runs the trial.
            if (holder := self._earlier_holders.pop(trial.number, None)) is not None:
                self._lease(trial.number, holder)
            return True
        return False

    def _end(self, ended: Trial) -> None:
        """Records the end of an open trial. If that fails, the trial stays open until its end is reported again."""
        try:
            self.state.ended(ended)
        except TooManyFailuresError as error:
            self.failure, self.over = error, True
        del self._open[ended.number]

    def _available_trial(self, tuner_id: str) -> int | None:
        """Returns the trial that a worker holds, otherwise one without a holder or with an expired lease."""
        own = [number for number, lease in self._leases.items() if lease.holder == tuner_id]
        if own:
            return own[0]
        now = time.monotonic()
        for number in self._open:
            lease = self._leases.get(number)
            if lease is None:
                return number
            if now - lease.renewed_at > self.leases.seconds:
                silent = format_duration(now - lease.renewed_at)
                self.state.listener.log(
                    f"trial {number}: no contact with {lease.holder} for {silent}; {tuner_id} resumes it"
                )
                return number
        return None

    def _lease(self, number: int, holder: str) -> None:
        self._leases[number] = Lease(holder, time.monotonic())
        self._save_holders()

    def _save_holders(self) -> None:
        self.state.folder.write_holders({number: lease.holder for number, lease in self._leases.items()})

    def _register(self, tuner_id: str) -> None:
        self.last_contact = time.monotonic()
        if tuner_id not in self._workers:
            self._workers.add(tuner_id)
            self.state.listener.log(f"{tuner_id} has joined")

    def _answer(self, status: str, number: int | None = None) -> Any:
        values = keras_tuner.HyperParameters()
        lease = None if number is None else self._leases.get(number)
        values.Fixed("holder", lease.holder if lease else "")
        return keras_tuner_trial.Trial(values, trial_id="" if number is None else str(number), status=status)
