"""Runs a search: trial after trial, each as runs of the study engine, gone on with after any interruption."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kerasclf.errors import KerasclfError, raise_all
from kerasclf.locks import hold
from kerasclf.log import Log
from kerasclf.runs.engines import Engine, Processes
from kerasclf.runs.experiment import Experiment
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
from kerasclf.search.spaces.space import Axis, Space, make_space
from kerasclf.search.trial_order import NoTrial
from kerasclf.search.trial_runs import BASE


def run_search(
    experiment: Experiment,
    space: Space | Mapping[str, Axis],
    out: Path | str,
    *,
    oracle: str = "random",
    max_trials: int | None = None,
    max_seconds: float | None = None,
    objective: str = "val_accuracy",
    seed: int = 0,
    repeats: int = 1,
    folds: int = 0,
    median: bool = False,
    side_by_side: int | None = None,
    max_failures: int = 5,
    engine: Engine | None = None,
    listener: SearchListener | None = None,
) -> SearchResults:
    """Searches for the values of a space with which an experiment is best on its validation images.

    Called again with the same folder it goes on where it was interrupted, from the last epoch of every run; with a
    larger budget it adds to what there is.

    Args:
        experiment: What is varied.
        space: An axis for each field to vary, such as `{"train.learning_rate": Float(1e-4, 1e-1, log=True)}`.
        out: The search's folder; made where needed.
        oracle: Who proposes: a name out of `kerasclf.search.ORACLES`.
        max_trials: Trials at most.
        max_seconds: Seconds at most, over all calls.
        objective: `"val_accuracy"` or `"val_loss"`.
        seed: Decides proposals and runs.
        repeats: Runs of each trial, with seeds that count on from `seed`.
        folds: Each of so many folds validates once, a run each; 0 takes the experiment's own validation part.
        median: Whether trials that fall behind the median of earlier ones are broken off.
        side_by_side: How many trials may be under way when an oracle that learns from results proposes another; None
            takes 1, or what the search was begun with.
        max_failures: After so many failed trials in a row it stops.
        engine: Where to run; processes of their own where not given.
        listener: Who is told of the progress.

    Returns:
        The trials and the best of them. `finish` looks at the test part.

    Raises:
        TooManyFailuresError: So many trials failed in a row.
        KerasclfError: Something cannot be used; nothing was run.
    """
    search = Search(
        experiment, make_space(space), oracle, objective, seed,
        tuple(range(seed, seed + repeats)), folds, median, side_by_side or 1,
    )  # fmt: skip
    budget = Budget(max_trials, max_seconds, max_failures)
    engine, listener = engine or Processes(), listener or SilentSearchListener()
    ready = plan_search(search, out, budget, engine=engine, log=listener.log, keep_width=side_by_side is None)
    return run_planned_search(ready, budget, engine, listener)


def plan_search(
    search: Search,
    out: Path | str,
    budget: Budget,
    *,
    engine: Engine,
    log: Log = lambda line: None,
    measure: bool = False,
    keep_width: bool = True,
) -> SearchPlan:
    """Checks everything that a search needs: space, budget, folder, data, and a network for each end of each axis.

    Writes nothing.

    Args:
        search: What is searched for.
        out: The search's folder.
        budget: How much it may cost.
        engine: Where it will be run.
        log: Is told of the progress.
        measure: Whether a run of the experiment is measured by a few real steps.
        keep_width: Whether a search that goes on keeps its `side_by_side`.
    """
    held = check_search(search, out, budget)
    if held is not None and (keep_width or search.lag is None):
        search = replace(search, side_by_side=held.side_by_side)
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
