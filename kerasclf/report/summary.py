"""The table of a study, one row per experiment."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasclf.report.experiment_intervals import accuracy_on_these_images, interval_of
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.statistics.scores import SCORES
from kerasclf.report.study_results import StudyResults


def summarise(results: StudyResults) -> pd.DataFrame:
    """Returns one row per experiment: published figures, and means and standard deviations over its runs.

    Accuracies and F1 are shares from 0 to 1. Losses are in nats. The standard deviation of a single run is missing.
    Intervals are over seeds and images like these (test_accuracy_low, test_accuracy_high, and so on). That of test
    accuracy is also over seeds alone (these_images_low, these_images_high); it is missing if nothing shows how
    seeds vary, or if runs have different test images. Balanced accuracy and macro F1 come first
    if the classes of the test set have very different numbers of images. Memory is in 10⁶ bytes. Energy is in kJ and is
    missing if the machine does not measure it. Top-5 accuracy and the wording of published figures are optional: the
    table has no such column if no experiment has a value.
    """
    table = pd.DataFrame([_row(results, experiment) for experiment in results.experiments])
    optional = [name for name in ("test_top5_accuracy", "published_wording") if table[name].isna().all()]
    table = table.drop(columns=optional)
    return _leading(table, ("test_balanced_accuracy", "test_macro_f1")) if results.imbalance else table


def _leading(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Returns a table with the columns of some metrics directly after the number of runs."""
    first = list(table.loc[:, :"runs"].columns)
    leading = [f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high", "_std")]
    chosen = [*first, *(name for name in leading if name in table)]
    return table[[*chosen, *(name for name in table.columns if name not in chosen)]]


def published_text(row: Mapping[Any, Any]) -> str:
    """Returns the published accuracy of a row's experiment: its original wording, its value, or a dash."""
    if isinstance(row.get("published_wording"), str):
        return str(row["published_wording"])
    accuracy = row["published_accuracy"]
    return "–" if accuracy is None or accuracy != accuracy else f"{accuracy:.4f}"


def _row(results: StudyResults, experiment: ExperimentResults) -> dict[str, object]:
    published = experiment.published or {}
    row: dict[str, object] = {
        "experiment": experiment.name,
        "data": results.data_title,
        "protocol": results.study["protocol"],
        "runs": len(experiment.runs),
        "published_accuracy": published.get("accuracy"),
        "published_loss": published.get("loss"),
        "published_wording": published.get("wording") or None,
        "comparable": results.comparable,
        "reduced": results.size != "full",
    }
    these = accuracy_on_these_images(results, experiment)
    row |= {"these_images_low": these.low, "these_images_high": these.high}
    for metric in SCORES:
        if np.isnan(experiment.values(metric)).any():
            continue
        interval = interval_of(results, experiment, metric)
        row |= {f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    for metric in ("test_accuracy", "test_loss", "test_balanced_accuracy", "test_macro_f1", "validation_accuracy"):
        values = pd.Series(experiment.values(metric))
        row |= {metric: values.mean(), f"{metric}_std": values.std()}
    for metric in (
        "test_top5_accuracy",
        "epochs",
        "images_per_second",
        "waiting_share",
        "seconds",
        "parameters",
        "peak_memory_mb",
        "energy_kj",
    ):
        row[metric] = experiment.values(metric).mean()
    return row
