"""Runs a search: trial after trial, each as runs of the study engine, gone on with after any interruption."""

import shutil
from dataclasses import replace
from pathlib import Path

from kerasclf.errors import KerasclfError, raise_all
from kerasclf.locks import hold
from kerasclf.log import Log
from kerasclf.runs.engines import Engine, Processes
from kerasclf.runs.plan import Plan, PlanRequest
from kerasclf.search.budget import Budget
from kerasclf.search.job_source import BudgetSpent, JobSource
from kerasclf.search.search import Search
from kerasclf.search.search_checks import check_search
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_plan import SearchPlan
from kerasclf.search.search_progress import SearchListener, SilentSearchListener
from kerasclf.search.search_results import SearchResults, read_search
from kerasclf.search.search_state import SearchState
from kerasclf.search.trial_order import NoTrial
from kerasclf.search.trial_runs import BASE


def run_search(
    search: Search,
    out: Path | str,
    budget: Budget,
    *,
    engine: Engine | None = None,
    listener: SearchListener | None = None,
) -> SearchResults:
    """Searches for the values of a space with which an experiment is best on its validation images.

    Called again with the same folder, it resumes an interrupted search from the last epoch of every run. With a larger
    budget it adds trials.

    Args:
        search: The experiment, the space, and how trials are proposed and judged.
        out: The folder of the search; created if needed.
        budget: The maximum number of trials, the maximum time, or both.
        engine: Where runs take place; None takes processes of their own.
        listener: Receives the progress.

    Returns:
        The trials and the best of them. `kerasclf.search.final.finish` evaluates the test set.

    Raises:
        TooManyFailuresError: If too many trials failed in a row.
        KerasclfError: If something cannot be used; nothing was run.

    Example:
        ```python
        space = {"train.learning_rate": Float(1e-4, 1e-1, log=True)}
        found = run_search(Search(experiment, space, oracle="tpe"), "runs/rates", Budget(trials=20))
        found.best.values
        ```
    """
    engine, listener = engine or Processes(), listener or SilentSearchListener()
    planned = plan_search(search, out, budget, engine=engine, log=listener.log)
    return run_planned_search(planned, budget, engine, listener)


def plan_search(
    search: Search,
    out: Path | str,
    budget: Budget,
    *,
    engine: Engine,
    log: Log = lambda line: None,
    measure: bool = False,
) -> SearchPlan:
    """Checks everything that a search needs: space, budget, folder, data, and a network for each end of each axis.

    Writes nothing.

    Args:
        search: The search.
        out: The folder of the search.
        budget: The limits of the search.
        engine: Where runs will take place.
        log: Receives progress messages.
        measure: Whether a few real steps of the experiment are measured.
    """
    held = check_search(search, out, budget)
    # The order of proposals of a search that is resumed depends on its own number.
    keeps = held is not None and (search.side_by_side is None or search.lag is None)
    search = replace(search, side_by_side=held.side_by_side if held and keeps else search.side_by_side or 1)
    corners = {
        ", ".join(f"{n} = {v!r}" for n, v in values.items()): search.space.apply(search.experiment, values)
        for values in search.space.corners()
    }
    plan = engine.plan(PlanRequest({BASE: search.experiment, **corners}, (BASE,) if measure else ()), log)
    _check_networks(search, plan)
    _check_folds(search, plan)
    return SearchPlan(search, SearchFolder(Path(out)), plan)


def run_planned_search(
    ready: SearchPlan, budget: Budget, engine: Engine, listener: SearchListener, command: str = ""
) -> SearchResults:
    """Begins a search, or goes on with it, until its budget is spent."""
    folder, search = ready.folder, ready.search
    with hold(folder.path):
        folder.claim(search, ready.plan.manifests, command)
        state = SearchState(search, folder, budget, listener)
        jobs = JobSource(state, ready.plan)
        try:
            engine.run(jobs, ready.plan, jobs, jobs.watch)
        except BudgetSpent:
            listener.log("the time is over; what is under way keeps its last epoch and goes on when there is more time")
        finally:
            state.clock.keep(now=True)
        _clear_unwanted(folder, state)
    return read_search(folder.path)


def _check_networks(search: Search, plan: Plan) -> None:
    """An argument of the builder that changes no layer is no axis."""
    problems = []
    for name in search.space.axes:
        alike = {d for key, d in plan.networks.items() if key.startswith(f"{name} = ")}
        if name.startswith("model") and len(alike) == 1:
            problems.append(f"{name}: the axis changes nothing; the network is the same whatever it is.")
    raise_all("The search space cannot be used", problems)


def _check_folds(search: Search, plan: Plan) -> None:
    sets = plan.manifests[plan.data_of[BASE]]["sets"]
    labels = [*sets["train"]["labels"], *sets["validation"]["labels"]]
    fewest = min(labels.count(label) for label in set(labels)) if search.folds else 0
    if search.folds > fewest:
        raise KerasclfError(
            f"folds: expected at most {fewest}, the images of the smallest class outside the test part. "
            f"Received: {search.folds}."
        )


def _clear_unwanted(folder: SearchFolder, state: SearchState) -> None:
    """Removes the checkpoints of runs that were broken off, once no trial can go on with them."""
    if state.next() is not NoTrial.EXHAUSTED or not all(trial.ended for trial in state.trials):
        return
    for checkpoints in folder.path.glob("runs/*/*.partial/checkpoints"):
        if not (checkpoints.parent / "failed.json").exists():
            shutil.rmtree(checkpoints, ignore_errors=True)
