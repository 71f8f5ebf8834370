"""The table of a study for a console."""

from rich.table import Table

from kerasclf.escaping import for_console
from kerasclf.report.study_results import StudyResults
from kerasclf.report.summary import published_text, summarise


def console_table(results: StudyResults) -> Table:
    """Returns the study's table, with the name of the data set and the limits of the results."""
    study = results.study
    title = f"{study['title']}  data: {results.data_title}, protocol: {study['protocol']}"
    if results.size != "full":
        title += f", {results.size} size"
    caption = for_console(results.caution) if results.caution else None
    table = Table(title=for_console(title), title_justify="left", caption=caption, caption_justify="left")
    table.add_column("experiment")
    if study["published"]:
        table.add_column(_published_heading(results), justify="right")
    for heading in (
        "test accuracy,\n95 % interval",
        "test loss",
        "validation\naccuracy",
        "runs",
        "images/s",
        "seconds\nper run",
    ):
        table.add_column(heading, justify="right")
    for row in summarise(results).to_dict("records"):
        interval = f"{row['test_accuracy_low']:.3f}–{row['test_accuracy_high']:.3f}"
        table.add_row(
            for_console(row["experiment"]),
            *([for_console(published_text(row))] if study["published"] else []),
            f"{row['test_accuracy']:.4f} ({interval})",
            f"{row['test_loss']:.4f}",
            f"{row['validation_accuracy']:.4f}",
            str(row["runs"]),
            f"{row['images_per_second']:,.0f}",
            f"{row['seconds']:,.0f}",
        )
    return table


def _published_heading(results: StudyResults) -> str:
    heading = "published\n(validation)" if results.published_metric == "validation_accuracy" else "published"
    return heading if results.comparable else "published\n(not comparable)"
