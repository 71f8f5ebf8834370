"""The progress of a study that a script or a notebook runs without a listener of its own."""

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console

from kerasclf.log import Log
from kerasclf.notebooks import in_notebook
from kerasclf.runs.progress import ConsoleProgress, RunListener, SilentRunListener


@contextlib.contextmanager
def default_progress(total_runs: int) -> Iterator[RunListener]:
    """Shows the progress in a terminal and in a notebook, and nothing elsewhere.

    Args:
        total_runs: Number of runs to execute.
    """
    if not _is_watched():
        yield SilentRunListener()
        return
    # rich's own output in notebooks needs ipywidgets, and has one box per line. A kernel of Jupyter sets FORCE_COLOR,
    # which rich takes for a terminal.
    console = Console(force_jupyter=False, force_terminal=False if in_notebook() else None)
    with ConsoleProgress(total_runs, console) as progress:
        yield progress


def default_log() -> Log:
    """Returns the callback for lines before the first run: it prints where `default_progress` shows something."""
    return print if _is_watched() else lambda line: None


def _is_watched() -> bool:
    return in_notebook() or (sys.stdout is not None and sys.stdout.isatty())
