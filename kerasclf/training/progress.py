"""Progress while people wait: bars in a terminal, plain lines elsewhere."""

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Listener(Protocol):
    """Who is told of a study's progress."""

    def said(self, line: str) -> None:
        """Takes a line for the user."""

    def began_run(self, title: str, epochs: int, steps: int) -> None:
        """A run of so many epochs of so many steps begins."""

    def stepped(self, epochs_done: int, step: int) -> None:
        """So many steps of the present epoch are done."""

    def finished_epoch(self, row: dict[str, float]) -> None:
        """An epoch is done; `row` is its line of the history."""

    def finished_run(self, outcome: str) -> None:
        """The run is done."""


class Silence:
    """A listener that passes nothing on."""

    def said(self, line: str) -> None: ...

    def began_run(self, title: str, epochs: int, steps: int) -> None: ...

    def stepped(self, epochs_done: int, step: int) -> None: ...

    def finished_epoch(self, row: dict[str, float]) -> None: ...

    def finished_run(self, outcome: str) -> None: ...


class ConsoleProgress:
    """Shows the runs of a study on a console; use it as a context manager.

    Args:
        total_epochs: Epochs of all runs together, at most.
        console: Where to write; bars appear where it is a terminal.
    """

    def __init__(self, total_epochs: int, console: Console) -> None:
        self.console = console
        self._total_epochs, self._epochs_done = total_epochs, 0
        self._title, self._epochs, self._steps = "", 0, 1
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left  {task.fields[state]}", style="dim"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._study = self._bars.add_task("study", total=total_epochs, unit="epochs", state="")
        self._run: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def said(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def began_run(self, title: str, epochs: int, steps: int) -> None:
        self._title, self._epochs, self._steps = title, epochs, steps
        self._run = self._bars.add_task(title, total=epochs, unit="epochs", state="starting")

    def stepped(self, epochs_done: int, step: int) -> None:
        if self._run is not None:
            share = min(step / self._steps, 1.0)
            self._bars.update(self._run, completed=round(epochs_done + share, 1))

    def finished_epoch(self, row: dict[str, float]) -> None:
        self._epochs_done += 1
        state = _in_words(row)
        self._bars.update(self._study, completed=self._epochs_done)
        if self._run is not None:
            self._bars.update(self._run, completed=int(row["epoch"]), state=state)
        if not self.console.is_terminal:
            left = (self._epochs - int(row["epoch"])) * row["seconds"]
            self.said(f"{self._title}  epoch {int(row['epoch'])}/{self._epochs}  {state}  {left:.0f} s left")

    def finished_run(self, outcome: str) -> None:
        if self._run is not None:
            self._bars.remove_task(self._run)
            self._run = None
        self.said(f"{self._title}  {outcome}")


def _in_words(row: dict[str, float]) -> str:
    shown = [("loss", "loss"), ("accuracy", "accuracy"), ("val_loss", "val. loss"), ("val_accuracy", "val. accuracy")]
    parts = [f"{label} {row[name]:.3f}" for name, label in shown if name in row]
    return "  ".join([*parts, f"{row['images_per_second']:,.0f} images/s"])
