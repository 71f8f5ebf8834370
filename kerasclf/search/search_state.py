"""`SearchState`: the trials of a running search, the next one, and when the search ends."""

from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.search.oracles import OracleAdapter, make_oracle
from kerasclf.search.pruning import median_bounds
from kerasclf.search.search import Search
from kerasclf.search.search_budget import Budget, Clock
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_progress import SearchListener
from kerasclf.search.search_results import best_of
from kerasclf.search.spaces.hyperparameters import from_values
from kerasclf.search.trial import Trial
from kerasclf.search.trial_order import NoTrial, TrialOrder
from kerasclf.training.resuming.halting import Halt
from kerasclf.wording import counted


class TooManyFailuresError(KerasclfError):
    """Too many trials failed in a row."""


class SearchState:
    """The state of a running search. It writes every change to the search folder at once.

    Args:
        search: The search.
        folder: The search folder; the caller holds its lock.
        budget: The limits of the search.
        listener: Receives the progress.
    """

    def __init__(self, search: Search, folder: SearchFolder, budget: Budget, listener: SearchListener) -> None:
        self.search, self.folder, self.budget, self.listener = search, folder, budget, listener
        self.clock = Clock(folder, budget.seconds)
        oracle = make_oracle(search.oracle, search.space, search.goal, search.seed, search.experiment.train.epochs)
        recorded = folder.trials()
        self._order = TrialOrder(OracleAdapter(oracle), search.lag, budget.trials, self._propose, recorded)
        self._recorded_count = len(recorded)
        self._failed_in_a_row = 0

    @property
    def trials(self) -> list[Trial]:
        """The trials proposed or resumed so far in this process."""
        return self._order.trials

    @property
    def proposed_all(self) -> bool:
        """Whether no budget adds trials, because the oracle itself has stopped."""
        return self._order.stopped

    def next(self) -> Trial | NoTrial:
        """Returns the next trial to run or resume, or the reason why there is none.

        Raises:
            FolderError: If the oracle no longer proposes the recorded trials.
        """
        while True:
            if self.clock.over and len(self.trials) >= self._recorded_count:
                return NoTrial.EXHAUSTED
            trial = self._order.next()
            if isinstance(trial, NoTrial):
                return trial
            if trial.number > self._recorded_count:
                self.folder.write(trial)
            if not trial.ended:
                self.listener.began_trial(trial)
                return trial
            self.listener.restored_trial(trial, best_of(self.trials, self.search.goal))

    def ended(self, trial: Trial) -> None:
        """Records the end of a trial.

        Raises:
            TooManyFailuresError: If too many trials failed in a row.
        """
        self.folder.write(trial)
        self._order.ended(trial)
        self.clock.save(now=True)
        self.listener.ended_trial(trial, best_of(self.trials, self.search.goal))
        self._failed_in_a_row = self._failed_in_a_row + 1 if trial.status == "failed" else 0
        if self._failed_in_a_row >= self.budget.failures:
            raise TooManyFailuresError(
                f"{counted(self._failed_in_a_row, 'trial')} in a row failed. The last reason: {trial.message}\n"
                "The search stops and keeps all finished trials. Repeat it to run the next trials."
            )

    def _propose(self, number: int, proposed: dict[str, Any], reported: list[Trial]) -> Trial:
        values = from_values(self.search.space, proposed)
        return Trial(number, values, proposed, self._halt(values, proposed, reported))

    def _halt(self, values: dict[str, Any], proposed: dict[str, Any], reported: list[Trial]) -> Halt | None:
        if self.search.oracle == "hyperband":
            return Halt(after=int(proposed["tuner/epochs"]))
        if not self.search.median:
            return None
        epochs = self.search.space.apply(self.search.experiment, values).epochs
        bounds = median_bounds(reported, self.search.goal, epochs)
        return Halt(monitor=self.search.objective, bounds=bounds) if bounds else None
