"""Writes the report of a study: a self-contained page, the same as Markdown, the table as CSV, and the figures."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from kerasclf.files.writing import write_text
from kerasclf.report.changes import settings_of
from kerasclf.report.comparisons import Comparison, compare_contrasts
from kerasclf.report.contrasts import changes_of
from kerasclf.report.experiment_intervals import single_run_note
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.explained_images import explained_images
from kerasclf.report.figures.probability_figure import draw_probabilities
from kerasclf.report.figures.study_figures import draw_bars, draw_confusion, draw_curves, draw_differences, draw_lessons
from kerasclf.report.figures.themes import save_figure
from kerasclf.report.findings import findings
from kerasclf.report.legend import legend_of
from kerasclf.report.lessons import LESSON_LEGEND, LessonResult, lessons_of
from kerasclf.report.misclassifications import mistakes_of
from kerasclf.report.page_parts import Draw, by_class, csv_of, data_url, templates, themed_figure
from kerasclf.report.probabilities import trusted_probabilities
from kerasclf.report.rerun_commands import command_of, command_of_run
from kerasclf.report.study_results import StudyResults
from kerasclf.report.summary import summarise
from kerasclf.runs.environment import hardware_of_all

# The words of the page that have a special meaning, one line each.
GLOSSARY = {
    "run": "one training of an experiment, from one seed",
    "seed": "the number that decides everything random in a run: first weights, order and changes of the images",
    "repeat": "another run of the same experiment with another seed",
    "split": "one division of the images into a training, a validation and a test set",
    "images like these": "all images of the kind of the test images, which are a sample of them",
    "these images": "the test images alone",
    "interval": "a range that covers the true value in about 95 of 100 such studies",
    "significant": "so large that equally good experiments differ as much in fewer than 5 of 100 such studies",
}


def write_report(results: StudyResults, out: Path | str, explained: Callable[[], StudyResults] | None = None) -> Path:
    """Writes index.html, report.md, summary.csv and the figures into a folder, and replaces an earlier report.

    Args:
        results: The results.
        out: The folder.
        explained: Waits for the results with explanations of the chosen run. It is called after the figures are drawn.

    Returns:
        The path of the page.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    summary = summarise(results)
    write_text(out / "summary.csv", csv_of(summary))
    comparisons, lesson_results = compare_contrasts(results), lessons_of(results)
    probabilities = trusted_probabilities(results.chosen)
    draws = study_figures(results, comparisons, lesson_results)
    draws["probabilities"] = partial(draw_probabilities, probabilities)
    context: dict[str, Any] = {
        "results": results,
        "study": results.study,
        "findings": findings(results, comparisons, lesson_results),
        "lesson_results": lesson_results,
        "lesson_legend": LESSON_LEGEND,
        "rows": summary.to_dict("records"),
        "single_runs": single_run_note(results),
        "comparisons": comparisons,
        "legend": legend_of(results),
        "glossary": GLOSSARY,
        "changes": changes_of(results),
        "figures": {name: themed_figure(draw, out / name) for name, draw in draws.items()},
        "mistakes": mistakes_of(results.chosen.runs[0]),
        "probabilities": probabilities,
        "details": [_details(results, experiment, out) for experiment in results.experiments],
        "run": results.first_run,
        "hardware": hardware_of_all(run.environment for run in results.all_runs),
        "command": command_of(results),
        "explained": explained_images(explained() if explained else results),
    }
    style = resources.files("kerasclf.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    write_text(out / "report.md", templates(escape=False).get_template("report.md.j2").render(context))
    write_text(out / "index.html", templates(escape=True).get_template("page.html.j2").render(context, style=style))
    return out / "index.html"


def study_figures(
    results: StudyResults, comparisons: Sequence[Comparison], lesson_results: Sequence[LessonResult]
) -> dict[str, Draw]:
    """Returns the functions that draw the figures of a study with all its experiments, by the names of their files."""
    figures: dict[str, Draw] = {"bars": partial(draw_bars, results), "curves": partial(draw_curves, results)}
    known_lessons = [one for one in lesson_results if not math.isnan(one.comparison.difference.low)]
    known = [one for one in comparisons if not math.isnan(one.difference.low)]
    if known_lessons:
        figures["differences"] = partial(draw_lessons, known_lessons)
    elif known and not lesson_results:
        figures["differences"] = partial(draw_differences, known)
    return figures


def _details(results: StudyResults, experiment: ExperimentResults, out: Path) -> dict[str, Any]:
    path = out / f"confusion_{experiment.name}"
    return {
        "name": experiment.name,
        "classes": by_class(experiment),
        "confusion": data_url(save_figure(draw_confusion(experiment), path)["png"], "png"),
        "settings": settings_of(experiment.experiment),
        "runs": [(run, command_of_run(results, experiment, run.seed)) for run in experiment.runs],
    }
