"""`SearchResults`: the trials of a search and the best of them. Needs no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kerasclf.errors import FolderError
from kerasclf.runs.experiment import Experiment
from kerasclf.search.objective import Objective
from kerasclf.search.search import Search
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.spaces.space import is_value_of
from kerasclf.search.trial import Trial

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SearchResults:
    """A search with its trials.

    Args:
        folder: The search folder.
        search: The search.
        trials: The trials, in the order of their proposal.
    """

    folder: SearchFolder
    search: Search
    trials: tuple[Trial, ...]

    @cached_property
    def best(self) -> Trial:
        """The best trial on the validation set. Trials trained to their end take precedence over the others.

        Raises:
            FolderError: If no trial has finished.
        """
        best = best_of(self.trials, self.search.goal)
        if best is None:
            failed = [trial for trial in self.trials if trial.status == "failed"]
            reason = f" {len(failed)} failed. The last reason: {failed[-1].message}" if failed else ""
            raise FolderError(f"{self.folder.path} holds no finished trial.{reason}")
        return best

    @property
    def has_value(self) -> bool:
        """Whether any trial has a value."""
        return any(trial.value is not None for trial in self.trials)

    @property
    def experiment(self) -> Experiment:
        """The experiment with the values of the best trial."""
        return self.search.space.apply(self.search.experiment, self.best.values)

    @property
    def ranked(self) -> list[Trial]:
        """The trials with a value, best first; those trained to their end come before the others."""
        return ranked(self.trials, self.search.goal)

    def table(self) -> "pd.DataFrame":
        """Returns one row per trial: its number, status, objective, values and cost."""
        import pandas as pd

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
    """Returns the first of `ranked`, or None if no trial has a value."""
    return next(iter(ranked(trials, goal)), None)


def ranked(trials: Sequence[Trial], goal: Objective) -> list[Trial]:
    """Returns the trials with a value, best first; those trained to their end come before the others."""
    keyed = [
        (not trial.whole, goal.cost(trial.value), trial.number, trial) for trial in trials if trial.value is not None
    ]
    return [trial for *_, trial in sorted(keyed)]


def read_search(path: Path | str) -> SearchResults:
    """Reads a search folder.

    Raises:
        FolderError: If it holds no search, or a file cannot be read.
    """
    folder = SearchFolder(Path(path))
    results = SearchResults(folder, folder.read(), tuple(folder.trials()))
    for trial in results.trials:
        _check_trial(trial, results)
    return results


def _check_trial(trial: Trial, results: SearchResults) -> None:
    """Checks that a trial has a value on each axis of the search, and that its runs have the objective.

    Raises:
        FolderError: If it belongs to another search.
    """
    axes, metric = results.search.space.axes, results.search.goal.of_run
    wrong = [name for name in {**axes, **trial.values} if not (name in axes and name in trial.values)]
    wrong += [name for name, axis in axes.items() if name not in wrong and not is_value_of(axis, trial.values[name])]
    if wrong:
        raise FolderError(f"{results.folder.path}: {trial.title} has no value of the axis {wrong[0]}.")
    if any(metric not in run.metrics for run in trial.runs) or (trial.value is not None and not trial.runs):
        raise FolderError(f"{results.folder.path}: {trial.title} has a run without {metric}.")
