"""`train_within`: trains the best model that a time budget allows. Needs TensorFlow."""

from collections.abc import Sequence

from kerasclf.data.spec_paths import check_outside
from kerasclf.errors import DataError, KerasclfError
from kerasclf.files.locks import check_writable, hold
from kerasclf.networks.network_checks import known_networks
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.progress import RunListener
from kerasclf.search.search_budget import Clock
from kerasclf.search.time_budget.budget_record import BudgetFolder
from kerasclf.search.time_budget.timed_runs import TimedRuns
from kerasclf.search.time_budget.timed_training import TimedTraining
from kerasclf.search.time_budget.timed_work import TimedWork


def train_within(
    candidates: Sequence[Experiment], folder: BudgetFolder, clock: Clock, seed: int, listener: RunListener
) -> None:
    """Trains the best model that a time budget allows, and evaluates it on the test set.

    A second call goes on where an interrupted one has ended: features are cached, finished runs are kept, and a
    training goes on after its last epoch.

    Args:
        candidates: The networks with their weights and settings, on the same images.
        folder: The record of what was tried, in the folder of the runs.
        clock: The time of all calls, and its limit.
        seed: Seed of the runs.
        listener: Receives the progress.

    Raises:
        KerasclfError: If something cannot be used, or the time is too short for one head.
    """
    check_candidates(candidates)
    path, first = folder.path, candidates[0]
    check_outside(path, first.data)
    check_writable(path)
    runs = TimedRuns(path, seed, folder.budget_s)
    with hold(path):
        runs.claim(by_size(candidates))
        folder.write_spent(clock.spent_s)
        dataset = first.dataset(listener.log)
        if dataset.is_table:
            raise DataError(f"data: expected images. Received: {dataset.title}, a table of numbers.")
        for line in dataset.describe():
            listener.log(line)
        work = TimedWork(dataset, path, seed, listener)
        TimedTraining(by_size(candidates), folder, runs, clock, work, listener.log).run()


def by_size(candidates: Sequence[Experiment]) -> list[Experiment]:
    """Returns the candidates by their number of parameters, networks of the user's own last."""
    known = known_networks()
    return sorted(candidates, key=lambda one: known[one.model].parameters if one.model in known else float("inf"))


def check_candidates(candidates: Sequence[Experiment]) -> None:
    """Checks that networks read the same images.

    Raises:
        KerasclfError: If they do not.
    """
    sizes = {(one.image_size, one.fit) for one in candidates}
    if len(sizes) > 1:
        raise KerasclfError("image_size: expected one size, and one `fit`, for all networks. Give both.")
