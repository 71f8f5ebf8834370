"""`SearchPlan`: the checks and estimates made before a search runs."""

import itertools
from collections.abc import Set
from dataclasses import dataclass

from kerasclf.runs.engines.engine import Engine
from kerasclf.runs.inputs import RunInputs, known_inputs
from kerasclf.runs.planning.plan import Plan
from kerasclf.runs.sharing import trajectory_of
from kerasclf.search.search import Search
from kerasclf.search.search_budget import Budget
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.spaces.grid import grid_points, grid_size
from kerasclf.search.trial_runs import BASE
from kerasclf.wording import counted, format_duration

# Each point takes milliseconds.
_MOST_COUNTED = 1000


@dataclass(frozen=True)
class SearchPlan:
    """A checked search that is ready to run.

    Args:
        search: The search. A resumed search keeps the settings that it started with.
        folder: The search folder.
        plan: Data, networks and, if measured, the cost of a run.
        share: Whether trials that train alike up to the end of the shorter one may be one training.
    """

    search: Search
    folder: SearchFolder
    plan: Plan
    share: bool = True

    @property
    def shares(self) -> bool:
        """Whether trials of this search are one training."""
        return self.share and self.search.proposes_alike

    @property
    def inputs(self) -> RunInputs:
        """The images and weights of the trials."""
        return known_inputs(self.search.experiment, self.plan.data_of[BASE])


def trial_limit(search: Search, budget: Budget) -> int | None:
    """Returns the maximum number of trials, or None if it is unknown."""
    points = grid_size(search.space) if search.oracle == "grid" else None
    limits = [count for count in (points, budget.trials) if count is not None]
    return min(limits) if limits else None


def plan_lines(planned: SearchPlan, budget: Budget, engine: Engine) -> list[str]:
    """Returns lines on the existing trials, the number of runs and the time."""
    search, limit, trials = planned.search, trial_limit(planned.search, budget), planned.folder.trials()
    ended = sum(trial.ended for trial in trials)
    lines = [f"resuming: {counted(ended, 'trial')} finished, {len(trials) - ended} under way"] if trials else []
    cost = planned.plan.costs.get(BASE)
    if cost is not None:
        lines.append(f"a run of the base experiment takes about {format_duration(cost.left_s(0))}")
    if limit is not None:
        runs = f"{counted(limit, 'trial')} of {counted(search.runs_per_trial, 'run')}"
        total, trained = _epochs(planned, limit, {trial.number for trial in trials if trial.ended})
        if cost is not None:
            left = max(0, limit - ended) * search.runs_per_trial
            runs += f", {_time(planned, budget, engine, left, cost.left_s(0) * trained / max(total, 1))}"
        lines.append(runs)
        if trained < total:
            same = f"{total - trained:,} are the same in several trials"
            lines.append(f"{trained:,} of {counted(total, 'epoch')} to train: {same}")
    return lines


def _epochs(planned: SearchPlan, trials: int, ended: Set[int]) -> tuple[int, int]:
    """Returns the number of epochs of the trials to make, and how many of them are trained, as trials share the others.

    Args:
        planned: The search.
        trials: Number of its trials.
        ended: Numbers of those that have ended.
    """
    search, total, trained = planned.search, 0, 0
    if not planned.shares or trials > _MOST_COUNTED:
        each = search.experiment.epochs * search.runs_per_trial * (trials - len(ended))
        return each, each
    # The images are those of the search in all trials, so they tell no trials apart.
    images = {"train": "", "validation": "", "test": ""}
    points = enumerate(itertools.islice(grid_points(search.space), trials), 1)
    left = (search.space.apply(search.experiment, values) for number, values in points if number not in ended)
    for _, alike in itertools.groupby(left, lambda one: trajectory_of(one, 0, images)):
        lengths = [experiment.epochs for experiment in alike]
        total, trained = total + sum(lengths), trained + max(lengths)
    return total * search.runs_per_trial, trained * search.runs_per_trial


def _time(planned: SearchPlan, budget: Budget, engine: Engine, runs: int, run_s: float) -> str:
    search, width = planned.search, engine.width(planned.plan, max(runs, 1))
    if search.lag is not None:
        width = min(width, search.lag * search.runs_per_trial)
    all_s = runs * run_s / width
    limited = budget.seconds is not None and budget.seconds < all_s
    limit = f", at most {format_duration(budget.seconds)}" if budget.seconds is not None and limited else ""
    return f"{width} side by side: about {format_duration(all_s)} at this length{limit}"
