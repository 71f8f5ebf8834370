"""In which order trials are proposed and results are told, such that a search is the same however it is interrupted.

Trial n is proposed when the results of the trials up to n - lag have been told, in their order, and no others,
whichever were finished first. So what an oracle knows when it proposes a trial is decided by the trial's number alone,
and a search that goes on is brought to where it was by telling its oracle everything anew.
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
    """Why there is no trial to begin."""

    WAIT = "a trial under way must end first"
    EXHAUSTED = "all trials have been proposed"


class TrialOrder:
    """Asks an oracle for trials and tells it of results.

    Args:
        oracle: The oracle.
        lag: How many trials may be under way when another is proposed; None where results have no influence on
            proposals, so that any number may be.
        most: Trials at most; None for as many as the oracle has.
        propose: Makes a trial of its number, the oracle's values and the trials told of before.
        recorded: The trials of a search that goes on.
    """

    def __init__(
        self, oracle: OracleAdapter, lag: int | None, most: int | None, propose: Propose, recorded: list[Trial]
    ) -> None:
        self.oracle, self.lag, self.most, self.propose = oracle, lag, most, propose
        self.trials: list[Trial] = []
        self._recorded = recorded
        self._told = 0
        self._idle_since = -1
        self._stopped = False

    def next(self) -> Trial | NoTrial:
        """Returns the next trial that was not proposed yet in this process, or why there is none."""
        number = len(self.trials)
        if self._stopped or (self.most is not None and number >= self.most):
            return NoTrial.EXHAUSTED
        if self.lag is not None and not self._tell_until(number - self.lag + 1):
            return NoTrial.WAIT
        if self._idle_since == self._told and not self._tell_until(self._told + 1):
            return self._wait_or_end()
        recorded = self._recorded[number] if number < len(self._recorded) else None
        while isinstance(proposed := self.oracle.ask(recorded.proposed if recorded else None), str):
            self._idle_since = self._told
            if proposed == "STOPPED":
                self._stopped = True
                return NoTrial.EXHAUSTED
            if not self._tell_until(self._told + 1):
                return self._wait_or_end()
        trial = self.propose(number + 1, proposed, self.trials[: self._told])
        if recorded is not None:
            _check_same(recorded, trial)
            trial = recorded
        self.trials.append(trial)
        return trial

    def ended(self, trial: Trial) -> None:
        """Takes a trial's end."""
        self.trials[trial.number - 1] = trial

    def _tell_until(self, count: int) -> bool:
        """Tells the oracle of the first so many trials; returns whether all of these have ended."""
        while self._told < count:
            if self._told >= len(self.trials) or not self.trials[self._told].ended:
                return False
            self.oracle.tell(self._told, self.trials[self._told].value)
            self._told += 1
        return True

    def _wait_or_end(self) -> NoTrial:
        """The oracle waits for results: there are some to come, or there will never be any."""
        if self._told < len(self.trials):
            return NoTrial.WAIT
        self._stopped = True
        return NoTrial.EXHAUSTED


def _check_same(recorded: Trial, proposed: Trial) -> None:
    if json.dumps(recorded.to_dict()["values"]) != json.dumps(proposed.to_dict()["values"]):
        raise FolderError(
            f"{recorded.title} was {recorded.values} when it was proposed, and the oracle would now propose "
            f"{proposed.values}: another version of KerasTuner or Optuna must have begun the search. Go on with that "
            "version (search.json names it), or give another folder with --out; nothing was changed."
        )
