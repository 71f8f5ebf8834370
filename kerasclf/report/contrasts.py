"""The contrasts of a study: the pairs of experiments that it compares. All other pairs get no verdict."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from kerasclf.report.changes import Change, changes_between
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.pairs import Pairs, remaining_pairs
from kerasclf.studies.study import Lesson

Pair = tuple[ExperimentResults, ExperimentResults]

# Settings that change together, as one change, by their first words.
_TOGETHER = {
    "model": "network",
    "model_args": "network",
    "train.optimizer": "optimizer",
    "train.learning_rate": "optimizer",
    "train.momentum": "optimizer",
    "train.nesterov": "optimizer",
    "train.beta_1": "optimizer",
    "train.beta_2": "optimizer",
    "train.early_stopping": "early stopping",
    "train.schedule": "schedule",
    "augmentation": "augmentation",
    "transfer": "transfer",
    "split": "split",
}


def contrasts(results: StudyResults) -> list[Pair]:
    """Returns the pairs (experiment, the one it is compared with) that get a verdict.

    They are those that the study declares in `Study.compare`, or each experiment with a flaw and its corrected one.
    Otherwise they follow from the experiments:

    * two settings with two values each: the effect of each setting at both values of the other;
    * alternatives, each of which changes one thing of the first experiment: each alternative and the first;
    * a ladder, in which each experiment changes one thing of an earlier one: each step;
    * all others: each experiment and the first.

    Experiments without a finished run are left out.
    """
    by_name = {e.name: e for e in results.experiments}
    compare = results.study.get("compare")
    declared = None if compare is None else tuple((one, other) for one, other in compare)
    names = contrast_names({e.name: e.experiment for e in results.experiments}, declared, results.lessons)
    return [(by_name[one], by_name[other]) for one, other in names]


def contrast_names(
    experiments: dict[str, Experiment], compare: Pairs | None = None, lessons: Mapping[str, Lesson] | None = None
) -> Pairs:
    """Returns the pairs of names that get a verdict; see `contrasts`.

    Args:
        experiments: The experiments by name; pairs with others are left out.
        compare: The pairs that the study declares, if any.
        lessons: The lessons by the name of the experiment with the flaw.
    """
    if lessons:
        pairs = tuple((name, lesson.corrected) for name, lesson in lessons.items())
        return tuple(pair for pair in pairs if all(name in experiments for name in pair))
    return usual_contrasts(experiments) if compare is None else remaining_pairs(compare, experiments)


def changes_of(results: StudyResults) -> list[tuple[str, str, list[Change]]]:
    """Returns (experiment, the one it is compared with, changed settings) for each contrast."""
    return [
        (one.name, other.name, changes_between(other.experiment, one.experiment)) for one, other in contrasts(results)
    ]


def usual_contrasts(experiments: dict[str, Experiment]) -> Pairs:
    """Returns the pairs of names that a study of these experiments compares unless it declares others."""
    names = list(experiments)
    if _is_two_by_two(experiments):
        return tuple((one, other) for other, one in combinations(names, 2) if _distance(experiments, one, other) == 1)
    with_first = tuple((name, names[0]) for name in names[1:])
    if all(_distance(experiments, *pair) == 1 for pair in with_first):
        return with_first
    steps = tuple(_nearest(experiments, names[: index + 1]) for index in range(1, len(names)))
    return steps if all(_distance(experiments, *pair) == 1 for pair in steps) else with_first


def changed_things(one: Experiment, other: Experiment) -> set[str]:
    """Returns what differs between two experiments, where settings that belong together count as one thing.

    A new optimizer is one change, with whatever learning rate and momentum it comes.
    """
    things = set()
    for name, _, _ in changes_between(one, other):
        words = name.split(".")
        starts = (".".join(words[:count]) for count in range(len(words), 0, -1))
        things.add(next((_TOGETHER[start] for start in starts if start in _TOGETHER), name))
    return things


def _distance(experiments: dict[str, Experiment], one: str, other: str) -> int:
    return len(changed_things(experiments[one], experiments[other]))


def _nearest(experiments: dict[str, Experiment], names: Sequence[str]) -> tuple[str, str]:
    """Returns the last of the names with the most similar earlier one; the latest wins a tie."""
    *earlier, name = names
    return name, min(reversed(earlier), key=lambda other: _distance(experiments, name, other))


def _is_two_by_two(experiments: dict[str, Experiment]) -> bool:
    """Whether four experiments combine two values of one thing with two values of another."""
    if len(experiments) != 4:
        return False
    things = [changed_things(experiments[a], experiments[b]) for a, b in combinations(experiments, 2)]
    single = [thing for thing in things if len(thing) == 1]
    return len(single) == 4 and len(set.union(*single)) == 2
