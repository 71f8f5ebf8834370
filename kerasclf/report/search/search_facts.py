"""What the report of a search says: the trials with intervals, the gain on the test images, in words."""

import math
from dataclasses import dataclass

from kerasclf.errors import FolderError
from kerasclf.report.comparisons import Comparison, accuracy_of, against_base
from kerasclf.report.statistics import Interval, accuracy_interval, mean_interval, share_interval
from kerasclf.report.study_results import AT_RANDOM, REDUCED, StudyResults, read_results
from kerasclf.runs.run_folder import RunFolder
from kerasclf.search.final import BASE, BEST
from kerasclf.search.search import Search
from kerasclf.search.search_results import SearchResults
from kerasclf.search.trial import Trial


@dataclass(frozen=True)
class Gain:
    """What the search brought on the test images.

    Args:
        final: The study of the experiment and the best trial there.
        comparison: The best trial against the experiment; None where they are the same.
        looked_at: How many candidates the test images have been looked at with.
    """

    final: StudyResults
    comparison: Comparison | None
    looked_at: int


def read_gain(results: SearchResults) -> Gain | None:
    """Returns what the search brought on the test images; None where they were not looked at for its best trial."""
    try:
        final = read_results(results.folder.final)
    except FolderError:
        return None
    found = {one.name: one for one in final.experiments}
    if BASE not in found:
        return None
    same = results.experiment == results.search.experiment
    if not same and (BEST not in found or found[BEST].experiment != results.experiment):
        return None
    looked_at = len({path.parent for path in results.folder.final.glob(f"runs/{BEST}-*/seed-*") if path.suffix == ""})
    return Gain(final, None if same else against_base(final)[0], looked_at)


def interval_of(results: SearchResults, trial: Trial) -> Interval | None:
    """Returns the 95 % interval of a trial's objective: over its runs, or over the validation images of one."""
    metric = results.search.goal.of_run
    if len(trial.runs) > 1:
        values = [run.metrics[metric] for run in trial.runs]
        return share_interval(values) if metric.endswith("accuracy") else mean_interval(values)
    if results.search.objective != "val_accuracy" or not trial.whole:
        return None
    run = RunFolder(results.folder.path / "runs" / trial.runs[0].folder)
    if not run.complete:
        return None
    labels, probabilities = run.predictions()
    return accuracy_interval(probabilities.argmax(axis=1) == labels)


def search_findings(results: SearchResults, gain: Gain | None) -> list[str]:
    """Returns what was found, in sentences."""
    search, best = results.search, results.best
    interval = interval_of(results, best)
    known = interval is not None and not math.isnan(interval.low)
    within = f" (95 % interval {interval.low:.4f} to {interval.high:.4f})" if interval and known else ""
    found = [f"The best of {len(results.trials)} trials is {best.title}: {search.objective} {best.value:.4f}{within}."]
    if gain is None:
        return [*found, "The test images have not been looked at for it."]
    return [*found, *_gain_in_words(results, gain)]


def caution(search: Search) -> str:
    """Returns sentences on what the figures are not, or the empty string."""
    less = [REDUCED.format("; ".join(search.reduced))] if search.reduced else []
    transfer = search.experiment.transfer
    return " ".join([*less, *([AT_RANDOM] if transfer and transfer.weights == "none" else [])])


def noise_warning(gain: Gain | None) -> str:
    """Returns a warning where the gain cannot be told from chance, or the empty string."""
    if gain is None or gain.comparison is None or gain.comparison.real:
        return ""
    c = gain.comparison
    points, half = 100 * c.difference.value, 100 * c.difference.half_width
    more = ""
    if c.needed is not None and c.repeats > 1:
        more = f" About {c.needed_words} repeats would settle a difference of this size."
    within = f" ± {half:.1f}" if not math.isnan(half) else ""
    return (
        f"The gain on the test images lies inside the noise: {points:+.1f}{within} points against the experiment that "
        f"the search began with. These runs do not show that the found values are better.{more}"
    )


def _gain_in_words(results: SearchResults, gain: Gain) -> list[str]:
    base = next(e for e in gain.final.experiments if e.name == BASE)
    if gain.comparison is None:
        value = accuracy_of(base)
        return [f"It is the experiment that the search began with; its test accuracy is {value.value:.4f}."]
    best = next(e for e in gain.final.experiments if e.name == BEST)
    values = [100 * accuracy_of(e).value for e in (best, base)]
    found = [
        f"On the test images it reaches {values[0]:.1f} %, the experiment that the search began with "
        f"{values[1]:.1f} %: {gain.comparison.words}"
    ]
    if results.search.objective == "val_accuracy" and results.best.value is not None:
        fall = 100 * results.best.value - values[0]
        found.append(
            f"It was chosen on the validation images, where it had {100 * results.best.value:.1f} %; "
            f"on the test images it has {abs(fall):.1f} points {'less' if fall >= 0 else 'more'}."
        )
    if gain.looked_at > 1:
        found.append(
            f"The test images have been looked at with {gain.looked_at} candidates, as the search was gone on with "
            "after a first look; the last figure is flattered by as many choices."
        )
    return found
