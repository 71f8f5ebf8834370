"""The findings of a study, in sentences."""

from collections.abc import Sequence

from kerasclf.report.comparisons import Comparison, accuracy_of, selection_bias_of
from kerasclf.report.continued import continued_findings
from kerasclf.report.lessons import LessonResult, summary_of
from kerasclf.report.study_results import StudyResults


def findings(
    results: StudyResults, neighbours: Sequence[Comparison], lesson_results: Sequence[LessonResult] = ()
) -> list[str]:
    """Returns the chosen experiment with its test accuracy, then the comparison of each experiment.

    Models that were continued are compared with the earlier one.

    Args:
        results: The study.
        neighbours: The comparisons that `between_neighbours` returns.
        lesson_results: The results that `lessons_of` returns. A study of flaws chooses no experiment.
    """
    if lesson_results:
        return [summary_of(lesson_results), *(one.sentence for one in lesson_results)]
    continued = continued_findings(results)
    if len(results.experiments) < 2:
        return continued
    return [_choice(results), *(comparison.sentence for comparison in neighbours), *continued]


def _choice(results: StudyResults) -> str:
    chosen = results.chosen
    accuracy = accuracy_of(chosen)
    runs = len(chosen.runs)
    basis = f"{runs} runs" if runs > 1 else "one run"
    value = f"{accuracy.value:.1%} (95 % interval {accuracy.low:.1%} to {accuracy.high:.1%}, {basis})"
    if results.study["protocol"] != "published":
        return f"Chosen on the validation set: {chosen.name}. Its test accuracy is {value}."
    if results.published_metric == "validation_accuracy":
        return _chosen_and_reported_on_validation(results, value)
    sentence = f"Chosen on the test set, as in the original study: {chosen.name}. Its test accuracy is {value}"
    bias = selection_bias_of(results)
    if bias is None:
        return f"{sentence}. This choice overestimates the accuracy."
    return f"{sentence}. This choice overestimates the accuracy by up to {max(100 * bias, 0):.1f} points."


def _chosen_and_reported_on_validation(results: StudyResults, value: str) -> str:
    chosen = results.chosen
    validation, test = (float(chosen.values(f"{subset}_accuracy").mean()) for subset in ("validation", "test"))
    sentence = (
        f"Chosen and reported on the validation set, as in the original study: {chosen.name}. "
        f"Its validation accuracy is {validation:.1%}. Its test accuracy is {value}"
    )
    points = 100 * (validation - test)
    if points <= 0:
        return f"{sentence} and is not lower."
    return f"{sentence}: {points:.1f} points lower, due to chance and selection."
