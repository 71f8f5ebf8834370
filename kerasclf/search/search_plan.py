"""What a search will cost, in words."""

from dataclasses import dataclass

from kerasclf.runs.cost import format_duration
from kerasclf.runs.engines import Engine
from kerasclf.runs.plan import Plan
from kerasclf.search.budget import Budget
from kerasclf.search.search import Search
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.spaces.grid import grid_size
from kerasclf.search.trial_runs import BASE


@dataclass(frozen=True)
class SearchPlan:
    """What was found out before a search begins.

    Args:
        search: What is searched for; of a search that goes on, as it was begun.
        folder: Where.
        plan: Data, networks and, where that was asked for, what a run costs.
    """

    search: Search
    folder: SearchFolder
    plan: Plan


def most_trials(search: Search, budget: Budget) -> int | None:
    """Returns how many trials there will be at most; None where nobody knows."""
    points = grid_size(search.space) if search.oracle == "grid" else None
    known = [count for count in (points, budget.trials) if count is not None]
    return min(known) if known else None


def plan_lines(ready: SearchPlan, budget: Budget, engine: Engine) -> list[str]:
    """Returns sentences on trials, runs, time and what was there already."""
    search, most, held = ready.search, most_trials(ready.search, budget), ready.folder.trials()
    ended = sum(trial.ended for trial in held)
    lines = [f"goes on: {ended} trials are finished, {len(held) - ended} under way"] if held else []
    cost = ready.plan.costs.get(BASE)
    if cost is not None:
        lines.append(f"a run of the experiment as it is takes about {format_duration(cost.left_s(0))}")
    if most is not None:
        runs = f"{_counted(most, 'trial')} of {_counted(search.runs_a_trial, 'run')}"
        left = max(0, most - ended) * search.runs_a_trial
        lines.append(runs if cost is None else f"{runs}, {_time(ready, budget, engine, left, cost.left_s(0))}")
    return lines


def _time(ready: SearchPlan, budget: Budget, engine: Engine, runs: int, each_s: float) -> str:
    width = engine.width(ready.plan, max(runs, 1))
    all_s = runs * each_s / width
    limit = f", at most {format_duration(budget.seconds)}" if budget.seconds and budget.seconds < all_s else ""
    return f"{width} side by side: about {format_duration(all_s)} if all take as long as that{limit}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"
