"""The facts in the report of a search: intervals of the trials, the gain on the test set, and the findings as text."""

from dataclasses import dataclass

import pandas as pd

from kerasclf.errors import FolderError
from kerasclf.report.comparisons import Comparison, compare_contrasts
from kerasclf.report.difference_text import points_and_ends
from kerasclf.report.experiment_intervals import accuracy_of
from kerasclf.report.finished_run import groups_of
from kerasclf.report.results_reader import read_results
from kerasclf.report.statistics.intervals import Interval, accuracy_interval
from kerasclf.report.statistics.random_effects import mean_of, summarise_values
from kerasclf.report.study_notes import RANDOM_WEIGHTS
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.run_folder import RunFolder
from kerasclf.search.final_runs import BASE, BEST
from kerasclf.search.search import Search
from kerasclf.search.search_results import SearchResults
from kerasclf.search.trial import Trial
from kerasclf.wording import counted


@dataclass(frozen=True)
class Gain:
    """The gain of the best trial on the test set.

    Args:
        final: The study of the base experiment and the best trial on the test set.
        comparison: The best trial compared with the base experiment; None if they are the same.
        candidates: Number of candidates that were evaluated on the test set.
    """

    final: StudyResults
    comparison: Comparison | None
    candidates: int


def read_gain(results: SearchResults) -> Gain | None:
    """Returns the gain on the test set, or None if the best trial was not evaluated there."""
    try:
        final = read_results(results.folder.final)
    except FolderError:
        return None
    by_name = {one.name: one for one in final.experiments}
    if BASE not in by_name:
        return None
    same = results.experiment == results.search.experiment
    if not same and (BEST not in by_name or by_name[BEST].experiment != results.experiment):
        return None
    candidates = len({path.parent for path in results.folder.final.glob(f"runs/{BEST}-*/seed-*") if path.suffix == ""})
    return Gain(final, None if same else compare_contrasts(final)[0], candidates)


def trial_interval(results: SearchResults, trial: Trial) -> Interval | None:
    """Returns the 95 % interval of a trial's objective, over its runs or over the validation images of a single run.

    The best trial has none: it is the highest of many, so an interval around its value would lie too high.
    """
    metric, folds = results.search.goal.of_run, results.search.folds
    if trial == results.best:
        return None
    run = RunFolder(results.folder.path / "runs" / trial.runs[0].folder)
    if not run.complete:
        return None
    if len(trial.runs) > 1:
        # Seeds are averaged within a fold, because they share its images.
        of_folds = pd.DataFrame(
            {"fold": [r.fold or r.seed for r in trial.runs], "value": [r.metrics[metric] for r in trial.runs]}
        )
        values = of_folds.groupby("fold")["value"].mean().to_numpy()
        if len(values) < 2:
            return None
        images = run.description()["data"]["images"]["validation"]
        return mean_of(summarise_values(values, images, overlap=1 / (folds - 1) if folds else 0.0))
    if results.search.objective != "val_accuracy" or not trial.whole:
        return None
    labels, probabilities = run.predictions()
    return accuracy_interval(probabilities.argmax(axis=1) == labels, groups=groups_of(run.description()))


def search_findings(results: SearchResults, gain: Gain | None) -> list[str]:
    """Returns the findings of a search, in sentences."""
    search, best = results.search, results.best
    extreme = "highest" if search.objective == "val_accuracy" else "lowest"
    judged = sum(trial.value is not None for trial in results.trials)
    expect = " Expect less of it on other images." if judged > 1 and extreme == "highest" else ""
    expect = " Expect more of it on other images." if judged > 1 and extreme == "lowest" else expect
    sentence = (
        f"The best of {counted(len(results.trials), 'trial')} is {best.title}: {search.objective} {best.value:.4f}, "
        f"the {extreme} of {judged}.{expect}"
    )
    if gain is None:
        return [sentence, "It has not been evaluated on the test set."]
    return [sentence, *_gain_sentences(results, gain)]


def caution(search: Search) -> str:
    """Returns sentences on the limits of the results, or the empty string."""
    found = []
    if search.own_backbone:
        found.append(f"The search ran with {search.experiment.model} instead of its own {search.own_backbone}.")
    if search.reductions:
        found.append(f"The search was reduced: {'; '.join(search.reductions)}.")
    if search.experiment.transfer is not None and search.experiment.transfer.weights == "none":
        found.append(RANDOM_WEIGHTS)
    return " ".join(found)


def gain_warning(gain: Gain | None) -> str:
    """Returns a warning if the gain on the test set is not certain, or the empty string."""
    if gain is None or gain.comparison is None or gain.comparison.verdict == "better":
        return ""
    comparison = gain.comparison
    if comparison.verdict == "none":
        return f"These runs do not show that the new settings are better. {comparison.sentence}"
    if comparison.verdict == "worse":
        return f"The new settings are worse on the test set: {comparison.sentence}"
    return (
        f"The gain on the test set is not statistically significant{comparison.correction}: "
        f"{points_and_ends(comparison.difference)} compared with the base experiment. These runs do not show that the "
        f"new settings are better. {comparison.reach}"
    )


def _gain_sentences(results: SearchResults, gain: Gain) -> list[str]:
    base = next(e for e in gain.final.experiments if e.name == BASE)
    if gain.comparison is None:
        return [f"It is the base experiment itself. Its test accuracy is {accuracy_of(gain.final, base).value:.4f}."]
    best = next(e for e in gain.final.experiments if e.name == BEST)
    best_accuracy, base_accuracy = (100 * accuracy_of(gain.final, e).value for e in (best, base))
    sentences = [
        f"Its test accuracy is {best_accuracy:.1f} %, that of the base experiment {base_accuracy:.1f} %. "
        f"{gain.comparison.sentence}"
    ]
    if results.search.objective == "val_accuracy" and results.best.value is not None:
        drop = round(100 * results.best.value - best_accuracy, 1)
        change = f"{abs(drop):.1f} points {'lower' if drop > 0 else 'higher'}" if drop else "the same"
        sentences.append(
            f"It was chosen on the validation set with an accuracy of {100 * results.best.value:.1f} %. "
            f"Its accuracy on the test set is {change}."
        )
    if gain.candidates > 1:
        sentences.append(
            f"{gain.candidates} candidates have been evaluated on the test set, because the search was resumed after "
            "the first evaluation. The last test accuracy is biased by these choices."
        )
    return sentences
