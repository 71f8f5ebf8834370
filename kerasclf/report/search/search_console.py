"""The table of a search for a console."""

from rich.table import Table

from kerasclf.escaping import for_console
from kerasclf.report.search.search_facts import gain_warning, read_gain, trial_interval
from kerasclf.search.search_progress import shown
from kerasclf.search.search_results import SearchResults
from kerasclf.wording import counted

_MAX_SHOWN = 10


def search_table(results: SearchResults) -> Table:
    """Returns the best trials with their settings, and a warning if the gain is not significant."""
    search = results.search
    table = Table(
        title=for_console(f"{search.title or 'search'}  {counted(len(results.trials), 'trial')}, {search.oracle}"),
        title_justify="left",
        caption=gain_warning(read_gain(results)) or None,
        caption_justify="left",
    )
    table.add_column("trial", justify="right")
    table.add_column(f"{search.objective},\n95 % interval", justify="right")
    table.add_column("epochs", justify="right")
    for name in search.space.axes:
        table.add_column(for_console(name.replace(".", ".\n", 1)), justify="right")
    for trial in results.ranked[:_MAX_SHOWN]:
        interval = trial_interval(results, trial)
        spread = f" ({interval.low:.3f}–{interval.high:.3f})" if interval else ""
        values = [for_console(shown(trial.values[name])) for name in search.space.axes]
        table.add_row(str(trial.number), f"{trial.value:.4f}{spread}", str(trial.epochs), *values)
    return table
