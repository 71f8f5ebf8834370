"""The end of `kerasclf search`: the test images, the network for use, the report."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from kerasclf.commands.output import say
from kerasclf.errors import RunsFailedError

if TYPE_CHECKING:
    from kerasclf.runs.engines import Engine
    from kerasclf.search.search_results import SearchResults


def end_search(results: "SearchResults", engine: "Engine", console: Console, refit: bool) -> None:
    """Runs what the end of a search needs and writes its report.

    Raises:
        RunsFailedError: Some of these runs failed; the report is written without them.
    """
    from kerasclf.runs.progress import ConsoleProgress
    from kerasclf.search.final import finish, prepare_finish
    from kerasclf.search.search_progress import values_in_words

    search, best = results.search, results.best
    spread = f" ± {best.spread:.4f}" if best.spread is not None else ""
    say(console, f"best: {best.title}  {search.objective} {best.value:.4f}{spread}  {values_in_words(best)}")
    failed = None
    if search.final_seeds or refit:
        ending = prepare_finish(results, engine, refit)
        if ending.runs:
            what = (
                f"{len(search.final_seeds)} runs each of the experiment and the best" if search.final_seeds else "refit"
            )
            say(
                console,
                f"the test images are looked at once: {what}{' and refit' if refit and search.final_seeds else ''}",
            )
        with ConsoleProgress(ending.runs, console) as progress:
            try:
                finish(ending, engine, progress)
            except RunsFailedError as error:
                failed = error
    show_search_report(results, results.folder.path / "report", console)
    if failed:
        raise failed


def show_search_report(results: "SearchResults", out: Path, console: Console) -> None:
    """Writes the report of a search and prints its table."""
    from kerasclf.report.search.search_console import search_table
    from kerasclf.report.search.search_page import write_search_report

    page = write_search_report(results, out)
    console.print()
    console.print(search_table(results))
    say(console, f"report: {page}")
