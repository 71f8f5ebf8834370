"""What a search will cost, in words."""

from kerasclf.search.budget import Budget
from kerasclf.search.grid import grid_size
from kerasclf.search.runner import Preflight
from kerasclf.search.search import Search
from kerasclf.search.trial_runs import BASE
from kerasclf.studies.engines import Engine
from kerasclf.studies.forecast import in_words


def most_trials(search: Search, budget: Budget) -> int | None:
    """Returns how many trials there will be at most; None where nobody knows."""
    points = grid_size(search.space) if search.oracle == "grid" else None
    known = [count for count in (points, budget.trials) if count is not None]
    return min(known) if known else None


def forecast_lines(ready: Preflight, budget: Budget, engine: Engine) -> list[str]:
    """Returns sentences on trials, runs, time and what was there already."""
    search, most = ready.search, most_trials(ready.search, budget)
    held = ready.folder.trials()
    lines = []
    if held:
        ended = sum(trial.ended for trial in held)
        lines.append(f"goes on: {ended} trials are finished, {len(held) - ended} under way")
    runs = "" if most is None else f"{most} trials of {search.runs_a_trial} run{'s' * (search.runs_a_trial > 1)}"
    estimate = ready.plan.estimates.get(BASE)
    if estimate is None:
        return [*lines, *([runs] if runs else [])]
    each = estimate.left_s(0)
    lines.append(f"a run of the experiment as it is takes about {in_words(each)}")
    if most is not None:
        count = (most - sum(trial.ended for trial in held)) * search.runs_a_trial
        width = engine.width(ready.plan, max(count, 1))
        most_s = count * each / width
        limit = f", at most {in_words(budget.seconds)}" if budget.seconds and budget.seconds < most_s else ""
        lines.append(f"{runs}, {width} side by side: about {in_words(most_s)} if all take as long as that{limit}")
    return lines
