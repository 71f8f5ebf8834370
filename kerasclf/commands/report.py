"""`kerasclf report`: the report of a study, a training, a course or a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from kerasclf.commands.printing.output import folder_within, log_to, say, say_model_card
from kerasclf.errors import FolderError
from kerasclf.files.locks import check_permission

if TYPE_CHECKING:
    from kerasclf.report.study_results import StudyResults
    from kerasclf.runs.engines.engine import Engine


@dataclass(frozen=True)
class ReportCommand:
    """Write the report of a study, a training, a course or a search again, from its folder.

    Example:
      kerasclf report runs/basenet-shapes-sound
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """The folder that `kerasclf study`, `train`, `course` or `search` wrote."""
    out: Path | None = None
    """Folder of the report. Default: FOLDER/report."""

    def run(self, console: Console) -> None:
        out = self.out or folder_within(self.folder, "report")
        if self.folder.is_dir():
            check_permission(out, out)
        if (self.folder / "search.json").exists():
            from kerasclf.commands.search_end import show_search_report
            from kerasclf.search.search_results import read_search

            show_search_report(read_search(self.folder), out, console)
        elif any(self.folder.glob("course-*/study.json")):
            show_course(self.folder, out, console)
        else:
            _check_study(self.folder)
            show_report(self.folder, out, console)


def _check_study(folder: Path) -> None:
    """Checks that a folder holds a study, before the report, which takes seconds to import.

    Raises:
        FolderError: If it does not; the message names studies in its subfolders.
    """
    from kerasclf.studies.study_folder import STUDY_FILE, StudyFolder

    nearby = sorted(path.parent for name in (STUDY_FILE, "search.json") for path in folder.glob(f"*/{name}"))[:5]
    if nearby and not (folder / STUDY_FILE).exists():
        raise FolderError(f"{folder} holds no study. Its subfolders do: {', '.join(map(str, nearby))}.")
    StudyFolder(folder).read()


def show_report(folder: Path, out: Path, console: Console, engine: "Engine | None" = None) -> "StudyResults":
    """Prints the table of a study and how a continued model compares with the earlier one, and writes the report.

    Args:
        folder: The folder of the study.
        out: The folder of the report.
        console: Where to print.
        engine: Computes heat maps of the chosen run for the report; None for those that there are.

    Returns:
        The results, without new heat maps.
    """
    from kerasclf.report import read_results, write_report
    from kerasclf.report.console_table import console_table
    from kerasclf.report.continued import continued_findings

    results = read_results(folder)
    console.print()
    console.print(console_table(results))
    for sentence in continued_findings(results):
        say(console, sentence)
    explained = None
    if engine is not None:
        from kerasclf.explained_study import start_explaining

        explained = start_explaining(results, folder, log_to(console), engine)
    say(console, f"writing the report to {out}")
    say(console, f"report: {write_report(results, out, explained)}")
    say_model_card(folder, console)
    return results


def show_course(folder: Path, out: Path, console: Console, missing: Mapping[str, str] | None = None) -> None:
    """Writes the pages of the course.

    Args:
        folder: The folder of the course.
        out: The folder of the pages.
        console: Where to print.
        missing: Why a study has no results, by its name.
    """
    from kerasclf.report.course import write_course

    say(console, f"course: {write_course(folder, out, missing)}")
