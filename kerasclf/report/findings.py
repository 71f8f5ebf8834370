"""What a study found, in sentences."""

from collections.abc import Sequence

from kerasclf.report.comparisons import Comparison, accuracy_of, flattery
from kerasclf.report.lessons import LessonResult, summary_of
from kerasclf.report.study_results import StudyResults


def findings(
    results: StudyResults, neighbours: Sequence[Comparison], lesson_results: Sequence[LessonResult] = ()
) -> list[str]:
    """Returns what was chosen and what it is worth, then each experiment against its neighbour.

    Args:
        results: The study.
        neighbours: What `between_neighbours` makes of it.
        lesson_results: What `lessons_of` makes of it; in a study of flaws nothing is chosen.
    """
    if lesson_results:
        return [summary_of(lesson_results), *(one.words for one in lesson_results)]
    if len(results.experiments) < 2:
        return []
    return [_choice(results), *(comparison.words for comparison in neighbours)]


def _choice(results: StudyResults) -> str:
    chosen = results.chosen
    found = accuracy_of(chosen)
    runs = len(chosen.runs)
    basis = f"n = {runs}" if runs > 1 else "one run, for the test images"
    figure = f"{found.value:.1%} (95 % interval {found.low:.1%} to {found.high:.1%}, {basis})"
    if results.study["protocol"] != "published":
        return f"Chosen on the validation part: {chosen.name}. Its test accuracy is {figure}."
    if results.published_metric == "validation_accuracy":
        return _chosen_and_reported_on_validation(results, figure)
    sentence = (
        f"Chosen on the test part, as the original's author did: {chosen.name}, with a test accuracy of {figure}. "
        "What is chosen on the images it is reported on is flattered"
    )
    flattered = flattery(results)
    if flattered is None:
        return f"{sentence}."
    return f"{sentence}, here by up to {max(100 * flattered, 0):.1f} points."


def _chosen_and_reported_on_validation(results: StudyResults, figure: str) -> str:
    chosen = results.chosen
    reported, honest = (float(chosen.values(f"{subset}_accuracy").mean()) for subset in ("validation", "test"))
    sentence = (
        f"Chosen by the validation accuracy and reported with it, as the original's author did: {chosen.name}, with "
        f"{reported:.1%}. On test images that nothing was chosen by it has {figure}"
    )
    points = 100 * (reported - honest)
    if points <= 0:
        return f"{sentence}: choosing did not flatter here."
    return f"{sentence}: {points:.1f} points less, by chance and by choice."
