"""The table of a study for a console."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from kerasclf.escaping import for_console
from kerasclf.report.study_notes import caution
from kerasclf.report.study_results import StudyResults
from kerasclf.report.summary import published_text, summarise

# The metrics of the table with their headings.
_USUAL = {"test_accuracy": "test accuracy,\n95 % interval", "test_loss": "test loss"}
_UNEQUAL = {
    "test_balanced_accuracy": "balanced\naccuracy,\n95 % interval",
    "test_macro_f1": "macro F1,\n95 % interval",
    "test_accuracy": "test\naccuracy",
}


def console_table(results: StudyResults) -> Table:
    """Returns the study's table, with the name of the data set and the limits of the results."""
    study = results.study
    title = f"{study['title']}  data: {results.data_title}, protocol: {study['protocol']}"
    if results.size != "full":
        title += f", {results.size} size"
    caption = for_console(f"{caution(results)} {results.imbalance.note if results.imbalance else ''}".strip())
    table = Table(title=for_console(title), title_justify="left", caption=caption or None, caption_justify="left")
    table.add_column("experiment")
    if study["published"]:
        table.add_column(_published_heading(results), justify="right")
    metrics = _UNEQUAL if results.imbalance else _USUAL
    for heading in (
        *metrics.values(),
        "validation\naccuracy",
        "runs",
        "images/s",
        "seconds\nper run",
    ):
        table.add_column(heading, justify="right")
    for row in summarise(results).to_dict("records"):
        table.add_row(
            for_console(row["experiment"]),
            *([for_console(published_text(row))] if study["published"] else []),
            *(_with_interval(row, metric) if "95 %" in metrics[metric] else f"{row[metric]:.4f}" for metric in metrics),
            f"{row['validation_accuracy']:.4f}",
            str(row["runs"]),
            f"{row['images_per_second']:,.0f}",
            f"{row['seconds']:,.0f}",
        )
    return table


def _with_interval(row: Mapping[Any, Any], metric: str) -> str:
    return f"{row[metric]:.4f} ({row[f'{metric}_low']:.3f}–{row[f'{metric}_high']:.3f})"


def _published_heading(results: StudyResults) -> str:
    heading = "published\n(validation)" if results.published_metric == "validation_accuracy" else "published"
    return heading if results.comparable else "published\n(not comparable)"
