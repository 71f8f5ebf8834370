"""Writes the course: a page for each exercise, and one that lists them. Needs no TensorFlow."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from kerasclf.errors import FolderError
from kerasclf.files import write_bytes, write_text
from kerasclf.report.comparisons import against_base, between_neighbours
from kerasclf.report.decision_figure import animate_decision, draw_decision
from kerasclf.report.figures import draw_bars, draw_confusion, draw_curves, draw_differences, draw_lessons
from kerasclf.report.findings import findings
from kerasclf.report.lessons import lessons_of
from kerasclf.report.page import Draw, by_class, data_url, templates, themed_figure
from kerasclf.report.rerun_commands import command_of
from kerasclf.report.study_results import StudyResults, read_results
from kerasclf.report.summary import summarise
from kerasclf.report.visualization_figures import draw_attention, draw_features, draw_kernels
from kerasclf.runs.environment import hardware_in_words
from kerasclf.studies.exercises import EXERCISES, Exercise
from kerasclf.studies.illustrations import read_illustration

_CAPTIONS = {
    "decision": "The training points, what the unit thinks of the plane, and the line where it is undecided.",
    "bars": "Test accuracy with its 95 % interval.",
    "curves": "Loss and accuracy over epochs: training on the left, validation on the right.",
    "differences": "Differences in test accuracy with 95 % intervals; filled: can be told from chance.",
    "confusion": "Test images of each class by what they were taken for.",
    "kernels": "The kernels of the first convolution.",
    "features": "What each convolution makes of a test image.",
    "attention": "Grad-CAM: where the network looks.",
}


@dataclass(frozen=True)
class _Told:
    """An exercise with the results of its study; without any, why there are none."""

    exercise: Exercise
    results: StudyResults | None
    folder: Path
    why_not: str


def write_course(folder: Path | str, out: Path | str, missing: Mapping[str, str] | None = None) -> Path:
    """Writes index.html, a page for each exercise, all of it as report.md, figures and summary.csv, replacing others.

    Args:
        folder: With a folder for each study of the course, by its name.
        out: Where to write.
        missing: Why a study has no results, by its name.

    Returns:
        The path of the page that lists the exercises.

    Raises:
        FolderError: None of the studies has a finished run.
    """
    folder, out = Path(folder), Path(out)
    told = [_read(exercise, folder / exercise.study, missing or {}) for exercise in EXERCISES]
    known = {t.exercise.study: t.results for t in told if t.results is not None}
    if not known:
        raise FolderError(f"{folder} holds no finished run of the course. Run it first: kerasclf study course.")
    out.mkdir(parents=True, exist_ok=True)
    summary = pd.concat([summarise(results).assign(study=name) for name, results in known.items()])
    write_text(out / "summary.csv", summary.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    style = resources.files("kerasclf.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    made = templates(escape=True)
    pages = {}
    for place, one in enumerate(told):
        if one.results is not None:
            facts = _facts(one, one.results, out, told[place - 1 : place] + told[place + 1 : place + 2])
            write_text(out / one.exercise.page, made.get_template("exercise.html.j2").render(facts, style=style))
            pages[one.exercise.number] = facts
    first = next(iter(known.values()))
    whole = {
        "told": told,
        "caution": first.caution,
        "protocol": first.study["protocol"],
        "hardware": hardware_in_words(first.first_run.environment),
        "environment": first.first_run.environment,
    }
    best = {name: _best(results) for name, results in known.items()}
    write_text(out / "index.html", made.get_template("course.html.j2").render(whole, best=best, style=style))
    write_text(out / "report.md", templates(escape=False).get_template("course.md.j2").render(whole, pages=pages))
    return out / "index.html"


def _read(exercise: Exercise, folder: Path, missing: Mapping[str, str]) -> _Told:
    try:
        return _Told(exercise, read_results(folder), folder, "")
    except FolderError:
        return _Told(exercise, None, folder, missing.get(exercise.study, "not run yet"))


def _facts(one: _Told, results: StudyResults, out: Path, around: Sequence[_Told]) -> dict[str, Any]:
    exercise = one.exercise
    before = [t.exercise for t in around if t.results and t.exercise.number < exercise.number]
    after = [t.exercise for t in around if t.results and t.exercise.number > exercise.number]
    return {
        "exercise": exercise,
        "before": before[0] if before else None,
        "after": after[0] if after else None,
        "study": results.study,
        "results": results,
        "run": results.first_run,
        "rows": summarise(results).to_dict("records"),
        "findings": findings(results, between_neighbours(results), lessons_of(results)),
        "figures": _figures(one, results, out),
        "classes": by_class(results.chosen)["shown"] if exercise.table else [],
        "command": command_of(results),
        "report": os.path.relpath(one.folder / "report" / "index.html", out),
    }


def _figures(one: _Told, results: StudyResults, out: Path) -> list[dict[str, str]]:
    """Draws an exercise's figures, those left out that its study cannot show."""
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


def _draw(name: str, one: _Told, results: StudyResults) -> Draw | None:
    """Returns what draws a figure in a theme, or None where there is nothing to draw."""
    if name == "bars":
        return partial(draw_bars, results)
    if name == "curves":
        return partial(draw_curves, results)
    if name == "confusion":
        return partial(draw_confusion, results.chosen)
    if name == "differences" and (lesson_results := lessons_of(results)):
        return partial(draw_lessons, lesson_results)
    if name == "differences":
        base, neighbours = against_base(results), between_neighbours(results)
        return partial(draw_differences, base, neighbours) if base else None
    if name == "decision":
        decision = read_illustration(one.folder, "decision")
        return partial(draw_decision, decision) if decision else None
    visualization = read_illustration(one.folder, "visualization")
    if visualization is None:
        return None
    arrays, described = visualization
    if name == "kernels":
        return partial(draw_kernels, described["kernels"], arrays["kernels"])
    if name == "features":
        layers = [(layer, arithmetic, arrays[f"maps/{layer}"]) for layer, arithmetic in described["layers"]]
        return partial(draw_features, arrays["image"], layers)
    return partial(draw_attention, arrays["image"], arrays["heat"], described["attention"])


def _best(results: StudyResults) -> dict[Any, Any]:
    rows = summarise(results).to_dict("records")
    return next(row for row in rows if row["experiment"] == results.chosen.name)
