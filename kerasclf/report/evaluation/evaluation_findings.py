"""The findings of an evaluation, and the limits of what they say, in sentences."""

from collections.abc import Iterator

from kerasclf.errors import shortened
from kerasclf.report.difference_text import p_text, points_and_ends, size, size_interval
from kerasclf.report.evaluation.evaluated_model import ENSEMBLE, EvaluatedModel, metrics_of, sample_of, within_shares
from kerasclf.report.evaluation.evaluation_results import EvaluationResults
from kerasclf.report.statistics.intervals import CONFIDENCE, Interval, accuracy_interval
from kerasclf.report.statistics.random_effects import difference_of, mean_of
from kerasclf.runs.metrics import accuracy
from kerasclf.wording import counted, in_words


def evaluation_findings(evaluation: EvaluationResults) -> list[str]:
    """Returns what the evaluation has found, the accuracy first, or the balanced one if classes differ in size."""
    several = len(evaluation.models) > 1
    found = [text for model in evaluation.models for text in _balanced(evaluation, model)]
    found += [evaluation.imbalance.note] if evaluation.imbalance else []
    found += [_accuracy(evaluation, model) for model in evaluation.models]
    found += [text for model in evaluation.models if (text := _harder(evaluation, model, several))]
    found += [comparison.sentence for comparison in evaluation.comparisons]
    found += [text for model in evaluation.models if (text := _views(evaluation, model))]
    return [*found, *_corruptions(evaluation)]


def evaluation_cautions(evaluation: EvaluationResults) -> list[str]:
    """Returns what limits the results: images that were seen, missing classes, and images that are left out."""
    found = [text for model in evaluation.models if (text := _seen(evaluation, model))]
    if missing := evaluation.missing_classes:
        names = in_words(shortened([repr(name) for name in missing], 10))
        of = "it" if len(missing) == 1 else "them"
        found.append(f"There are no images of {counted(len(missing), 'class')}: {names}. Nothing is known of {of}.")
    if left_out := evaluation.left_out:
        names = in_words([f"{name!r} ({count:,})" for name, count in left_out.items()])
        found.append(f"Images of classes that the model does not know are left out: {names}. It would get all wrong.")
    if unreadable := evaluation.unreadable:
        names = in_words(shortened(list(unreadable), 5))
        verb = "is" if len(unreadable) == 1 else "are"
        found.append(f"{counted(len(unreadable), 'image')} cannot be read and {verb} left out: {names}.")
    return found


def _balanced(evaluation: EvaluationResults, model: EvaluatedModel) -> Iterator[str]:
    """Yields balanced accuracy and macro F1 of a model, if the classes have very different numbers of images."""
    if evaluation.imbalance is None:
        return
    found, f1 = (
        evaluation.balanced_accuracy(model),
        metrics_of(evaluation.labels, model.probabilities)["test_macro_f1"],
    )
    yield (
        f"{model.name} has a balanced accuracy of {found.value:.1%} (95 % interval {found.low:.1%} to "
        f"{found.high:.1%}) and a macro F1 of {f1:.3f}."
    )


def _accuracy(evaluation: EvaluationResults, model: EvaluatedModel) -> str:
    right = model.probabilities.argmax(axis=1) == evaluation.labels
    found = accuracy_interval(right)
    return (
        f"{model.name} classifies {found.value:.1%} of {counted(len(right), 'image')} correctly "
        f"(95 % interval {found.low:.1%} to {found.high:.1%})."
    )


def _harder(evaluation: EvaluationResults, model: EvaluatedModel, several: bool) -> str:
    """Returns how the accuracy compares with that on the run's own test images; empty if they are unknown."""
    if model.own_test is None:
        return ""
    start = f"{model.name}: these images" if several else "These images"
    if not model.is_independent:
        count = (model.seen or {})["test"]
        return (
            f"{start} include {counted(count, 'test image')} of the run itself. They are no new images, and are not "
            "compared with its test score."
        )
    harder = evaluation.harder_than_own_test(model)
    assert harder is not None
    own, images = accuracy(*model.own_test), len(model.own_test[0])
    end = f"{own:.1%} of {counted(images, 'test image')} of the run are correct, p = {p_text(harder.p)}"
    end = end.replace("= <", "< ")
    if _is_clear(harder):
        word = "harder" if harder.value > 0 else "easier"
        return (
            f"{start} are {size(harder)} points {word} than the run's own test images ({size_interval(harder)}; {end})."
        )
    lower = Interval(-harder.value, -harder.high, -harder.low)
    same = f"{start} and the run's own test images cannot be told apart in difficulty"
    return f"{same}: {points_and_ends(lower)} here; {end}."


def _views(evaluation: EvaluationResults, model: EvaluatedModel) -> str:
    """Returns the gain of test-time augmentation; empty without it."""
    gain = evaluation.gain_of_views(model)
    if gain is None:
        return ""
    start = f"Averaging over {evaluation.views} views of each image"
    if not _is_clear(gain):
        return f"{start} does not change the accuracy of {model.name} significantly: {points_and_ends(gain)}."
    word = "raises" if gain.value > 0 else "lowers"
    return f"{start} {word} the accuracy of {model.name} by {size(gain)} points ({size_interval(gain)})."


def _corruptions(evaluation: EvaluationResults) -> Iterator[str]:
    """Yields the mean accuracy of each model on corrupted images, its worst corruption, and the differences."""
    known = [model for model in evaluation.models if model.right is not None]
    for model in known:
        mean = evaluation.mean_over_corruptions(model)
        if mean is None:
            continue
        found, clean = mean_of(mean), sample_of(evaluation.labels, model.probabilities)
        drop = within_shares(difference_of(clean, mean))
        worst = max((d for d in evaluation.degradations if d.model == model.name), key=lambda d: d.drop.value)
        yield (
            f"Over {len(evaluation.corrupted)} corruptions, {model.name} classifies {found.value:.1%} correctly (95 % "
            f"interval {max(found.low, 0):.1%} to {min(found.high, 1):.1%}), {points_and_ends(_negative(drop))} "
            f"compared with the images as they are. It loses most under {worst.corruption} of strength "
            f"{worst.strength}: {worst.accuracy.value:.1%} are correct."
        )
    for model in known[1:]:
        one, first = evaluation.mean_over_corruptions(model), evaluation.mean_over_corruptions(known[0])
        if one is None or first is None:
            continue
        difference = within_shares(difference_of(one, first))
        verdict = "" if _is_clear(difference) else " They cannot be told apart."
        yield (
            f"Under corruptions, the accuracy of {model.name} minus that of {known[0].name} is "
            f"{points_and_ends(difference)}.{verdict}"
        )


def _seen(evaluation: EvaluationResults, model: EvaluatedModel) -> str:
    """Returns a sentence on images that the model was trained or chosen on, or may be; empty if there are none."""
    if model.seen is None and model.name != ENSEMBLE:
        return f"Whether {model.name} was trained on some of these images is unknown: its run recorded no images."
    seen = model.seen or {}
    sets = [f"{seen[name]:,} in the {word} set" for name, word in _USED.items() if seen.get(name)]
    if not sets:
        return ""
    return (
        f"Of {counted(len(evaluation.labels), 'image')}, the run of {model.name} had {in_words(sets)}: its accuracy "
        "here is too high. Evaluate it on images that it has not seen."
    )


_USED = {"train": "training", "validation": "validation"}


def _is_clear(difference: Interval) -> bool:
    return difference.p < 1 - CONFIDENCE


def _negative(difference: Interval) -> Interval:
    return Interval(-difference.value, -difference.high, -difference.low, difference.p)
