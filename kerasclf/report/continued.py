"""The result of a continued training next to the model that it continued."""

from dataclasses import replace

from kerasclf.report.comparisons import Comparison, compare_samples, corrected
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.metrics import accuracy

_EARLIER = "the earlier training"


def continued_findings(results: StudyResults) -> list[str]:
    """Returns sentences that compare each continued model with the earlier one on the same test images."""
    pairs = [(one, before) for one in results.experiments if (before := _earlier(one))]
    compared = corrected([_compared(one, before) for one, before in pairs], results.strictness)
    return [
        sentence
        for (one, before), comparison in zip(pairs, compared, strict=True)
        for sentence in _sentences(one, before, comparison)
    ]


def _compared(one: ExperimentResults, before: ExperimentResults) -> Comparison:
    return compare_samples((one.name, before.name), (len(one.runs), 1), (one.sample(), before.sample()))


def _sentences(one: ExperimentResults, before: ExperimentResults, comparison: Comparison) -> list[str]:
    run = one.runs[0]
    count, new = len(run.labels), run.new_images.get("test", 0)
    return [
        f"{one.name} has a test accuracy of {one.sample().mean:.1%} after the training was continued. "
        f"The earlier model has {before.sample().mean:.1%} on the same {count:,} test images, of which "
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
