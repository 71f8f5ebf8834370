"""The number of runs that a planned study needs to find a difference, and what only more test images can do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasclf.report.contrasts import contrast_names, contrasts
from kerasclf.report.statistics.intervals import CONFIDENCE
from kerasclf.report.statistics.random_effects import Error, error_of, reach, satterthwaite
from kerasclf.report.study_results import StudyResults
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.wording import counted

# A study that needs more runs than this is not feasible.
_MOST_RUNS = 1000
_USUAL_SEED_DEVIATION = 0.01
# Experiments disagree on more images than seeds do: by this share of accuracy × error rate. It was 0.02 to 0.13 for
# small networks of other depth, width or augmentation on CIFAR-10, and 0.5 for grey instead of coloured images.
_USUAL_DISAGREEMENT = 0.2


@dataclass(frozen=True)
class PlannedComparison:
    """The comparisons of a planned study, and how much their results vary by chance.

    Args:
        difference: The difference in accuracy to find.
        seed_deviation: Standard deviation of the accuracy from seed to seed.
        disagreement: Share of the images on which two experiments disagree, minus that of two seeds of one experiment.
        test_images: Number of test images.
        comparisons: Number of comparisons of the study.
        measured: Whether finished runs gave the seed deviation, and whether they gave the disagreement.
        groups: Number of groups of the test images, which are alike within one. Each then counts as one image, and the
            disagreement is a share of groups. None without groups.
    """

    difference: float
    seed_deviation: float
    disagreement: float
    test_images: int
    comparisons: int = 1
    measured: tuple[bool, bool] = (False, False)
    groups: int | None = None

    @property
    def level(self) -> float:
        """The level of significance of the first comparison in Holm's correction, the strictest."""
        return (1 - CONFIDENCE) / self.comparisons

    def reach(self, runs: int) -> tuple[float, float]:
        """Returns the smallest difference that so many runs each find in four of five studies, and its limit."""
        seeds, images = self.seed_deviation**2 / runs, self.disagreement / (self.groups or self.test_images)
        variance = 2 * seeds + images
        images_df = math.inf if self.groups is None else max(self.groups - 1, 1)
        df = satterthwaite(variance, [(seeds, runs - 1)] * 2 + [(images, images_df)])
        return reach(Error(2 * seeds, images, df), self.level)

    @property
    def runs(self) -> int | None:
        """Runs of each experiment that find the difference in four of five studies; None if no number of runs does."""
        counts = range(2, _MOST_RUNS + 1)
        return next((runs for runs in counts if self.reach(runs)[0] <= self.difference), None)

    @property
    def sentences(self) -> list[str]:
        """How many runs the study needs, and what this assumes. An argument stands between backticks."""
        points, limit = 100 * self.difference, 100 * self.reach(2)[1]
        unit = "image" if self.groups is None else "group"
        of = f"{counted(self.comparisons, 'comparison')} on {counted(self.test_images, 'test image')}"
        of += "" if self.groups is None else f" of {counted(self.groups, 'group')}"
        found = f"a difference of {_points(points)} in four of five cases ({of})"
        if self.runs is None:
            need = f"even {_MOST_RUNS:,} runs of each experiment do not find {found}"
        else:
            need = f"{self.runs} runs of each experiment find {found}"
        seeds, images = ("as in the finished runs" if known else "assumed" for known in self.measured)
        return [
            f"{need}; endless runs would find {limit:.1f} points, and only more test {unit}s lower this",
            f"this holds if accuracy varies by {_points(100 * self.seed_deviation)} from seed to seed ({seeds}; "
            f"`seed_deviation`), and two experiments disagree on {100 * self.disagreement:.2g} % more of the {unit}s "
            f"than two seeds do ({images})",
        ]


def plan_comparison(
    study_plan: StudyPlan,
    results: StudyResults | None,
    difference: float | None = None,
    seed_deviation: float | None = None,
) -> PlannedComparison | None:
    """Returns the comparisons of a planned study; None if it compares nothing.

    Args:
        study_plan: The plan.
        results: The results of the finished runs, which say how much accuracies vary; None for none.
        difference: The difference in accuracy to find; None takes the study's margin.
        seed_deviation: Standard deviation of the accuracy from seed to seed; None takes that of the finished runs, or
            one point.
    """
    study, plan = study_plan.study, study_plan.plan
    experiments = study.only(tuple(plan.data_of))
    pairs = contrast_names(experiments, study.compare, study.lessons)
    if not pairs:
        return None
    known, disagreement = (None, None) if results is None else (_seed_deviation(results), _disagreement(results))
    measured = (seed_deviation is None and known is not None, disagreement is not None)
    tests = [manifest["sets"]["test"] for manifest in plan.manifests.values()]
    accuracies = [one.accuracy for one in study.published.values()]
    accuracy = float(np.mean(accuracies)) if accuracies else 0.5
    return PlannedComparison(
        difference=study.margin if difference is None else difference,
        seed_deviation=next(one for one in (seed_deviation, known, _USUAL_SEED_DEVIATION) if one is not None),
        disagreement=_USUAL_DISAGREEMENT * accuracy * (1 - accuracy) if disagreement is None else disagreement,
        test_images=min(len(one["labels"]) for one in tests),
        groups=min(len(set(one["groups"])) for one in tests) if all("groups" in one for one in tests) else None,
        comparisons=len(pairs),
        measured=measured,
    )


def _seed_deviation(results: StudyResults) -> float | None:
    """Returns the pooled deviation of the experiments with several runs; None without any."""
    known = [s.seeds for s in results.samples.values() if s.seeds is not None and not s.seeds.borrowed]
    return math.sqrt(_mean([one.variance for one in known], [one.df for one in known])) if known else None


def _disagreement(results: StudyResults) -> float | None:
    """Returns the mean over the contrasts of experiments with several runs on the same images; None without any.

    With groups, it is a share of groups.
    """
    repeated = [
        [results.samples[e.name] for e in pair]
        for pair in contrasts(results)
        if pair[0].test_images is not None
        and pair[0].test_images == pair[1].test_images
        and all(len(e.runs) > 1 for e in pair)
    ]
    shares = [error_of(*pair).images * pair[0].images for pair in repeated]
    return _mean(shares, [1.0] * len(shares)) if shares else None


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return float(np.average(values, weights=weights))


def _points(points: float) -> str:
    return f"{points:.3g} point{'s' * (f'{points:.3g}' != '1')}"
