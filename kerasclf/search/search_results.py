"""What a search has found so far. Needs no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from kerasclf.errors import FolderError
from kerasclf.runs.experiment import Experiment
from kerasclf.search.objective import Objective
from kerasclf.search.search import Search
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.trial import Trial


@dataclass(frozen=True)
class SearchResults:
    """A search with its trials.

    Args:
        folder: Where it lies.
        search: What was searched for.
        trials: In the order in which they were proposed.
    """

    folder: SearchFolder
    search: Search
    trials: tuple[Trial, ...]

    @cached_property
    def best(self) -> Trial:
        """The best trial on the validation images: of those trained to their end, where there are any.

        Raises:
            FolderError: No trial has been finished.
        """
        best = best_of(self.trials, self.search.goal)
        if best is None:
            failed = [trial for trial in self.trials if trial.status == "failed"]
            why = f" {len(failed)} failed, the last one because: {failed[-1].message}" if failed else ""
            raise FolderError(f"{self.folder.path} holds no finished trial.{why}")
        return best

    @property
    def has_value(self) -> bool:
        """Whether any trial has come to a value."""
        return any(trial.value is not None for trial in self.trials)

    @property
    def experiment(self) -> Experiment:
        """The experiment with the best trial's values."""
        return self.search.space.apply(self.search.experiment, self.best.values)

    @property
    def ranked(self) -> list[Trial]:
        """Trials with a value, the best first; those that were trained to their end come before the others."""
        return ranked(self.trials, self.search.goal)

    def table(self) -> pd.DataFrame:
        """Returns a row for each trial: its number, status, objective, values and cost."""
        return pd.DataFrame(
            [
                {
                    "trial": t.number,
                    "status": t.status,
                    self.search.objective: t.value,
                    "spread": t.spread,
                    "runs": len(t.runs),
                    "epochs": t.epochs,
                    "seconds": t.seconds,
                    **{name: t.values[name] for name in self.search.space.axes},
                }
                for t in self.trials
            ]
        )


def best_of(trials: Sequence[Trial], goal: Objective) -> Trial | None:
    """Returns the best trial that was trained to its end; where there is none, the best of the others; or None."""
    return next(iter(ranked(trials, goal)), None)


def ranked(trials: Sequence[Trial], goal: Objective) -> list[Trial]:
    """Returns trials with a value: those that were trained to their end, the best first, and then the others."""
    known = [
        (not trial.whole, goal.cost(trial.value), trial.number, trial) for trial in trials if trial.value is not None
    ]
    return [trial for *_, trial in sorted(known)]


def read_search(path: Path | str) -> SearchResults:
    """Reads a search's folder.

    Raises:
        FolderError: It holds no search, or a file of it cannot be read.
    """
    folder = SearchFolder(Path(path))
    return SearchResults(folder, folder.read(), tuple(folder.trials()))
