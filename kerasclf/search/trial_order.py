"""`TrialOrder`: the order of proposals and results, which no interruption changes.

The oracle proposes trial n when it has the results of exactly the trials up to n - lag, in their order, whichever
finished first. The information behind a proposal thus depends on the number of the trial alone. To resume a search,
all recorded results are reported to a new oracle.
"""

import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from kerasclf.errors import FolderError
from kerasclf.search.oracles import OracleAdapter
from kerasclf.search.trial import Trial

Propose = Callable[[int, dict[str, Any], list[Trial]], Trial]


class NoTrial(Enum):
    """The reason why there is no trial to start."""

    WAIT = "a trial under way must end first"
    EXHAUSTED = "all trials have been proposed"


class TrialOrder:
    """Requests trials from an oracle and reports results to it.

    Args:
        oracle: The oracle.
        lag: Number of trials that may be under way when another is proposed; None for any number, if proposals do not
            depend on results.
        max_trials: Maximum number of trials; None for all that the oracle proposes.
        propose: Makes a trial from its number, the oracle's values and the trials reported so far.
        recorded: The trials of a resumed search.

    Attributes:
        stopped: Whether the oracle has no further trial, whatever their maximum number.
    """

    def __init__(
        self, oracle: OracleAdapter, lag: int | None, max_trials: int | None, propose: Propose, recorded: list[Trial]
    ) -> None:
        self.oracle, self.lag, self.max_trials, self.propose = oracle, lag, max_trials, propose
        self.trials: list[Trial] = []
        self._recorded = recorded
        self._reported = 0
        self._idle_at = -1
        self.stopped = False

    def next(self) -> Trial | NoTrial:
        """Returns the next trial not yet proposed in this process, or the reason why there is none.

        Raises:
            FolderError: If the oracle proposes other values than the recorded trial has.
        """
        number = len(self.trials)
        if self.stopped or (self.max_trials is not None and number >= self.max_trials):
            return NoTrial.EXHAUSTED
        if self.lag is not None and not self._report_until(number - self.lag + 1):
            return NoTrial.WAIT
        if self._idle_at == self._reported and not self._report_until(self._reported + 1):
            return self._wait_or_stop()
        recorded = self._recorded[number] if number < len(self._recorded) else None
        while isinstance(proposed := self.oracle.ask(recorded.proposed if recorded else None), str):
            self._idle_at = self._reported
            if proposed == "STOPPED":
                self.stopped = True
                return NoTrial.EXHAUSTED
            if not self._report_until(self._reported + 1):
                return self._wait_or_stop()
        trial = self.propose(number + 1, proposed, self.trials[: self._reported])
        if recorded is not None:
            _check_same(recorded, trial)
            trial = recorded
        self.trials.append(trial)
        return trial

    def ended(self, trial: Trial) -> None:
        """Records the end of a trial."""
        self.trials[trial.number - 1] = trial

    def _report_until(self, count: int) -> bool:
        """Reports the first `count` trials to the oracle; returns whether all of them have ended."""
        while self._reported < count:
            if self._reported >= len(self.trials) or not self.trials[self._reported].ended:
                return False
            self.oracle.tell(self._reported, self.trials[self._reported].value)
            self._reported += 1
        return True

    def _wait_or_stop(self) -> NoTrial:
        """The oracle needs more results: wait if a trial is under way, otherwise stop."""
        if self._reported < len(self.trials):
            return NoTrial.WAIT
        self.stopped = True
        return NoTrial.EXHAUSTED


def _check_same(recorded: Trial, proposed: Trial) -> None:
    if json.dumps(recorded.to_dict()["values"]) != json.dumps(proposed.to_dict()["values"]):
        raise FolderError(
            f"{recorded.title} is recorded with {recorded.values}, but the oracle now proposes {proposed.values}. "
            "Another version of KerasTuner or Optuna started this search. Resume it with that version, which "
            "search.json names, or give another folder as `out`. Nothing was changed."
        )
