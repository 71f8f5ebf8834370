"""How far the class probabilities of the chosen experiment can be trusted, for a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.inference.calibration.abstention import Abstention, choose_threshold
from kerasclf.inference.calibration.calibration import Temperature, brier_score, calibration_error, temper
from kerasclf.inference.calibration.conformal import conformal_sets
from kerasclf.inference.calibration.model_calibration import usable_temperature
from kerasclf.inference.calibration.probability_curves import ClassCurves, class_curves
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.runs.metrics import accuracy, cross_entropy
from kerasclf.wording import counted

# Promised accuracy of answered images, and promised coverage of prediction sets.
PROMISE = 0.95

# Labels and class probabilities of one run.
Predictions = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class TrustedProbabilities:
    """The probabilities of an experiment's runs on the same test images, with what the validation images allow.

    Args:
        experiment: Name of the experiment.
        as_trained: Labels and probabilities of the test images, run by run.
        calibrated: The same after temperature scaling; empty if a run kept no validation predictions.
        validation: Labels and calibrated probabilities of the validation images, run by run; empty likewise.
        temperatures: The temperature of each run; empty likewise.
    """

    experiment: str
    as_trained: tuple[Predictions, ...]
    calibrated: tuple[Predictions, ...] = ()
    validation: tuple[Predictions, ...] = ()
    temperatures: tuple[Temperature, ...] = ()

    @property
    def best(self) -> tuple[Predictions, ...]:
        """The calibrated predictions, or those as trained if there are none."""
        return self.calibrated or self.as_trained

    @cached_property
    def curves(self) -> ClassCurves | None:
        """The ROC and precision-recall curves over all runs; None if all test images are of one class."""
        return class_curves(*pooled(self.best))

    @property
    def forms(self) -> dict[str, tuple[Predictions, ...]]:
        """The predictions before and after temperature scaling; only the first if no run has a temperature."""
        forms = {"as trained": self.as_trained}
        if any(one.problem is None for one in self.temperatures):
            forms["after temperature scaling"] = self.calibrated
        return forms

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """A table of the errors before and after temperature scaling, means over runs."""
        return [{"form": form, **_errors(runs)} for form, runs in self.forms.items()]

    @cached_property
    def sentences(self) -> list[str]:
        """The temperature, and the promises with their outcome on the test set."""
        if not self.calibrated:
            return [
                "The runs kept no predictions of validation images. Their probabilities are those of the network as "
                "trained, and nothing can be promised."
            ]
        return [_temperature_in_words(self.temperatures), _abstention_in_words(self), _sets_in_words(self)]


def trusted_probabilities(experiment: ExperimentResults) -> TrustedProbabilities:
    """Returns the calibrated probabilities of an experiment's runs that share the test images of the first run."""
    runs = [run for run in experiment.runs if run.test_images == experiment.runs[0].test_images]
    as_trained = tuple((run.labels, run.probabilities) for run in runs)
    kept = [run.validation for run in runs if run.validation is not None]
    if len(kept) < len(runs):
        return TrustedProbabilities(experiment.name, as_trained)
    temperatures = tuple(usable_temperature(*validation) for validation in kept)
    return TrustedProbabilities(
        experiment.name,
        as_trained,
        calibrated=_tempered(as_trained, temperatures),
        validation=_tempered(kept, temperatures),
        temperatures=temperatures,
    )


def pooled(runs: Sequence[Predictions]) -> Predictions:
    """Returns the predictions of all runs, concatenated."""
    return np.concatenate([labels for labels, _ in runs]), np.concatenate([found for _, found in runs])


def _tempered(runs: Sequence[Predictions], temperatures: Sequence[Temperature]) -> tuple[Predictions, ...]:
    return tuple((labels, temper(found, one.value)) for (labels, found), one in zip(runs, temperatures, strict=True))


def _errors(runs: Sequence[Predictions]) -> dict[str, Any]:
    return {
        "ece": calibration_error(runs),
        "brier": float(np.mean([brier_score(*run) for run in runs])),
        "nll": float(np.mean([cross_entropy(*run) for run in runs])),
    }


def _temperature_in_words(temperatures: Sequence[Temperature]) -> str:
    values, images = [one.value for one in temperatures], temperatures[0].images
    if problem := next((one.problem for one in temperatures if one.problem), None):
        return f"No temperature can be fitted, and 1 is kept{' in some runs' * (len(values) > 1)}. {problem}"
    value = f"{values[0]:.2f}" if len(values) == 1 else f"{min(values):.2f} to {max(values):.2f} in single runs"
    mean = float(np.mean(values))
    was = "too confident" if mean > 1 else "not confident enough"
    return f"Temperature: {value}, fitted on {counted(images, 'validation image')}. The network was {was}."


def _abstention_in_words(found: TrustedProbabilities) -> str:
    chosen = [choose_threshold(*one, PROMISE) for one in found.validation]
    kept = [(rule, test) for rule, test in zip(chosen, found.calibrated, strict=True) if rule.problem is None]
    if not kept:
        return f"Abstention: {chosen[0].problem}"
    share, right = np.mean([_outcome(rule, test) for rule, test in kept], axis=0)
    some = f" in {len(kept)} of {len(chosen)} runs" if len(kept) < len(chosen) else ""
    at = f" ({kept[0][0].threshold:.3f})" if len(chosen) == 1 else ""
    return (
        f"Abstention: answers above a threshold{at} of confidence are promised to be {100 * PROMISE:g} % accurate, "
        f"with 95 % confidence{some}. On the test set, {share:.1%} of images are answered, {right:.1%} of them "
        "correctly."
    )


def _outcome(rule: Abstention, test: Predictions) -> tuple[float, float]:
    """Returns the share of test images that is answered, and the accuracy of the answers; 1 without any."""
    labels, probabilities = test
    answered = rule.answers(probabilities)
    right = accuracy(labels[answered], probabilities[answered]) if answered.any() else 1.0
    return float(answered.mean()), right


def _sets_in_words(found: TrustedProbabilities) -> str:
    rules = [conformal_sets(*one, PROMISE) for one in found.validation]
    if rules[0].problem:
        return f"Prediction sets: {rules[0].problem}"
    inside = [rule.sets(probabilities) for rule, (_, probabilities) in zip(rules, found.calibrated, strict=True)]
    hits = [one[np.arange(len(one)), labels] for one, (labels, _) in zip(inside, found.calibrated, strict=True)]
    covered = float(np.mean(hits))
    size = float(np.mean([one.sum(axis=1) for one in inside]))
    return (
        f"Prediction sets: conformal sets that contain the true class for {100 * PROMISE:g} % of images have "
        f"{size:.1f} classes on average. On the test set, {covered:.1%} contain it."
    )
