"""The end of `kerasclf search`: the final runs on the test set, the refit, and the report."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from kerasclf.commands.printing.output import folder_within, say, say_model_card
from kerasclf.errors import RunsFailedError
from kerasclf.wording import counted

if TYPE_CHECKING:
    from kerasclf.runs.engines.engine import Engine
    from kerasclf.search.search_results import SearchResults


def end_search(results: "SearchResults", engine: "Engine", console: Console, refit: bool) -> None:
    """Executes the final runs of a search and writes its report.

    Raises:
        RunsFailedError: If some of these runs failed; the report is written without them.
    """
    from kerasclf.runs.progress import ConsoleProgress
    from kerasclf.search.final_runs import finish, forget_earlier_best, prepare_finish
    from kerasclf.search.search_progress import values_as_text

    search, best = results.search, results.best
    spread = f" ± {best.spread:.4f}" if best.spread is not None else ""
    say(console, f"best: {best.title}  {search.objective} {best.value:.4f}{spread}  {values_as_text(best)}")
    failed = None
    forget_earlier_best(results)
    if search.final_seeds or refit:
        planned = prepare_finish(results, engine, refit)
        if planned.runs:
            runs = len(search.final_seeds)
            phrases = [f"{counted(runs, 'run')} each of the base experiment and the best trial"] if runs else []
            phrases += ["the refit"] if refit else []
            say(console, f"one evaluation on the test set: {', and '.join(phrases)}")
        with ConsoleProgress(planned.runs, console) as progress:
            try:
                finish(planned, engine, progress)
            except RunsFailedError as error:
                failed = error
    show_search_report(results, folder_within(results.folder.path, "report"), console)
    if failed:
        raise failed


def show_search_report(results: "SearchResults", out: Path, console: Console) -> None:
    """Writes the report of a search and prints its table."""
    from kerasclf.report.search.search_console import search_table
    from kerasclf.report.search.search_page import write_search_report
    from kerasclf.studies.study_folder import STUDY_FILE

    page = write_search_report(results, out)
    console.print()
    console.print(search_table(results))
    say(console, f"report: {page}")
    if (results.folder.final / STUDY_FILE).is_file():
        say_model_card(results.folder.path, console)
