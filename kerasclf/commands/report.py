"""`kerasclf report`: what a study found, as a page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from kerasclf.commands.words import say


@dataclass(frozen=True)
class ReportCommand:
    """Write the report of a study's or a search's folder anew.

    Example:
      kerasclf report runs/basenet-shapes-sound
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """The folder that `kerasclf study`, `kerasclf train` or `kerasclf search` wrote."""
    out: Path | None = None
    """Where to write; FOLDER/report where it is not given."""

    def run(self, console: Console) -> None:
        if (self.folder / "search.json").exists():
            from kerasclf.commands.search_end import show_search_report
            from kerasclf.search.results import read_search

            show_search_report(read_search(self.folder), self.out or self.folder / "report", console)
            return
        show_report(self.folder, self.out or self.folder / "report", console)


def show_report(folder: Path, out: Path, console: Console) -> None:
    """Writes a report and prints its table."""
    from kerasclf.report import read_results, write_report
    from kerasclf.report.console import console_table

    results = read_results(folder)
    page = write_report(results, out)
    console.print()
    console.print(console_table(results))
    say(console, f"report: {page}")
