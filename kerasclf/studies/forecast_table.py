"""A forecast for a console."""

from rich.table import Table

from kerasclf.studies.forecast import Forecast, in_words


def forecast_table(forecast: Forecast) -> Table:
    """Returns a row for each experiment that is to be run: how often, and what one run costs."""
    table = Table(
        title="still to be run", title_justify="left", caption_justify="left",
        caption="seconds an epoch: input pipeline and network each alone, and both as they overlap, with validation",
    )  # fmt: skip
    table.add_column("experiment")
    for heading in ("runs", "parameters", "input", "network", "epoch, s", "epochs,\nat most", "a run,\nat most"):
        table.add_column(heading, justify="right")
    names = [job.name for job in forecast.jobs]
    for name in dict.fromkeys(names):
        cost = forecast.plan.estimates[name]
        table.add_row(
            name,
            str(names.count(name)),
            f"{cost.parameters:,}",
            f"{cost.input_s:.2f}",
            f"{cost.compute_s:.2f}",
            f"{cost.epoch_s:.2f}",
            str(cost.epochs),
            in_words(cost.run_s),
        )
    return table


def forecast_summary(forecast: Forecast) -> list[str]:
    """Returns what is to be run and what it costs, in a few lines."""
    begun = [job for job in forecast.jobs if job.run.epochs_done()]
    counts = [f"{len(forecast.jobs)} runs to make, {forecast.width} side by side"]
    if begun:
        counts.append(f"{len(begun)} of them begun")
    if forecast.finished:
        counts.append(f"{len(forecast.finished)} finished")
    if forecast.failed:
        counts.append(f"{len(forecast.failed)} failed earlier (--retry tries them again)")
    lines = [f"plan: {', '.join(counts)}"]
    if forecast.plan.estimates:
        lines.append(
            f"      about {in_words(forecast.seconds)} at most, {forecast.memory_mb / 1000:.1f} GB of memory, "
            f"{forecast.disk_mb:,.0f} MB of disk"
        )
    return [*lines, *(f"warning: {line}" for line in forecast.warnings())]
