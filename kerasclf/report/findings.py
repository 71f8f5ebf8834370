"""The findings of a study, in sentences."""

from collections.abc import Sequence

import numpy as np

from kerasclf.report.comparisons import Comparison, compare_contrasts
from kerasclf.report.continued import continued_findings
from kerasclf.report.experiment_intervals import accuracy_of, interval_of, selection_bias_of
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.lessons import LessonResult, lessons_of, summary_of
from kerasclf.report.statistics.random_effects import prediction
from kerasclf.report.study_results import StudyResults
from kerasclf.wording import counted

# Fewer validation images cannot tell experiments apart whose accuracies differ by less than about 14 points.
_FEW_VALIDATION_IMAGES = 100
# A training has collapsed if its last epoch keeps less than this share of what its best epoch gained over chance.
_KEPT = 0.25


def findings(
    results: StudyResults, comparisons: Sequence[Comparison], lesson_results: Sequence[LessonResult] = ()
) -> list[str]:
    """Returns the chosen experiment with its test accuracy, the comparisons, and the published figures next to ours.

    Models that were continued are compared with the earlier one. If the classes of the test set have very different
    numbers of images, balanced accuracy and macro F1 come first.

    Args:
        results: The study.
        comparisons: The comparisons that `compare_contrasts` returns.
        lesson_results: The results that `lessons_of` returns. A study of flaws chooses no experiment.
    """
    looks = look_sentences(results, [one.comparison for one in lesson_results if one.is_main] or comparisons)
    if lesson_results:
        return [summary_of(lesson_results), *(one.sentence for one in lesson_results), *looks]
    others = [*collapse_sentences(results), *looks, *continued_findings(results), *published_sentences(results)]
    balanced = balanced_sentences(results)
    if len(results.experiments) < 2:
        return [*balanced, *others]
    return [*balanced, _choice(results), *(comparison.sentence for comparison in comparisons), *others]


def balanced_sentences(results: StudyResults) -> list[str]:
    """Returns balanced accuracy and macro F1 of the chosen experiment, and why; nothing for classes of similar size."""
    if results.imbalance is None:
        return []
    chosen = results.chosen
    balanced, f1 = (interval_of(results, chosen, f"test_{name}") for name in ("balanced_accuracy", "macro_f1"))
    found = [
        f"{chosen.name} has a balanced accuracy of {balanced.value:.1%} (95 % interval {balanced.low:.1%} to "
        f"{balanced.high:.1%}) and a macro F1 of {f1.value:.3f} ({f1.low:.3f} to {f1.high:.3f}). Its accuracy is "
        f"{accuracy_of(results, chosen).value:.1%}.",
        results.imbalance.note,
    ]
    if len(results.experiments) > 1:
        found.append("The choice of an experiment, the comparisons and their p-values go by accuracy.")
    return found


def comparisons_of(results: StudyResults) -> list[Comparison]:
    """Returns all comparisons of a study that get a verdict: those of its lessons, otherwise its contrasts."""
    return [one.comparison for one in lessons_of(results) if one.is_main] or compare_contrasts(results)


def open_comparisons(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Returns the comparisons that are not decided, and that more runs may decide."""
    return [one for one in comparisons if one.verdict in ("open", "none") and one.basis != "nothing"]


def look_sentences(results: StudyResults, comparisons: Sequence[Comparison]) -> list[str]:
    """Returns why a study that looks at its results stopped, in one sentence; nothing for other studies.

    Args:
        results: The study.
        comparisons: Its comparisons, corrected for the look.
    """
    if not results.looks:
        return []
    runs, most, unclear = results.runs, results.looks[-1], len(open_comparisons(comparisons))
    stopped = runs in results.looks and runs < most and not unclear
    start = f"{'Stopped after' if stopped else 'After'} {runs}{f' of at most {most}' * (runs < most)} runs"
    if unclear:
        return [f"{start}, {counted(unclear, 'comparison')} {'is' if unclear == 1 else 'are'} still open."]
    known = "every comparison is decided" if comparisons else "there is nothing to compare"
    return [f"{start}{':' if stopped else ','} {known}."]


def collapse_sentences(results: StudyResults) -> list[str]:
    """Returns the experiments whose trainings lost most of what they had learnt, a sentence each.

    An early stop that restores the best weights hides a collapse from all metrics.
    """
    return [text for experiment in results.experiments if (text := _collapse(experiment, results.chance))]


def _collapse(experiment: ExperimentResults, chance: float | None) -> str:
    if chance is None:
        return ""
    curves = [run.history["val_accuracy"].to_numpy() for run in experiment.runs]
    # Close to chance, a rise and a fall may be noise.
    ends = [c[-1] for c in curves if c.max() > 2 * chance and c[-1] - chance < _KEPT * (c.max() - chance)]
    if not ends:
        return ""
    return (
        f"The training of {experiment.name} collapsed in {len(ends)} of {counted(len(curves), 'run')}: its best "
        f"validation accuracy is {max(c.max() for c in curves):.1%}, and that of the last epoch {min(ends):.1%}. Try a "
        "lower learning rate or clip_norm."
    )


def published_sentences(results: StudyResults) -> list[str]:
    """Returns for each published accuracy whether it disagrees with ours; nothing if they are not comparable.

    A published figure is usually that of one run. It is compared with one more run of ours, not with our mean.
    """
    # A published figure is that of one split of the images.
    if not results.comparable or results.published_metric != "test_accuracy" or results.splits > 1:
        return []
    published = [e for e in results.experiments if e.published]
    if published and all(results.samples[e.name].seeds is None for e in published):
        return [
            "Single runs do not show how seeds vary. Nothing can be concluded from their distance to published ones."
        ]
    return [text for e in published if (text := _next_to_published(results, e))]


def _next_to_published(results: StudyResults, experiment: ExperimentResults) -> str:
    expected = prediction(results.samples[experiment.name])
    if expected is None or experiment.published is None:
        return ""
    published, low, high = experiment.published["accuracy"], max(expected.low, 0.0), min(expected.high, 1.0)
    if low == 0 and high == 1:
        return (
            f"{experiment.name}: so few runs agree with any published accuracy, including the published {published:g}."
        )
    # Rounding must not move the published figure to the other side of an end.
    exact = next((d for d in (3, 4) if (low <= published <= high) == (round(low, d) <= published <= round(high, d))), 5)
    ours = f"{low:.{exact}f} to {high:.{exact}f}"
    start = f"{experiment.name}: one more run of ours would give {ours}; the published {published:g}"
    if low <= published <= high:
        return f"{start} lies inside: no disagreement."
    other = " under the sound protocol" if results.study["protocol"] == "sound" else ""
    notes = "; the notes say what else differs" if results.study["notes"] else ""
    return f"{start} lies outside. Ours are trained with Keras 3{other}{notes}."


def _choice(results: StudyResults) -> str:
    if not results.choice:
        values = [experiment.values("validation_accuracy").mean() for experiment in results.experiments]
        return (
            "No experiment is chosen, because the study compares none. The validation accuracies range from "
            f"{min(values):.1%} to {max(values):.1%}, with a mean of {np.mean(values):.1%}."
        )
    chosen = results.chosen
    accuracy = accuracy_of(results, chosen)
    splits = len(chosen.by_split)
    basis = f"{counted(len(chosen.runs), 'run')}{f' on {splits} splits' * (splits > 1)}"
    value = f"{accuracy.value:.1%} (95 % interval {accuracy.low:.1%} to {accuracy.high:.1%}, {basis})"
    if any(e.runs[0].class_names != chosen.runs[0].class_names for e in results.experiments):
        return (
            f"The experiments have different classes, so that none is the best. {chosen.name} has the highest share "
            f"of correct predictions on its validation set, and a test accuracy of {value}."
        )
    if results.study["protocol"] != "published":
        images = chosen.runs[0].images["validation"]
        weak = images < _FEW_VALIDATION_IMAGES
        doubt = (
            f" {counted(images, 'validation image')} cannot tell the experiments apart: another may be as good."
            if weak
            else ""
        )
        return f"Chosen on the validation set: {chosen.name}. Its test accuracy is {value}.{doubt}"
    if results.published_metric == "validation_accuracy":
        return _chosen_and_reported_on_validation(results, value)
    sentence = f"Chosen on the test set, as in the original study: {chosen.name}. Its test accuracy is {value}"
    bias = selection_bias_of(results)
    if bias is None:
        return f"{sentence}. This choice overestimates the accuracy."
    points = f"up to {100 * bias:.1f}" if bias >= 0.0005 else "less than 0.1"
    return f"{sentence}. This choice overestimates the accuracy by {points} points."


def _chosen_and_reported_on_validation(results: StudyResults, value: str) -> str:
    chosen = results.chosen
    validation, test = (float(chosen.values(f"{subset}_accuracy").mean()) for subset in ("validation", "test"))
    sentence = (
        f"Chosen and reported on the validation set, as in the original study: {chosen.name}. "
        f"Its validation accuracy is {validation:.1%}. Its test accuracy is {value}"
    )
    points = round(100 * (validation - test), 1)
    if points <= 0:
        return f"{sentence} and is not lower."
    return f"{sentence}: {points:.1f} points lower, due to chance and selection."
