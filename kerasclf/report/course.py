"""Writes the course: one page per exercise and a page that lists them. Needs no TensorFlow."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from kerasclf.errors import FolderError
from kerasclf.files.writing import write_bytes, write_text
from kerasclf.report.comparisons import compare_contrasts
from kerasclf.report.figures.decision_figure import animate_decision, draw_decision
from kerasclf.report.figures.study_figures import draw_bars, draw_confusion, draw_curves
from kerasclf.report.figures.visualization_figures import draw_attention, draw_features, draw_kernels
from kerasclf.report.findings import findings
from kerasclf.report.lessons import lessons_of
from kerasclf.report.page_parts import Draw, by_class, csv_of, data_url, templates, themed_figure
from kerasclf.report.rerun_commands import command_of
from kerasclf.report.results_reader import read_results
from kerasclf.report.study_notes import caution
from kerasclf.report.study_page import study_figures
from kerasclf.report.study_results import StudyResults
from kerasclf.report.summary import summarise
from kerasclf.runs.environment import hardware_of_all
from kerasclf.studies.exercises import EXERCISES, Exercise
from kerasclf.studies.illustrations import read_illustration

_CAPTIONS = {
    "decision": "The training points, the output of the unit over the plane, and the line where it is 0.5.",
    "bars": "Test accuracy with its 95 % interval.",
    "curves": "Loss and accuracy over epochs on the training and validation sets.",
    "differences": "Differences in test accuracy with 95 % intervals. Filled dots are statistically significant.",
    "confusion": "Confusion matrix on the test set.",
    "kernels": "The kernels of the first convolution.",
    "features": "The feature maps of each convolution for one test image.",
    "attention": "Grad-CAM: the image regions that support the predicted class.",
}


@dataclass(frozen=True)
class _ExerciseResults:
    """An exercise with the results of its study, or the reason why there are none."""

    exercise: Exercise
    results: StudyResults | None
    folder: Path
    reason: str


def write_course(folder: Path | str, out: Path | str, missing: Mapping[str, str] | None = None) -> Path:
    """Writes index.html, one page per exercise, report.md, summary.csv and the figures, and replaces earlier ones.

    Args:
        folder: Folder that holds one folder per study of the course, named after the study.
        out: Folder to write to.
        missing: Reasons why studies have no results, by the name of the study.

    Returns:
        The path of the page that lists the exercises.

    Raises:
        FolderError: If no study has a finished run.
    """
    folder, out = Path(folder), Path(out)
    exercises = [_read(exercise, folder / exercise.study, missing or {}) for exercise in EXERCISES]
    known = {one.exercise.study: one.results for one in exercises if one.results is not None}
    if not known:
        raise FolderError(f"{folder} holds no finished run of the course. Run it first: kerasclf course.")
    out.mkdir(parents=True, exist_ok=True)
    summary = pd.concat([summarise(results).assign(study=name) for name, results in known.items()])
    write_text(out / "summary.csv", csv_of(summary))
    style = resources.files("kerasclf.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    html = templates(escape=True)
    pages = {}
    for index, one in enumerate(exercises):
        if one.results is not None:
            adjacent = exercises[index - 1 : index] + exercises[index + 1 : index + 2]
            context = _context(one, one.results, out, adjacent)
            write_text(out / one.exercise.page, html.get_template("exercise.html.j2").render(context, style=style))
            pages[one.exercise.number] = context
    first = next(iter(known.values()))
    overview = {
        "exercises": exercises,
        "caution": caution(first),
        "protocol": first.study["protocol"],
        "hardware": hardware_of_all(run.environment for results in known.values() for run in results.all_runs),
        "environment": first.first_run.environment,
    }
    best = {name: _best(results) for name, results in known.items()}
    write_text(out / "index.html", html.get_template("course.html.j2").render(overview, best=best, style=style))
    write_text(out / "report.md", templates(escape=False).get_template("course.md.j2").render(overview, pages=pages))
    return out / "index.html"


def _read(exercise: Exercise, folder: Path, missing: Mapping[str, str]) -> _ExerciseResults:
    try:
        return _ExerciseResults(exercise, read_results(folder), folder, "")
    except FolderError:
        return _ExerciseResults(exercise, None, folder, missing.get(exercise.study, "not run yet"))


def _context(
    one: _ExerciseResults, results: StudyResults, out: Path, adjacent: Sequence[_ExerciseResults]
) -> dict[str, Any]:
    exercise = one.exercise
    before = [other.exercise for other in adjacent if other.results and other.exercise.number < exercise.number]
    after = [other.exercise for other in adjacent if other.results and other.exercise.number > exercise.number]
    return {
        "exercise": exercise,
        "before": before[0] if before else None,
        "after": after[0] if after else None,
        "study": results.study,
        "results": results,
        "run": results.first_run,
        "rows": summarise(results).to_dict("records"),
        "findings": findings(results, compare_contrasts(results), lessons_of(results)),
        "figures": _figures(one, results, out),
        "classes": by_class(results.chosen)["shown"] if exercise.table else [],
        "command": command_of(results),
        "report": os.path.relpath(one.folder / "report" / "index.html", out),
    }


def _figures(one: _ExerciseResults, results: StudyResults, out: Path) -> list[dict[str, str]]:
    """Draws the figures of an exercise and leaves out those that its study cannot show."""
    drawn = []
    for name in one.exercise.figures:
        path = out / f"{one.exercise.number:02}-{name}"
        draw = _draw(name, one, results)
        if draw is None:
            continue
        figure = {"file": f"{path.name}.png", "caption": _CAPTIONS[name], **themed_figure(draw, path)}
        if name == "decision" and (decision := read_illustration(one.folder, "decision")):
            raw = animate_decision(decision)
            write_bytes(path.with_suffix(".gif"), raw)
            figure["animation"] = data_url(raw, "gif")
        drawn.append(figure)
    return drawn


def _draw(name: str, one: _ExerciseResults, results: StudyResults) -> Draw | None:
    """Returns the function that draws a figure in a theme, or None if there is nothing to draw."""
    if name == "bars":
        return partial(draw_bars, results)
    if name == "curves":
        return partial(draw_curves, results)
    if name == "confusion":
        return partial(draw_confusion, results.chosen)
    if name == "differences":
        return study_figures(results, compare_contrasts(results), lessons_of(results)).get("differences")
    return illustration_figures(one.folder).get(name)


def illustration_figures(folder: Path) -> dict[str, Draw]:
    """Returns the functions that draw the illustrations of a study, by the names of their files.

    Args:
        folder: The study's folder. Of the exercises, the perceptron has a decision line, and the convolutional network
            has kernels, feature maps and a heat map.
    """
    figures: dict[str, Draw] = {}
    if decision := read_illustration(folder, "decision"):
        figures["decision"] = partial(draw_decision, decision)
    if visualization := read_illustration(folder, "visualization"):
        arrays, described = visualization
        layers = [(layer, arithmetic, arrays[f"maps/{layer}"]) for layer, arithmetic in described["layers"]]
        figures["kernels"] = partial(draw_kernels, described["kernels"], arrays["kernels"])
        figures["features"] = partial(draw_features, arrays["image"], layers)
        figures["attention"] = partial(draw_attention, arrays["image"], arrays["heat"], described["attention"])
    return figures


def _best(results: StudyResults) -> dict[Any, Any]:
    rows = summarise(results).to_dict("records")
    return next(row for row in rows if row["experiment"] == results.chosen.name)
