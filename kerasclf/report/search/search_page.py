"""Writes the report of a search: a self-contained page, the same as Markdown, and the trials as CSV."""

from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from kerasclf.files.writing import write_text
from kerasclf.report.changes import settings_of
from kerasclf.report.page_parts import Draw, csv_of, templates, themed_figure
from kerasclf.report.search.search_facts import caution, gain_warning, read_gain, search_findings, trial_interval
from kerasclf.report.search.search_figures import draw_history, draw_importance, draw_parallel, draw_slices
from kerasclf.report.search.search_importance import MIN_TRIALS, importance_of
from kerasclf.report.summary import summarise
from kerasclf.runs.environment import hardware_in_words
from kerasclf.runs.run_folder import RunFolder
from kerasclf.search.final_runs import refit_of
from kerasclf.search.search import ORACLES
from kerasclf.search.search_progress import shown
from kerasclf.search.search_results import SearchResults
from kerasclf.search.spaces.space import Axis, axis_to_dict
from kerasclf.wording import format_duration

# Number of trials in the table of the best; trials.csv holds all trials.
_MAX_LISTED = 15


def write_search_report(results: SearchResults, out: Path | str) -> Path:
    """Writes index.html, report.md, trials.csv and the figures into a folder, and replaces an earlier report.

    Returns:
        The path of the page.

    Raises:
        FolderError: If no trial is finished, or the folder of a run is damaged.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "trials.csv", csv_of(results.table()))
    context = _context(results, out)
    style = resources.files("kerasclf.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    write_text(out / "report.md", templates(escape=False).get_template("search.md.j2").render(context))
    write_text(out / "index.html", templates(escape=True).get_template("search.html.j2").render(context, style=style))
    return out / "index.html"


def _context(results: SearchResults, out: Path) -> dict[str, Any]:
    search, gain, importance = results.search, read_gain(results), importance_of(results)
    run = _first_complete_run(results)
    figures: dict[str, Draw] = {
        "history": partial(draw_history, results),
        "parallel": partial(draw_parallel, results),
        "slices": partial(draw_slices, results),
    }
    if importance is not None:
        figures["importance"] = partial(draw_importance, importance)
    about = results.folder.about()
    return {
        "results": results,
        "search": search,
        "title": search.title or "Hyperparameter search",
        "oracle": ORACLES[search.oracle],
        "findings": search_findings(results, gain),
        "caution": caution(search),
        "warning": gain_warning(gain),
        "gain": gain,
        "final_rows": summarise(gain.final).to_dict("records") if gain else [],
        "rows": [_row(results, trial) for trial in results.ranked[:_MAX_LISTED]],
        "counts": _counts(results),
        "failures": [t for t in results.trials if t.status == "failed"],
        "space": {name: _axis_text(axis) for name, axis in search.space.axes.items()},
        "base_values": {name: _value(value) for name, value in search.space.of(search.experiment).items()},
        "changes": _changes(results),
        "settings": settings_of(search.experiment),
        "importance": importance,
        "min_trials": MIN_TRIALS,
        "refit": refit_of(results),
        "figures": {name: themed_figure(draw, out / name) for name, draw in figures.items()},
        "run": run,
        "hardware": hardware_in_words(run["environment"]) if run else "",
        "time": format_duration(sum(t.seconds for t in results.trials)),
        "spent": format_duration(results.folder.spent_s()),
        "command": about["command"],
        "versions": about["versions"],
    }


def _row(results: SearchResults, trial: Any) -> dict[str, Any]:
    interval = trial_interval(results, trial)
    return {
        "trial": trial,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "values": [_value(value) for value in trial.values.values()],
    }


def _changes(results: SearchResults) -> list[tuple[str, str, str]]:
    """Returns (axis, value in the base experiment, value in the best trial) for every axis."""
    before = results.search.space.of(results.search.experiment)
    return [(name, _value(before[name]), _value(value)) for name, value in results.best.values.items()]


def _value(value: object) -> str:
    return "default" if value is None else shown(list(value) if isinstance(value, tuple) else value)


def _counts(results: SearchResults) -> dict[str, int]:
    counts = {
        "trained to the end": sum(t.whole for t in results.trials),
        "stopped early": sum(t.value is not None and not t.whole for t in results.trials),
        "failed": sum(t.status == "failed" for t in results.trials),
        "running": sum(not t.ended for t in results.trials),
    }
    return {state: count for state, count in counts.items() if count}


def _first_complete_run(results: SearchResults) -> dict[str, Any] | None:
    """Returns the environment and the description of the first complete run; None if there is none."""
    for trial in results.ranked:
        for one in trial.runs:
            run = RunFolder(results.folder.path / "runs" / one.folder)
            if run.complete:
                return {"environment": run.environment(), "description": run.description()}
    return None


def _axis_text(axis: Axis) -> str:
    plain = axis_to_dict(axis)
    if "choice" in plain:
        return ", ".join(shown(value) for value in plain["choice"])
    if "boolean" in plain:
        return "False, True"
    low, high = plain.get("float") or plain["int"]
    step = f" in steps of {plain['step']}" if "step" in plain and not plain.get("log") else ""
    times = f", each {plain['step']} times the previous value" if "step" in plain and plain.get("log") else ""
    return f"{shown(low)} to {shown(high)}{step}{times}{', log scale' if plain.get('log') else ''}"
