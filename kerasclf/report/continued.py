"""The result of a continued training next to the model that it continued."""

from dataclasses import replace

from kerasclf.report.comparisons import Comparison, accuracy_of, compare, corrected
from kerasclf.report.study_results import ExperimentResults, StudyResults
from kerasclf.runs.metrics import accuracy

_EARLIER = "the earlier model"


def continued_findings(results: StudyResults) -> list[str]:
    """Returns sentences that compare each continued model with the earlier one on the same test images."""
    pairs = [(one, before) for one in results.experiments if (before := _earlier(one))]
    compared = corrected([compare(one, before, len(pairs)) for one, before in pairs])
    return [
        sentence
        for (one, before), comparison in zip(pairs, compared, strict=True)
        for sentence in _sentences(one, before, comparison)
    ]


def _sentences(one: ExperimentResults, before: ExperimentResults, comparison: Comparison) -> list[str]:
    run = one.runs[0]
    count, new = len(run.labels), run.new_images.get("test", 0)
    return [
        f"{one.name} has a test accuracy of {accuracy_of(one).value:.1%} after the training was continued. "
        f"{_EARLIER.capitalize()} has {accuracy_of(before).value:.1%} on the same {count:,} test images, of which "
        f"{new:,} are new.",
        comparison.sentence,
    ]


def _earlier(one: ExperimentResults) -> ExperimentResults | None:
    """Returns the results of the model that an experiment continued, as those of an experiment; None without one."""
    runs = []
    for run in one.runs:
        if run.earlier_probabilities is None:
            return None
        metrics = {**run.metrics, "test_accuracy": accuracy(run.labels, run.earlier_probabilities)}
        runs.append(replace(run, probabilities=run.earlier_probabilities, metrics=metrics))
    return ExperimentResults(_EARLIER, one.experiment, tuple(runs), None)
