"""Writes the report of a study: a self-contained page, the same as Markdown, the table as CSV, and the figures."""

import base64
import io
import math
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from kerasclf.escaping import for_markdown, for_spreadsheet, markdown_block, markdown_code, visible
from kerasclf.files.csv_files import write_table
from kerasclf.files.writing import write_text
from kerasclf.report.changes import settings_of
from kerasclf.report.comparisons import Comparison, compare_contrasts
from kerasclf.report.difference_text import p_text, signed
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.explained_images import explained_images
from kerasclf.report.figures.probability_figure import draw_probabilities
from kerasclf.report.figures.study_figures import draw_bars, draw_confusion, draw_curves, draw_differences, draw_lessons
from kerasclf.report.figures.themes import figure_bytes, save_figure
from kerasclf.report.findings import findings
from kerasclf.report.legend import legend_of
from kerasclf.report.lessons import LESSON_LEGEND, LessonResult, lessons_of
from kerasclf.report.misclassifications import mistakes_of
from kerasclf.report.probabilities import trusted_probabilities
from kerasclf.report.rerun_commands import command_of, command_of_run
from kerasclf.report.statistics.contrasts import changes_of
from kerasclf.report.statistics.intervals import single_run_note
from kerasclf.report.study_results import StudyResults
from kerasclf.report.summary import published_text, summarise
from kerasclf.runs.environment import hardware_of_all
from kerasclf.runs.metrics import class_metrics

# A function from the theme, and whether the figure is narrow, to a figure.
Draw = Callable[[str, bool], Figure]

_VARIANTS = (("dark", "dark", False), ("narrow_light", "light", True), ("narrow_dark", "dark", True))

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

# A longer table of classes shows only the worst classes and folds the others.
_MAX_LISTED_CLASSES = 40
_WORST_CLASSES = 20


def write_report(results: StudyResults, out: Path | str) -> Path:
    """Writes index.html, report.md, summary.csv and the figures into a folder, and replaces an earlier report.

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
        "explained": explained_images(results),
        "probabilities": probabilities,
        "details": [_details(results, experiment, out) for experiment in results.experiments],
        "run": results.first_run,
        "hardware": hardware_of_all(run.environment for run in results.all_runs),
        "command": command_of(results),
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


def csv_of(table: pd.DataFrame) -> str:
    """Returns a table as CSV, in which no text is a formula of a spreadsheet."""
    text = io.StringIO()
    write_table(table.map(for_spreadsheet), text, digits=6)
    return text.getvalue()


def templates(escape: bool) -> jinja2.Environment:
    """Returns the environment of the report's templates; set `escape` for HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kerasclf.report", "templates"),
        autoescape=escape,
        finalize=_for_html if escape else _for_markdown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["visible"] = visible
    environment.filters["code"] = lambda text: Markup(markdown_code(text))
    environment.filters["block"] = lambda text: Markup(markdown_block(text))
    environment.filters["points"] = lambda share: signed(100 * share, 2)
    environment.filters["jpeg_url"] = lambda raw: data_url(raw, "jpeg")
    environment.filters["published_text"] = published_text
    environment.filters["p_text"] = p_text
    environment.tests["known"] = lambda value: value is not None and not math.isnan(value)
    return environment


def _for_html(value: Any) -> Any:
    """Makes control characters of a text visible. Jinja escapes it afterwards."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _for_markdown(value: Any) -> Any:
    """Escapes everything that a template writes, except text that a filter has made for Markdown."""
    return for_markdown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _details(results: StudyResults, experiment: ExperimentResults, out: Path) -> dict[str, Any]:
    path = out / f"confusion_{experiment.name}"
    return {
        "name": experiment.name,
        "classes": by_class(experiment),
        "confusion": data_url(save_figure(draw_confusion(experiment), path)["png"], "png"),
        "settings": settings_of(experiment.experiment),
        "runs": [(run, command_of_run(results, experiment, run.seed)) for run in experiment.runs],
    }


def by_class(experiment: ExperimentResults) -> dict[str, Any]:
    """Returns (name, precision, recall, F1, images) of each class; of many classes, the worst by F1 are shown."""
    columns = class_metrics(*experiment.pooled)
    rows = list(zip(experiment.runs[0].class_names, *columns, strict=True))
    if len(rows) <= _MAX_LISTED_CLASSES:
        return {"shown": rows, "folded": []}
    rows.sort(key=lambda row: row[3])
    return {"shown": rows[:_WORST_CLASSES], "folded": rows[_WORST_CLASSES:]}


def themed_figure(draw: Draw, path: Path) -> dict[str, str]:
    """Saves a figure in the light theme, and returns it as data URLs: in both themes, wide and narrow."""
    wide = save_figure(draw("light", False), path)["svg"]
    others = {name: figure_bytes(draw(theme, narrow), "svg") for name, theme, narrow in _VARIANTS}
    return {name: data_url(raw, "svg+xml") for name, raw in {"light": wide, **others}.items()}


def data_url(raw: bytes, kind: str) -> str:
    """Returns an image as a data URL of a kind such as png."""
    return f"data:image/{kind};base64," + base64.b64encode(raw).decode()
