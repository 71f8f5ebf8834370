"""Live curves of a study's runs, drawn during training: a picture in each run folder, and in place in a notebook."""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from kerasclf.files.writing import write_bytes
from kerasclf.notebook_figure import png_of
from kerasclf.notebooks import Screen
from kerasclf.runs.job import Job
from kerasclf.runs.progress import SilentRunListener
from kerasclf.training.history_figure import EVERY_S, draw_history
from kerasclf.training.listener import Row

CURVES = "curves.png"


class LiveRuns(SilentRunListener):
    """Draws the loss and the metrics of each run after its epochs, at most once a second.

    Args:
        jobs: The runs that get a file curves.png: in `seed-N.partial/` during the run, in `seed-N/` afterwards.
            Without jobs, only a notebook shows the curves.
    """

    def __init__(self, jobs: Sequence[Job] = ()) -> None:
        self.jobs = {job.title: job for job in jobs}
        self._runs: dict[str, _Curves] = {}

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        known = self._runs.get(title)
        screen = known.screen if known else Screen()
        self._runs[title] = _Curves(epochs, list(rows), screen)

    def finished_epoch(self, title: str, row: Row) -> None:
        run = self._runs[title]
        run.rows.append(row)
        if time.monotonic() - run.drawn >= EVERY_S:
            self._draw(title)

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        if title in self._runs:  # Otherwise another process has finished it.
            self._draw(title)
            self._clean_up(title)
            del self._runs[title]

    def failed_run(self, title: str, message: str) -> None:
        self._runs.pop(title, None)

    def _draw(self, title: str) -> None:
        run = self._runs[title]
        if not run.rows:
            return
        png = png_of(draw_history(run.rows, title, run.epochs))
        folder = self._folder(title)
        if folder is not None:
            # The run's process may remove its folder meanwhile, and the disk may be full. The next epoch draws anew.
            with contextlib.suppress(OSError):
                write_bytes(folder / CURVES, png)
        run.screen.show(png)
        run.drawn = time.monotonic()

    def _folder(self, title: str) -> Path | None:
        """Returns the current folder of a run on this machine, or None."""
        job = self.jobs.get(title)
        if job is None:
            return None
        if job.run.complete:
            return job.run.path
        return job.run.partial if job.run.partial.is_dir() else None

    def _clean_up(self, title: str) -> None:
        """Removes a picture that was written while the run's process removed its folder."""
        job = self.jobs.get(title)
        if job is not None and job.run.complete:
            (job.run.partial / CURVES).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # The folder is missing, as it should be, or not empty.
                job.run.partial.rmdir()


class _Curves:
    """The curves of a current run."""

    def __init__(self, epochs: int, rows: list[Row], screen: Screen) -> None:
        self.epochs, self.rows, self.screen = epochs, rows, screen
        self.drawn = 0.0
