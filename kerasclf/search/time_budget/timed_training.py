"""`TimedTraining`: the best model that a time budget allows, by successive halving over networks and their parts.

Heads on the features of every network that fits are cross-validated. The best head is trained and evaluated at once,
so that there is a finished model. The better half of the networks then train their last stage, and the best of all
trains whole. The validation set decides between runs.
"""

import math
from collections.abc import Sequence

from kerasclf.errors import KerasclfError, listed, raise_all
from kerasclf.log import Log
from kerasclf.networks.network_source import label_of
from kerasclf.runs.experiment import Experiment
from kerasclf.search.search_budget import Clock
from kerasclf.search.time_budget.budget_record import Attempt, BudgetFolder, Step
from kerasclf.search.time_budget.stop_in_time import StopInTime
from kerasclf.search.time_budget.timed_costs import HEAD_S, LEAST_EPOCHS, MEASURING_S, SLACK, FeatureCost
from kerasclf.search.time_budget.timed_experiments import ALL, HEAD, STAGE, name_of, timed_experiment
from kerasclf.search.time_budget.timed_runs import STOPPED, TimedRuns, Work, problem_of
from kerasclf.wording import format_duration

# Maximum share of the time for the features of all networks, if the rest suffices for more than a head.
_CHOICE_SHARE = 0.5
# Networks without an accuracy keep their order: cheapest first.
_NOT_JUDGED = "too few training images to cross-validate heads"


class TimedTraining:
    """One call of a training within a time budget.

    Args:
        candidates: The networks with their weights and images, cheapest first.
        folder: The record of what was tried.
        runs: The runs.
        clock: The time.
        work: Computes features and runs.
        log: Receives a line for each step.
    """

    def __init__(
        self,
        candidates: Sequence[Experiment],
        folder: BudgetFolder,
        runs: TimedRuns,
        clock: Clock,
        work: Work,
        log: Log,
    ) -> None:
        self._candidates, self._folder, self._runs = candidates, folder, runs
        self._clock, self._work, self._log = clock, work, log
        self._limit_s = folder.budget_s
        self._costs: dict[str, FeatureCost] = {}
        self._least_s = math.inf  # of all calls, for one head
        self._building_s = 0.0  # of the last network whose features were measured
        self._finish_s, self._measuring_s = HEAD_S, MEASURING_S

    def run(self) -> None:
        """Tries networks and parts of them until the time is over. A finished, evaluated model is left in any case.

        Raises:
            KerasclfError: If the time is too short for one head; the message says how long it takes.
        """
        ranked = self._ranked()
        self._train_first_head(ranked)
        half = ranked[: math.ceil(len(ranked) / 2)]
        for number, candidate in enumerate(half):
            others = len(half) - number - 1
            self._train_more(candidate, STAGE, self._spent() + self._share_s(candidate, others))
        best = self._runs.finished[self._runs.best].model
        self._train_more(next((one for one in ranked if one.model == best), ranked[0]), ALL, self._limit_s)
        self._conclude(ranked)
        self._clock.save(now=True)

    def _spent(self) -> float:
        self._clock.save()
        return self._clock.spent_s

    def _ranked(self) -> list[Experiment]:
        """Returns the networks whose features fit into the time, best cross-validated accuracy first."""
        end_s = self._spent() + _CHOICE_SHARE * (self._limit_s - self._spent())
        if end_s + HEAD_S + MEASURING_S > self._limit_s:
            end_s = self._limit_s - HEAD_S
        scores: list[tuple[float, Experiment]] = []
        problems = list[str]()
        for candidate in self._candidates:
            began = self._spent()
            try:
                score, reason = self._judged(candidate, end_s, first=not scores)
            except KerasclfError as error:
                score, reason = None, problem_of(error)
                problems.append(f"{candidate.model}: {reason}")
            if score is not None:
                scores.append((score, candidate))
            self._record("features", candidate, HEAD, began, None if reason else score, reason)
        if not scores:
            self._folder.forget_call()
            raise self._refusal(problems)
        return [candidate for _, candidate in sorted(scores, key=lambda one: -one[0])]

    def _refusal(self, problems: list[str]) -> KerasclfError:
        """Returns why no network has a head: the time is too short, or none of them can be used."""
        if math.isinf(self._least_s):
            return KerasclfError(listed("No network can be used", problems))
        return KerasclfError(
            f"budget: expected at least {_rounded_up(self._least_s)}, which one head on these images takes here. "
            f"Received: {self._limit_s:.0f}s. Features that were computed stay in the cache."
        )

    def _judged(self, candidate: Experiment, end_s: float, first: bool) -> tuple[float | None, str]:
        """Returns the cross-validated accuracy of a network, and why there is none. Dropped networks have None.

        Args:
            candidate: The network.
            end_s: End of the time for features.
            first: Whether no network has been judged yet. The first one may take all of the time.
        """
        # Without a score, a first measurement is needed in any case: it says how long a head takes.
        if self._costs and self._spent() + self._building_s >= (self._limit_s if first else end_s):
            return None, "no time was left for its features"
        head, began = timed_experiment(candidate, HEAD), self._spent()
        cost = self._costs[candidate.model] = self._work.measure_features(head)
        self._building_s = self._spent() - began
        last_s = self._limit_s - cost.after_choice_s
        end_s = max(end_s, last_s) if first else min(end_s, last_s)
        needed_s, left_s = (
            cost.head_s if first else cost.choice_s,
            (self._limit_s if first else end_s) - self._spent(),
        )
        # A further call starts and measures anew.
        earlier_s = self._clock.earlier_s
        least_s = earlier_s + SLACK * (self._spent() - earlier_s) + cost.head_s
        reason = ""
        if needed_s > left_s:
            reason = f"its features would take {format_duration(needed_s)}, and {_left(left_s)} for them"
        elif not self._work.extract(head, cost.image_s, lambda: self._spent() >= end_s, self._log):
            reason = "its features took longer than the time that was left for them"
        if reason:
            self._least_s = min(self._least_s, least_s)
            return None, reason
        accuracy = self._work.judge(head)
        return (0.0, _NOT_JUDGED) if accuracy is None else (accuracy, "")

    def _train_first_head(self, ranked: Sequence[Experiment]) -> None:
        """Trains the head of the best network; that of the next one if it fails."""
        problems = []
        for candidate in ranked:
            # One epoch at least: without it there would be no model at all.
            if problem := self._train(timed_experiment(candidate, HEAD), self._limit_s - self._finish_s, least=1):
                problems.append(f"{candidate.model}: {problem}")
            else:
                return
        raise_all("No head could be trained", problems)

    def _share_s(self, candidate: Experiment, others: int) -> float:
        """Returns the time for the last stage of a network: what others, and the training of all layers, leave."""
        left_s = self._limit_s - self._spent()
        parts = others + 2
        return left_s / (parts if self._costs[candidate.model].all_s < left_s / parts else others + 1)

    def _train_more(self, candidate: Experiment, unfreeze: str, end_s: float) -> None:
        """Trains more than the head of a network, if the time suffices.

        Args:
            candidate: The network.
            unfreeze: The part that trains.
            end_s: End of its share of the time. It takes all of the time if the share is too short for it.
        """
        experiment, began = timed_experiment(candidate, unfreeze), self._spent()
        if self._runs.find(experiment):
            return
        features = self._costs[candidate.model]
        needed_s = self._finish_s + self._measuring_s + (features.all_s if unfreeze == ALL else 0.0)
        problem = ""
        try:
            if needed_s <= self._limit_s - began:
                cost = self._work.measure_run(experiment)
                self._measuring_s = self._spent() - began
                needed_s = cost.least_s(self._finish_s)
            left_s = self._limit_s - self._spent()
            if needed_s > left_s:
                problem = f"{LEAST_EPOCHS} epochs would take {format_duration(needed_s)}, and {_left(left_s)}"
            else:
                end_s = self._limit_s if needed_s > end_s - self._spent() else end_s
                stop_s = end_s - self._finish_s - SLACK * cost.test_s
                if self._work.extract(experiment, features.image_s, lambda: self._spent() >= stop_s, self._log):
                    self._train(experiment, stop_s, began=began)
                    return
                problem = "the activations below it took longer than the time that was left for them"
        except KerasclfError as error:
            problem = problem_of(error)
        self._record("training", candidate, unfreeze, began, None, problem)

    def _train(self, experiment: Experiment, stop_s: float, least: int = 0, began: float | None = None) -> str:
        """Makes the run of an experiment unless it is finished, and records it. Returns why it failed, if it did."""
        if self._runs.find(experiment):
            return ""
        began = self._spent() if began is None else began
        began_run, problem, ended, accuracy = self._spent(), "", "", None
        try:
            ended = self._runs.train(experiment, self._work, StopInTime(lambda: stop_s - self._spent(), least))
        except (KerasclfError, OSError) as error:
            problem = problem_of(error)
        if ended:
            metrics = self._runs.metrics(name_of(experiment))
            accuracy = metrics["validation_accuracy"]
            if ended != STOPPED:  # a stopped run was built twice
                around_s = self._spent() - began_run - metrics["seconds"]
                self._finish_s = 1.0 + SLACK * max(0.0, around_s)
            self._log(f"{name_of(experiment)} trained {ended}: validation accuracy {accuracy:.1%}")
        reason = f"trained {ended}" if ended else problem or "its time was over before its first epoch"
        self._record("training", experiment, experiment.train.unfreeze, began, accuracy, reason)
        return problem

    def _record(
        self, step: Step, experiment: Experiment, unfreeze: str, began: float, accuracy: float | None, reason: str
    ) -> None:
        network, seconds = label_of(experiment.model), self._spent() - began
        self._folder.record(Attempt(step, network, unfreeze, seconds, accuracy, reason=reason))
        if accuracy is None:
            self._log(f"{network}, {unfreeze}: {'not compared' if reason == _NOT_JUDGED else 'dropped'}; {reason}")
        elif step == "features":
            self._log(f"{network}: cross-validated accuracy {accuracy:.1%} of a head on its features")

    def _conclude(self, ranked: Sequence[Experiment]) -> None:
        """Records which attempts were kept, and why."""
        attempts = {one.key: one for one in self._folder.attempts}
        first, half = label_of(ranked[0].model), math.ceil(len(ranked) / 2)
        best_features = attempts["features", first, HEAD].accuracy
        for place, candidate in enumerate(ranked):
            kept = place < half
            if best_features is None:
                reason = _NOT_JUDGED
            elif place == 0:
                reason = "the best features"
            else:
                reason = f"{'among' if kept else 'not among'} the better half; {first} has {best_features:.1%}"
            self._folder.decide(("features", label_of(candidate.model), HEAD), kept, reason)
        best = self._runs.best
        accuracy = self._runs.metrics(best)["validation_accuracy"]
        for key, attempt in attempts.items():
            if attempt.step == "training" and attempt.accuracy is not None:
                kept = label_of(f"{attempt.network}_{attempt.unfreeze}") == best
                verdict = "the final model" if kept else f"{best} has {accuracy:.1%}"
                self._folder.decide(key, kept, f"{attempt.reason.partition(';')[0]}; {verdict}")


def _left(seconds: float) -> str:
    return f"{format_duration(max(seconds, 0.0))} were left"


def _rounded_up(seconds: float) -> str:
    """Returns a duration that `--budget` takes, rounded up: to 5 seconds, or to minutes."""
    if seconds <= 120:
        return f"{5 * math.ceil(seconds / 5)}s"
    return f"{math.ceil(seconds / 60)}m"
