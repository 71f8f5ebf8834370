"""The table of a study: a row an experiment."""

import pandas as pd

from kerasclf.report.comparisons import accuracy_of
from kerasclf.report.results import ExperimentResults, StudyResults


def summarise(results: StudyResults) -> pd.DataFrame:
    """Returns a row for each experiment: published figures, means and standard deviations over its runs.

    Accuracies and F1 are shares from 0 to 1, losses are in nats; a deviation of a single run is missing. The
    interval of test accuracy is Student's over the runs, or Wilson's over the test images of a single run.
    Memory is in 10⁶ bytes; energy in kJ, missing where the machine does not count it. Top-5 accuracy is missing
    where a run has none, and has no column where all experiments miss it.
    """
    table = pd.DataFrame([_row(results, experiment) for experiment in results.experiments])
    return table.drop(columns="test_top5_accuracy") if table["test_top5_accuracy"].isna().all() else table


def _row(results: StudyResults, experiment: ExperimentResults) -> dict[str, object]:
    published = experiment.published or {}
    row: dict[str, object] = {
        "experiment": experiment.name,
        "data": results.data_title,
        "protocol": results.study["protocol"],
        "runs": len(experiment.runs),
        "published_accuracy": published.get("accuracy"),
        "published_loss": published.get("loss"),
        "comparable": results.comparable,
    }
    found = accuracy_of(experiment)
    row |= {"test_accuracy_low": found.low, "test_accuracy_high": found.high}
    for metric in ("test_accuracy", "test_loss", "test_macro_f1", "validation_accuracy"):
        values = pd.Series(experiment.values(metric))
        row |= {metric: values.mean(), f"{metric}_std": values.std()}
    for metric in (
        "test_top5_accuracy",
        "epochs",
        "images_per_second",
        "seconds",
        "parameters",
        "peak_memory_mb",
        "energy_kj",
    ):
        row[metric] = experiment.values(metric).mean()
    return row
