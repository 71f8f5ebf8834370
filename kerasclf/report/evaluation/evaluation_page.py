"""Writes an evaluation into a folder: a page, the same as Markdown, tables, figures and predictions."""

from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasclf.files.new_folder import check_new_folder, new_folder
from kerasclf.files.writing import write_json, write_text
from kerasclf.report.evaluation.evaluation_findings import evaluation_cautions, evaluation_findings
from kerasclf.report.evaluation.evaluation_results import EvaluationResults
from kerasclf.report.figures.corruption_figure import draw_corruptions
from kerasclf.report.figures.probability_figure import draw_probabilities
from kerasclf.report.figures.study_figures import draw_bars, draw_confusion, draw_differences
from kerasclf.report.figures.themes import save_figure
from kerasclf.report.legend import legend_of
from kerasclf.report.misclassifications import mistakes_of
from kerasclf.report.page_parts import Draw, by_class, csv_of, data_url, templates, themed_figure
from kerasclf.report.probabilities import trusted_probabilities
from kerasclf.runs.environment import hardware_in_words
from kerasclf.runs.run_tables import write_predictions

EVALUATION_FILE = "evaluation.json"


def write_evaluation(evaluation: EvaluationResults, out: Path) -> Path:
    """Writes an evaluation into a new or empty folder, which appears when it is complete.

    The folder has index.html, report.md, the figures, summary.csv with a row per model, by_class.csv, and for each
    model its predictions of every image. With corruptions, it also has corruptions.csv.

    Returns:
        The path of the page.

    Raises:
        FolderError: If the folder has other files, or cannot be written. Nothing is left of it.
    """
    check_new_folder(out, "out")
    with new_folder(out) as folder:
        draws = _figures(evaluation)
        context = {
            **_context(evaluation, folder),
            "figures": {n: themed_figure(d, folder / n) for n, d in draws.items()},
        }
        style = resources.files("kerasclf.report").joinpath("templates/page.css").read_text(encoding="utf-8")
        page = templates(escape=True).get_template("evaluation.html.j2").render(context, style=style)
        write_text(folder / "index.html", page)
        write_text(folder / "report.md", templates(escape=False).get_template("evaluation.md.j2").render(context))
        _write_tables(evaluation, folder)
    return out / "index.html"


def _figures(evaluation: EvaluationResults) -> dict[str, Draw]:
    """Returns the functions that draw the figures, by the names of their files."""
    results = evaluation.results
    figures: dict[str, Draw] = {
        "bars": partial(draw_bars, results),
        "probabilities": partial(draw_probabilities, trusted_probabilities(results.chosen)),
    }
    if evaluation.comparisons:
        figures["differences"] = partial(draw_differences, evaluation.comparisons)
    if evaluation.corrupted:
        figures["corruptions"] = partial(draw_corruptions, evaluation)
    return figures


def _context(evaluation: EvaluationResults, folder: Path) -> dict[str, Any]:
    """Returns what the templates show, and saves the confusion matrices."""
    results = evaluation.results
    details = []
    for experiment, model in zip(results.experiments, evaluation.models, strict=True):
        picture = save_figure(draw_confusion(experiment), folder / f"confusion_{experiment.name}")["png"]
        confusion = data_url(picture, "png")
        details.append({"model": model, "classes": by_class(experiment), "confusion": confusion})
    return {
        "evaluation": evaluation,
        "results": results,
        "findings": evaluation_findings(evaluation),
        "cautions": evaluation_cautions(evaluation),
        "rows": evaluation.table().to_dict("records"),
        "comparisons": evaluation.comparisons,
        "legend": legend_of(results),
        "mistakes": mistakes_of(results.chosen.runs[0]),
        "probabilities": trusted_probabilities(results.chosen),
        "details": details,
        "corruptions": _by_corruption(evaluation),
        "environment": evaluation.environment,
        "hardware": hardware_in_words(evaluation.environment),
    }


def _by_corruption(evaluation: EvaluationResults) -> list[dict[str, Any]]:
    """Returns the accuracies of each model under each corruption, one row per corruption and model."""
    order = list(dict.fromkeys(name for name, _ in evaluation.corrupted))
    rows: dict[tuple[str, str], list[Any]] = {}
    for one in evaluation.degradations:
        rows.setdefault((one.corruption, one.model), []).append(one)
    return [
        {"corruption": name, "model": model, "strengths": found}
        for (name, model), found in sorted(rows.items(), key=lambda row: order.index(row[0][0]))
    ]


def _write_tables(evaluation: EvaluationResults, folder: Path) -> None:
    write_text(folder / "summary.csv", csv_of(evaluation.table()))
    tables = [evaluation.by_class(i).assign(model=m.name) for i, m in enumerate(evaluation.models)]
    write_text(folder / "by_class.csv", csv_of(pd.concat(tables)))
    if evaluation.degradations:
        write_text(folder / "corruptions.csv", csv_of(degradation_table(evaluation)))
    if evaluation.unreadable:
        write_text(
            folder / "unreadable.csv", csv_of(pd.DataFrame(evaluation.unreadable.items(), columns=["image", "problem"]))
        )
    for model in evaluation.models:
        name = f"predictions_{model.name}.csv"
        write_predictions(
            folder / name, evaluation, np.asarray(model.probabilities, np.float32), evaluation.class_names
        )
    write_json(folder / EVALUATION_FILE, _described(evaluation))


def degradation_table(evaluation: EvaluationResults) -> pd.DataFrame:
    """Returns one row per model, corruption and strength: shares with their 95 % intervals."""
    rows = []
    for one in evaluation.degradations:
        row: dict[str, Any] = {"model": one.model, "corruption": one.corruption, "strength": one.strength}
        for name, interval in (("accuracy", one.accuracy), ("drop", one.drop), ("minus_first_model", one.advantage)):
            value, low, high = interval[:3] if interval else (np.nan,) * 3
            row |= {name: value, f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _described(evaluation: EvaluationResults) -> dict[str, Any]:
    """Returns what was evaluated, in plain JSON types."""
    return {
        "data": {"spec": evaluation.spec, "title": evaluation.title, "images": len(evaluation.labels)},
        "which": evaluation.which,
        "class_names": list(evaluation.class_names),
        "models": {model.name: model.source for model in evaluation.models},
        "views": evaluation.views,
        "left_out": dict(evaluation.left_out),
        "unreadable": dict(evaluation.unreadable),
        "findings": evaluation_findings(evaluation),
        "cautions": evaluation_cautions(evaluation),
        "environment": dict(evaluation.environment),
    }
