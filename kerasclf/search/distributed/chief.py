"""The chief of a search over several machines: KerasTuner's service, with leases, a watchdog and an end.

Workers hold a trial on a lease that they renew every few seconds. One that dies and comes back under its name gets its
trial again; one that does not loses it to another when the lease runs out. The search ends when its budget is spent,
whoever is still out there, and also when no worker is heard of for long.

The channel is KerasTuner's: gRPC without authentication or encryption.
"""

import contextlib
import secrets
import threading
import time
from concurrent import futures
from dataclasses import dataclass
from typing import Any

import grpc
import keras_tuner
from keras_tuner.engine import trial as trials
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from kerasclf.errors import KerasclfError
from kerasclf.locks import hold
from kerasclf.runs.cost import format_duration
from kerasclf.search.budget import Budget
from kerasclf.search.distributed.address import TOKEN, Address, Leases
from kerasclf.search.search_plan import SearchPlan
from kerasclf.search.search_progress import SearchListener
from kerasclf.search.search_results import SearchResults, read_search
from kerasclf.search.search_state import SearchState, TooManyFailuresError
from kerasclf.search.trial import Trial
from kerasclf.search.trial_order import NoTrial
from kerasclf.search.trial_runs import BASE

_LOOK_EVERY_S = 0.5
# A look that comes later than this comes from a process that was stopped meanwhile: Ctrl-Z, a laptop that slept.
_STOPPED_S = 5.0
# So long workers are waited for at the end, so that they hear that it is the end; they ask every few seconds.
_GOODBYE_S = 15.0


@dataclass
class Lease:
    """Who holds a trial, and when that was last heard of."""

    holder: str
    heard: float


class ChiefOracle:
    """What KerasTuner's service asks: hands out trials, takes their ends. Safe to call from several threads."""

    def __init__(self, state: SearchState, leases: Leases, token: str) -> None:
        self.state, self.leases, self.token = state, leases, token
        self.failure: KerasclfError | None = None
        self.over = False
        self.heard = time.monotonic()
        self._lock = threading.RLock()
        self._open: dict[int, Trial] = {}
        self._leases: dict[int, Lease] = {}
        self._holders = state.folder.holders()
        self._told_the_end: set[str] = set()
        self._workers: set[str] = set()

    @property
    def all_know(self) -> bool:
        """Whether every worker that was heard of has been told that it is over."""
        return self._workers <= self._told_the_end

    def get_space(self) -> Any:
        """Returns a space that says only which chief this is: workers read the search itself from its folder."""
        found = keras_tuner.HyperParameters()
        found.Fixed(TOKEN, self.token)
        return found

    def update_space(self, hyperparameters: Any) -> None: ...

    def create_trial(self, tuner_id: str) -> Any:
        """Returns a worker's trial: the one that it holds, one that nobody holds any more, or a new one."""
        with self._lock:
            self._hear(tuner_id)
            number = self._free_for(tuner_id)
            while number is None and self._open_another():
                number = self._free_for(tuner_id)
            if self.over:
                self._told_the_end.add(tuner_id)
                return self._answer("STOPPED")
            if number is None:
                return self._answer("IDLE")
            self._lend(number, tuner_id)
            return self._answer("RUNNING", number)

    def look(self) -> None:
        """Makes sure that there is a trial to give, or finds that all is over, also when no worker is there to ask."""
        with self._lock:
            if not self._open:
                self._open_another()

    def get_trial(self, trial_id: str) -> Any:
        """Renews the lease of a trial, and says who holds it and whether it is still wanted."""
        with self._lock:
            number = int(trial_id)
            self.heard = time.monotonic()
            if number in self._leases:
                self._leases[number].heard = self.heard
            wanted = number in self._open and not self.over
            return self._answer("RUNNING" if wanted else "STOPPED", number)

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        return self.get_trial(trial_id)

    def end_trial(self, trial: Any) -> None:
        """Takes a trial's end, which its worker has left in the search's folder."""
        with self._lock:
            number = int(trial.trial_id)
            self.heard = time.monotonic()
            if number not in self._open:  # another worker was quicker
                return
            ended = self.state.folder.outcome(number)
            self._leases.pop(number, None)
            if ended is not None:
                del self._open[number]
                self._end(ended)
            self._keep_holders()

    def stood_still(self, seconds: float) -> None:
        """Takes it that this process was stopped for so long: it could hear nobody, which is no worker's fault."""
        with self._lock:
            self.heard += seconds
            for lease in self._leases.values():
                lease.heard += seconds

    def get_best_trials(self, num_trials: int = 1) -> list[Any]:
        return []

    def _open_another(self) -> bool:
        """Takes the course's next trial that nobody has finished; returns whether there is one."""
        while not self.over:
            try:
                trial = self.state.next()
            except KerasclfError as error:
                self.failure, self.over = error, True
                return False
            if isinstance(trial, NoTrial):
                self.over = trial is NoTrial.EXHAUSTED and not self._open
                return False
            # A worker may have finished it while there was no chief to hear of it.
            if (left := self.state.folder.outcome(trial.number)) is not None:
                self._end(left)
                continue
            self._open[trial.number] = trial
            # Of a chief that was started anew: whoever held the trial is likely to be still at it.
            if (holder := self._holders.pop(trial.number, None)) is not None:
                self._lend(trial.number, holder)
            return True
        return False

    def _end(self, ended: Trial) -> None:
        try:
            self.state.ended(ended)
        except TooManyFailuresError as error:
            self.failure, self.over = error, True

    def _free_for(self, tuner_id: str) -> int | None:
        """Returns the trial that a worker holds, or else one that nobody holds, or whose lease has run out."""
        held = [number for number, lease in self._leases.items() if lease.holder == tuner_id]
        if held:
            return held[0]
        now = time.monotonic()
        for number in self._open:
            lease = self._leases.get(number)
            if lease is None:
                return number
            if now - lease.heard > self.leases.seconds:
                silent = format_duration(now - lease.heard)
                self.state.listener.log(
                    f"trial {number}: nothing was heard of {lease.holder} for {silent}; {tuner_id} goes on with it"
                )
                return number
        return None

    def _lend(self, number: int, holder: str) -> None:
        self._leases[number] = Lease(holder, time.monotonic())
        self._keep_holders()

    def _keep_holders(self) -> None:
        self.state.folder.write_holders({number: lease.holder for number, lease in self._leases.items()})

    def _hear(self, tuner_id: str) -> None:
        self.heard = time.monotonic()
        if tuner_id not in self._workers:
            self._workers.add(tuner_id)
            self.state.listener.log(f"{tuner_id} has come")

    def _answer(self, status: str, number: int | None = None) -> Any:
        values = keras_tuner.HyperParameters()
        lease = None if number is None else self._leases.get(number)
        values.Fixed("holder", lease.holder if lease else "")
        return trials.Trial(values, trial_id="" if number is None else str(number), status=status)


def lead(
    ready: SearchPlan,
    budget: Budget,
    address: Address,
    leases: Leases,
    listener: SearchListener,
    command: str = "",
) -> SearchResults:
    """Leads a search whose trials are run by workers, until its budget is spent.

    Raises:
        FolderError: Another process works in the folder.
        TooManyFailuresError: So many trials failed in a row.
        KerasclfError: The address cannot be had, or no worker was heard of for long.
    """
    folder = ready.folder
    with hold(folder.path):
        folder.claim(ready.search, ready.plan.manifests, command)
        token = secrets.token_hex(8)
        folder.write_chief(token, ready.plan.data_of[BASE])
        state = SearchState(ready.search, folder, budget, listener)
        oracle = ChiefOracle(state, leases, token)
        with _serving(oracle, address):
            listener.log(f"the chief listens at {address}, without authentication; it waits for workers")
            try:
                _watch(oracle, leases, listener)
            finally:
                state.clock.keep(now=True)
    if oracle.failure is not None:
        raise oracle.failure
    return read_search(folder.path)


def _watch(oracle: ChiefOracle, leases: Leases, listener: SearchListener) -> None:
    while not oracle.over:
        began = time.monotonic()
        time.sleep(_LOOK_EVERY_S)
        if (slept := time.monotonic() - began) > _STOPPED_S:
            oracle.stood_still(slept)
        oracle.look()
        oracle.state.clock.keep()
        if oracle.state.clock.over:
            oracle.over = True
            listener.log("the time is over; workers stop after their last finished epoch")
        if time.monotonic() - oracle.heard > leases.patience_s:
            raise KerasclfError(
                f"No worker was heard of for {format_duration(leases.patience_s)}. What is finished is kept; the same "
                "commands go on, the chief's and the workers'."
            )
    until = time.monotonic() + _GOODBYE_S
    while not oracle.all_know and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)


@contextlib.contextmanager
def _serving(oracle: ChiefOracle, address: Address) -> Any:
    # Otherwise Linux lets two chiefs share a port, and each gets half of what workers say.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=[("grpc.so_reuseport", 0)])
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(oracle), server)
    try:
        bound = server.add_insecure_port(str(address))
    except RuntimeError:
        bound = 0
    if not bound:
        raise KerasclfError(
            f"The address {address} cannot be had: another chief may use it. Give another with --port or --bind."
        )
    server.start()
    try:
        yield
    finally:
        server.stop(grace=1).wait()
