"""`lead`: serves a search to workers on several machines until its budget is spent.

The search ends even if workers are still connected, and also after a long time without any worker. Chief and workers
communicate through KerasTuner's service: gRPC without authentication or encryption.
"""

import contextlib
import secrets
import time
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from kerasclf.errors import KerasclfError
from kerasclf.files.locks import hold
from kerasclf.search.distributed.address import Address, Leases
from kerasclf.search.distributed.chief_oracle import ChiefOracle
from kerasclf.search.search_budget import Budget
from kerasclf.search.search_plan import SearchPlan
from kerasclf.search.search_progress import SearchListener
from kerasclf.search.search_results import SearchResults, read_search
from kerasclf.search.search_state import SearchState
from kerasclf.search.trial_runs import BASE
from kerasclf.wording import format_duration

_CHECK_EVERY_S = 0.5
# A check that takes longer than this was interrupted: Ctrl-Z, or a laptop that slept.
_PAUSE_S = 5.0
# At the end, the chief waits this long for workers, which ask every few seconds, to receive the end.
_DISMISSAL_S = 15.0


@dataclass(frozen=True)
class ChiefSettings:
    """How a chief serves a search.

    Args:
        address: Where it listens.
        leases: How long chief and workers wait for each other.
        command: The command line, for `search.json`.
    """

    address: Address
    leases: Leases
    command: str = ""


def lead(planned: SearchPlan, budget: Budget, settings: ChiefSettings, listener: SearchListener) -> SearchResults:
    """Leads a search whose trials workers run, until its budget is spent.

    Args:
        planned: The checked search.
        budget: The limits of the search.
        settings: How to serve it.
        listener: Receives the progress.

    Raises:
        FolderError: If another process works in the folder, or has used it for another search since the plan.
        TooManyFailuresError: If too many trials failed in a row.
        KerasclfError: If the address is unavailable, or no worker was in contact for a long time.
    """
    folder = planned.folder
    with hold(folder.path):
        search = folder.claim(planned.search, planned.plan.manifests, settings.command, planned.inputs)
        token = secrets.token_hex(8)
        folder.write_chief(token, planned.plan.data_of[BASE])
        state = SearchState(search, folder, budget, listener)
        oracle = ChiefOracle(state, settings.leases, token)
        with _serving(oracle, settings.address):
            listener.log(f"the chief listens at {settings.address}, without authentication, and waits for workers")
            try:
                _watch(oracle, settings.leases, listener)
            finally:
                state.clock.save(now=True)
    if oracle.failure is not None:
        raise oracle.failure
    return read_search(folder.path)


def _watch(oracle: ChiefOracle, leases: Leases, listener: SearchListener) -> None:
    while not oracle.over:
        start = time.monotonic()
        time.sleep(_CHECK_EVERY_S)
        if (paused := time.monotonic() - start) > _PAUSE_S:
            oracle.resume_after_pause(paused)
        oracle.check_progress()
        oracle.state.clock.save()
        if oracle.state.clock.over:
            oracle.over = True
            listener.log("The time is over. Workers stop after their last finished epoch.")
        if time.monotonic() - oracle.last_contact > leases.patience_s:
            raise KerasclfError(
                f"No contact with any worker for {format_duration(leases.patience_s)}. All finished trials are kept. "
                "To resume, repeat the commands of the chief and the workers."
            )
    until = time.monotonic() + _DISMISSAL_S
    while not oracle.all_dismissed and time.monotonic() < until:
        time.sleep(_CHECK_EVERY_S)


@contextlib.contextmanager
def _serving(oracle: ChiefOracle, address: Address) -> Iterator[None]:
    # Without this option, Linux lets two chiefs share a port, and each receives half of the messages.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=[("grpc.so_reuseport", 0)])
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(oracle), server)
    try:
        bound = server.add_insecure_port(str(address))
    except RuntimeError:
        bound = 0
    if not bound:
        raise KerasclfError(
            f"The address {address} is unavailable; another chief may use it. Give another `port` or `ip`."
        )
    server.start()
    try:
        yield
    finally:
        server.stop(grace=1).wait()
