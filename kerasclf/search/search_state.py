"""The course of a search: which trial comes next, what has come of those before, when it is over."""

from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.search.budget import Budget, Clock
from kerasclf.search.oracles import OracleAdapter, make_oracle
from kerasclf.search.pruning import median_bounds
from kerasclf.search.search import Search
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_progress import SearchListener
from kerasclf.search.search_results import best_of
from kerasclf.search.spaces.hyperparameters import from_values
from kerasclf.search.trial import Trial
from kerasclf.search.trial_order import NoTrial, TrialOrder
from kerasclf.training.halting import Halt


class TooManyFailuresError(KerasclfError):
    """So many trials failed in a row that the search makes no sense."""


class SearchState:
    """A search as it goes on; writes every change into the search's folder at once.

    Args:
        search: What is searched for.
        folder: Where; its lock must be held.
        budget: How much it may cost.
        listener: Who is told of the progress.
    """

    def __init__(self, search: Search, folder: SearchFolder, budget: Budget, listener: SearchListener) -> None:
        self.search, self.folder, self.budget, self.listener = search, folder, budget, listener
        self.clock = Clock(folder, budget.seconds)
        oracle = make_oracle(search.oracle, search.space, search.goal, search.seed, search.experiment.train.epochs)
        recorded = folder.trials()
        self._order = TrialOrder(OracleAdapter(oracle), search.lag, budget.trials, self._propose, recorded)
        self._known = len(recorded)
        self._failed_in_a_row = 0

    @property
    def trials(self) -> list[Trial]:
        """Those that were proposed, or taken up again, so far."""
        return self._order.trials

    def next(self) -> Trial | NoTrial:
        """Returns the next trial that is to be run or gone on with, or why there is none.

        Raises:
            TooManyFailuresError: There is no point in another.
        """
        while True:
            if self.clock.over and len(self.trials) >= self._known:
                return NoTrial.EXHAUSTED
            trial = self._order.next()
            if isinstance(trial, NoTrial):
                return trial
            if trial.number > self._known:
                self.folder.write(trial)
            if not trial.ended:
                self.listener.began_trial(trial)
                return trial
            self.listener.knew_trial(trial, best_of(self.trials, self.search.goal))

    def ended(self, trial: Trial) -> None:
        """Takes a trial's end."""
        self.folder.write(trial)
        self._order.ended(trial)
        self.clock.keep(now=True)
        self.listener.ended_trial(trial, best_of(self.trials, self.search.goal))
        self._failed_in_a_row = self._failed_in_a_row + 1 if trial.status == "failed" else 0
        if self._failed_in_a_row >= self.budget.failures:
            raise TooManyFailuresError(
                f"{self._failed_in_a_row} trials in a row failed, the last one because: {trial.message}\n"
                "The search stops here; what is finished is kept, and the same command tries the next ones."
            )

    def _propose(self, number: int, proposed: dict[str, Any], told: list[Trial]) -> Trial:
        values = from_values(self.search.space, proposed)
        return Trial(number, values, proposed, self._halt(values, proposed, told))

    def _halt(self, values: dict[str, Any], proposed: dict[str, Any], told: list[Trial]) -> Halt | None:
        if self.search.oracle == "hyperband":
            return Halt(after=int(proposed["tuner/epochs"]))
        if not self.search.median:
            return None
        epochs = self.search.space.apply(self.search.experiment, values).epochs
        bounds = median_bounds(told, self.search.goal, epochs)
        return Halt(monitor=self.search.objective, bounds=bounds) if bounds else None
