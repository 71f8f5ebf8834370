"""`run_search`: runs a search trial by trial, and resumes it after any interruption."""

import shutil
from pathlib import Path

from kerasclf.errors import KerasclfError, raise_all
from kerasclf.files.locks import hold
from kerasclf.log import Log
from kerasclf.runs.engines.engine import Engine
from kerasclf.runs.engines.local_engines import Processes
from kerasclf.runs.planning.plan import Plan, PlanRequest
from kerasclf.search.job_source import BudgetSpent, JobSource
from kerasclf.search.search import Search
from kerasclf.search.search_budget import Budget
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
    """Searches a space for the values with which an experiment is best on its validation set.

    A second call with the same folder resumes an interrupted search from the last epoch of every run. A larger budget
    adds trials.

    Args:
        search: The experiment, its search space, and how trials are proposed and judged.
        out: The search folder; created if needed.
        budget: Maximum number of trials, maximum time, or both.
        engine: Where the runs take place; None starts a process for each run.
        listener: Receives the progress.

    Returns:
        The trials and the best of them. `kerasclf.search.final_runs.finish` evaluates the test set.

    Raises:
        TooManyFailuresError: If too many trials failed in a row.
        KerasclfError: If something cannot be used; nothing was run.

    Example:
        ```python
        from kerasclf import Experiment
        from kerasclf.search import Budget, Float, Search, Space, run_search

        experiment = Experiment(data="shapes", model="basenet")
        space = Space({"train.learning_rate": Float(1e-4, 1e-1, log=True)})
        results = run_search(Search(experiment, space, oracle="tpe"), "runs/rates", Budget(trials=20))
        print(results.best.values)
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
    """Checks all that a search needs: space, budget, folder, data, and a network for each end of each axis.

    Writes nothing.

    Args:
        search: The search.
        out: The search folder.
        budget: The limits of the search.
        engine: Where the runs will take place.
        log: Receives progress messages, one line each.
        measure: Whether to measure a few real steps of the experiment.

    Raises:
        KerasclfError: If something cannot be used.
    """
    search = search.resuming(check_search(search, out, budget))
    corners = {
        ", ".join(f"{n} = {v!r}" for n, v in values.items()): search.space.apply(search.experiment, values)
        for values in search.space.corners()
    }
    plan = engine.plan(PlanRequest({BASE: search.experiment, **corners}, (BASE,) if measure else ()), log)
    _check_networks(search, plan)
    _check_folds(search, plan)
    planned = SearchPlan(search, SearchFolder(Path(out)), plan)
    planned.folder.check_inputs(planned.inputs, search.experiment)
    return planned


def run_planned_search(
    planned: SearchPlan, budget: Budget, engine: Engine, listener: SearchListener, command: str = ""
) -> SearchResults:
    """Starts or resumes a search and runs it until its budget is spent.

    Args:
        planned: The checked search.
        budget: The limits of the search.
        engine: Where the runs take place.
        listener: Receives the progress.
        command: The command line, for `search.json`.

    Raises:
        FolderError: If another process works in the folder, or has used it for another search since the plan.
        TooManyFailuresError: If too many trials failed in a row.
    """
    folder = planned.folder
    with hold(folder.path):
        search = folder.claim(planned.search, planned.plan.manifests, command, planned.inputs)
        state = SearchState(search, folder, budget, listener)
        jobs = JobSource(state, planned.plan, share=planned.shares)
        try:
            engine.run(jobs, planned.plan, jobs, jobs.watch)
        except BudgetSpent:
            listener.log("The time is over. Runs under way keep their last epoch and resume with a larger budget.")
        finally:
            state.clock.save(now=True)
        _remove_unused_checkpoints(folder, state)
    return read_search(folder.path)


def _check_networks(search: Search, plan: Plan) -> None:
    """Refuses an axis over a builder's argument that changes no layer."""
    problems = []
    for name in search.space.axes:
        networks = {digest for key, digest in plan.networks.items() if key.startswith(f"{name} = ")}
        if name.startswith("model") and len(networks) == 1:
            problems.append(f"axis {name}: all its values give the same network. Remove the axis.")
    raise_all("The search space cannot be used", problems)


def _check_folds(search: Search, plan: Plan) -> None:
    if not search.folds:
        return
    sets = plan.manifests[plan.data_of[BASE]]["sets"]
    labels = [*sets["train"]["labels"], *sets["validation"]["labels"]]
    smallest = min(labels.count(label) for label in set(labels))
    if search.folds > smallest:
        raise KerasclfError(
            f"folds: expected at most {smallest}, the number of images of the smallest class outside the test set. "
            f"Received: {search.folds}."
        )


def _remove_unused_checkpoints(folder: SearchFolder, state: SearchState) -> None:
    """Removes the checkpoints of runs that were stopped early, once no trial can resume them."""
    if state.next() is not NoTrial.EXHAUSTED or not all(trial.ended for trial in state.trials):
        return
    # With a larger budget, Hyperband may promote these runs. Nothing continues a run that was pruned.
    if state.search.oracle == "hyperband" and not state.proposed_all:
        return
    for checkpoints in folder.path.glob("runs/*/*.partial/checkpoints"):
        if not (checkpoints.parent / "failed.json").exists():
            shutil.rmtree(checkpoints, ignore_errors=True)
