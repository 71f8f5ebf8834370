"""Progress of a study: a live table in a terminal or a notebook, plain lines elsewhere."""

import io
import math
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from kerasclf.escaping import visible
from kerasclf.notebooks import Screen, in_notebook
from kerasclf.runs.state_column import StateColumn
from kerasclf.training.listener import Row
from kerasclf.wording import format_duration

_BARS = "▁▂▃▄▅▆▇█"
_EVERY_S = 0.5  # minimum seconds between two updates of a notebook
_NOTEBOOK_FORMAT = '<pre style="line-height: 1.3">{code}</pre>'


class RunListener(Protocol):
    """Receives the progress of a study's runs, each identified by its title."""

    def log(self, line: str) -> None:
        """Receives a line for the user."""

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        """Called when a run starts or resumes.

        Args:
            title: Title of the run.
            epochs: Number of epochs.
            steps: Steps per epoch.
            rows: The history so far, one row per epoch.
        """

    def stepped(self, title: str, epochs_done: int, step: int) -> None:
        """Called after some steps of an epoch.

        Args:
            title: Title of the run.
            epochs_done: Number of finished epochs.
            step: Number of finished steps of the current epoch.
        """

    def finished_epoch(self, title: str, row: Row) -> None:
        """Called after an epoch with its row of the history."""

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        """Called at the end of a run with its metrics."""

    def failed_run(self, title: str, message: str) -> None:
        """Called when a run fails. The other runs continue."""


class SilentRunListener:
    """A study's listener that ignores everything."""

    def log(self, line: str) -> None: ...

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None: ...

    def stepped(self, title: str, epochs_done: int, step: int) -> None: ...

    def finished_epoch(self, title: str, row: Row) -> None: ...

    def finished_run(self, title: str, metrics: dict[str, float]) -> None: ...

    def failed_run(self, title: str, message: str) -> None: ...


class RunListeners:
    """Passes everything on to several listeners.

    Args:
        listeners: The listeners, which are notified in this order.
    """

    def __init__(self, listeners: Sequence[RunListener]) -> None:
        self.listeners = listeners

    def log(self, line: str) -> None:
        for listener in self.listeners:
            listener.log(line)

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        for listener in self.listeners:
            listener.began(title, epochs, steps, rows)

    def stepped(self, title: str, epochs_done: int, step: int) -> None:
        for listener in self.listeners:
            listener.stepped(title, epochs_done, step)

    def finished_epoch(self, title: str, row: Row) -> None:
        for listener in self.listeners:
            listener.finished_epoch(title, row)

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        for listener in self.listeners:
            listener.finished_run(title, metrics)

    def failed_run(self, title: str, message: str) -> None:
        for listener in self.listeners:
            listener.failed_run(title, message)


class OneRunListener:
    """Passes the progress of one run's training on to the listener of its study.

    Args:
        title: Title of the run.
        listener: Listener of the study.
    """

    def __init__(self, title: str, listener: RunListener) -> None:
        self.title, self.listener = title, listener

    def log(self, line: str) -> None:
        self.listener.log(f"{self.title}  {line}")

    def began(self, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        self.listener.began(self.title, epochs, steps, rows)

    def stepped(self, epochs_done: int, step: int) -> None:
        self.listener.stepped(self.title, epochs_done, step)

    def finished_epoch(self, row: Row) -> None:
        self.listener.finished_epoch(self.title, row)


class ConsoleProgress:
    """Shows the runs of a study on a console. Use it as a context manager.

    Args:
        total_runs: Number of runs to execute.
        console: Where to write. A terminal and a notebook show a live table, anything else plain lines.
    """

    def __init__(self, total_runs: int, console: Console) -> None:
        self.console = console
        self._runs: dict[str, _Shown] = {}
        self._ended = 0
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(compact=True),
            StateColumn("left  ", style="dim"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._study = self._bars.add_task("study", total=total_runs, unit="runs", state="")
        self._screen, self._in_notebook, self._shown_at = Screen(), in_notebook(), -math.inf

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        self._show_in_notebook()

    def log(self, line: str) -> None:
        self.console.print(visible(line), highlight=False, markup=False, soft_wrap=True)

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        known = title in self._runs
        if known:  # Another phase, or a restart on another machine.
            self._bars.remove_task(self._runs.pop(title).task)
        task = self._bars.add_task(visible(title), total=epochs, completed=len(rows), unit="epochs", state="starting")
        self._runs[title] = _Shown(task, epochs, steps, rows)
        if rows and not known:
            self.log(f"{title}  resumes after epoch {len(rows)} of {epochs}")

    def stepped(self, title: str, epochs_done: int, step: int) -> None:
        shown = self._runs[title]
        self._bars.update(shown.task, completed=round(epochs_done + min(step / shown.steps, 1.0), 1))
        self._update_study()

    def finished_epoch(self, title: str, row: Row) -> None:
        shown, epoch, state = self._runs[title], int(row["epoch"]), _as_text(row)
        shown.rows.append(row)
        self._bars.update(shown.task, completed=epoch, state=_with_curves(shown.rows))
        self._update_study()
        if not self.console.is_terminal and not self._in_notebook:
            left_s = shown.left_s(epoch)
            left = f"  {format_duration(left_s)} left" if left_s else ""
            self.log(f"{title}  epoch {epoch}/{shown.epochs}  {state}{left}")

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        self._ended_run(title)
        # A training on all images has no test set.
        tested = "test_accuracy" in metrics
        result = (
            f"test accuracy {metrics['test_accuracy']:.4f}  loss {metrics['test_loss']:.4f}" if tested else "trained"
        )
        speed = f"{metrics['images_per_second']:,.0f} images/s{_waiting(metrics)}"
        self.log(f"{title}  {result}  {speed}  {metrics['seconds']:.0f} s")

    def failed_run(self, title: str, message: str) -> None:
        self._ended_run(title)
        self.log(f"{title}  FAILED: {message}")

    def _ended_run(self, title: str) -> None:
        shown = self._runs.pop(title, None)
        if shown is not None:
            self._bars.remove_task(shown.task)
        self._ended += 1
        self._update_study()

    def _update_study(self) -> None:
        tasks = {task.id: task for task in self._bars.tasks}
        under_way = sum(tasks[shown.task].completed / shown.epochs for shown in self._runs.values())
        self._bars.update(self._study, completed=round(self._ended + under_way, 2))
        if self._in_notebook and time.monotonic() - self._shown_at >= _EVERY_S:
            self._show_in_notebook()

    def _show_in_notebook(self) -> None:
        """Replaces the table in the output of a notebook."""
        if not self._in_notebook:
            return
        console = Console(file=io.StringIO(), record=True, width=140, force_jupyter=False)
        console.print(self._bars.get_renderable())
        self._screen.show_html(console.export_html(inline_styles=True, code_format=_NOTEBOOK_FORMAT))
        self._shown_at = time.monotonic()


class _Shown:
    """A run in the live table."""

    def __init__(self, task: TaskID, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        self.task, self.epochs, self.steps, self.rows = task, epochs, steps, list(rows)
        self._first: tuple[int, float] | None = None

    def left_s(self, epoch: int) -> float | None:
        """Returns the seconds that the epochs after this one will take; None if they are unknown.

        The first epoch says nothing about the others: it includes the compilation.
        """
        now = time.monotonic()
        if self._first is None:
            self._first = epoch, now
            return None
        first, ended_at = self._first
        return (self.epochs - epoch) * (now - ended_at) / (epoch - first)


def _as_text(row: Row) -> str:
    shown = [("loss", "loss"), ("accuracy", "accuracy"), ("val_loss", "val. loss"), ("val_accuracy", "val. accuracy")]
    parts = [f"{label} {row[name]:.3f}" for name, label in shown if name in row]
    return "  ".join([*parts, f"{row['images_per_second']:,.0f} images/s"])


def _waiting(metrics: Mapping[str, float]) -> str:
    """Returns how long the network waited for data, in parentheses; empty if that was not measured."""
    share = metrics.get("waiting_share")
    return "" if share is None else f" ({100 * share:.0f} % of the time waiting for data)"


def sparkline(values: Sequence[float], width: int = 10) -> str:
    """Returns values as a line of bars from ▁, the lowest, to █, the highest.

    Args:
        values: The values. Values that are not finite have no bar.
        width: Maximum number of bars. Each bar is the mean of its share of more values.
    """
    if not len(values):
        return ""
    shares = np.array_split(np.asarray(values, np.float64), min(width, len(values)))
    means = np.array([share.mean() for share in shares])
    known = means[np.isfinite(means)]
    if not len(known):
        return " " * len(means)
    span = known.max() - known.min()
    heights = (means - known.min()) / span if span > 0 else np.full(len(means), 0.5)
    return "".join(_BARS[round(height * (len(_BARS) - 1))] if np.isfinite(height) else " " for height in heights)


def _with_curves(rows: Sequence[Row]) -> str:
    """Returns the metrics of the last epoch, each after its curve."""
    last, parts = rows[-1], []
    for name in ("loss", "accuracy"):
        if name not in last:
            continue
        curve = f"{name} {sparkline([row[name] for row in rows])} {last[name]:.3f}"
        parts.append(f"{curve} (val. {last[f'val_{name}']:.3f})" if f"val_{name}" in last else curve)
    return "  ".join([*parts, f"{last['images_per_second']:,.0f} images/s"])
