"""`StudyOptions`: the changes that a user can make to a declared study, and the functions that apply them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.specs import complete_spec
from kerasclf.errors import KerasclfError, in_short, raise_all, unknown
from kerasclf.networks.network_checks import name_problems, weights_file
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.pairs import remaining_pairs, rename_pairs
from kerasclf.studies.reduction import QUICK, Reduction, describe_reduction
from kerasclf.studies.study import SIZES, Size, Study
from kerasclf.training.config import STRATEGIES
from kerasclf.values import Value
from kerasclf.wording import in_words


def looks_of(least: int, most: int) -> tuple[int, ...]:
    """Returns the numbers of runs after which a study looks at its results: least, the middle on a log scale, most.

    Example:
        >>> from kerasclf.studies.study_options import looks_of
        >>> looks_of(3, 10)
        (3, 5, 10)
    """
    return tuple(sorted({least, round(math.sqrt(least * most)), most}))


def repeats_problems(repeats: int | tuple[int, int]) -> list[str]:
    """Returns what is wrong with a number of runs, or with the least and the largest number."""
    if isinstance(repeats, tuple):
        least, most = repeats
        if 2 <= least < most:
            return []
        return [f"repeats: expected at least 2 runs at first, and more at most. Received: {least} to {most}."]
    return [] if repeats >= 1 else [f"repeats: expected at least 1. Received: {repeats}."]


def splits_problems(splits: int | None, repeats: int | tuple[int, int] | None) -> list[str]:
    """Returns what is wrong with a number of splits, for a number of runs on each."""
    if splits is None or splits == 1:
        return []
    if splits < 1:
        return [f"splits: expected at least 1. Received: {splits}."]
    if isinstance(repeats, tuple):
        least, most = repeats
        return [f"repeats: expected one number of runs with `splits`. Received: {least} to {most}."]
    return []


def repeat(study: Study, repeats: int | tuple[int, int], seed: int | None = None, splits: int | None = None) -> Study:
    """Returns a study with another number of runs of each experiment.

    Args:
        study: The study.
        repeats: The number of runs on each split. `(3, 10)` stops as soon as every comparison is decided, after 3, 5 or
            10 runs.
        seed: Seed of the first run, from which the others count up; None takes the study's first.
        splits: Number of splits of the images; None takes the study's.

    Raises:
        KerasclfError: If there are no such numbers of runs or splits.

    Example:
        >>> from kerasclf.studies import declare
        >>> from kerasclf.studies.study_options import repeat
        >>> repeat(declare("basenet"), 2, splits=3).seeds
        (0, 1, 2, 3, 4, 5)
    """
    splits = study.splits if splits is None else splits
    problems = repeats_problems(repeats) + splits_problems(splits, repeats)
    raise_all(f"Study {in_short(study.name)} cannot be repeated", problems)
    first, looks = study.seeds[0] if seed is None else seed, looks_of(*repeats) if isinstance(repeats, tuple) else ()
    most = repeats[1] if isinstance(repeats, tuple) else splits * repeats
    return replace(study, seeds=tuple(range(first, first + most)), looks=looks, splits=splits)


@dataclass(frozen=True)
class StudyOptions(Value):
    """The changes that a user can make to a declared study.

    Args:
        data: The spec of a data set that replaces the study's own; None keeps it.
        repeats: Runs of each experiment on each split; None takes the study's own number, or 1 for the quick size.
            `(3, 10)` stops as soon as every comparison is decided, after 3, 5 or 10 runs (see `looks_of`).
        splits: Number of splits of the images; None takes the study's own number, usually 1 (see `Study`).
        seed: Seed of the first run; the others count up from it.
        size: `"full"`, `"reduced"` (the study's version for a CPU) or `"quick"` (seconds; its metrics mean nothing).
        limits: Limits that take precedence over those of the size.
        weights: Source of pretrained weights: `"imagenet"`, `"none"`, a file, or a folder with a file for each network
            that is named after it; None keeps the study's own.
        cache: Whether the activations of frozen layers are cached, see `Transfer`.
        group: Pattern that finds the group of each image file in its name (see `Split`); None keeps the study's own.
        skip_broken: Whether to leave out image files that cannot be read.
        fit: How an image fills the size of the images (see `Experiment`); None keeps the study's own.
        backbones: Pretrained networks that replace those of a declared study (see `declare`); empty keeps them.
        strategy: The devices of each training, see `TrainConfig`; None keeps the study's own.
        training: Settings of `TrainConfig` that replace the study's own in every phase, as pairs of name and value. The
            published figures are left out then.
    """

    data: str | None = None
    repeats: int | tuple[int, int] | None = None
    seed: int = 0
    size: Size = "full"
    limits: Reduction = field(default_factory=Reduction)
    weights: str | None = None
    cache: Literal["auto", "off"] = "auto"
    splits: int | None = None
    backbones: tuple[str, ...] = ()
    group: str | None = None
    skip_broken: bool = False
    strategy: str | None = None
    fit: Fit | None = None
    training: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.data, str) and self.data:
            object.__setattr__(self, "data", complete_spec(self.data))
        super().__post_init__()

    def problems(self) -> list[str]:
        found = []
        if self.data == "":
            found.append("data: expected the spec of a data set. Received: an empty text.")
        if self.repeats is not None:
            found += repeats_problems(self.repeats)
        found += splits_problems(self.splits, self.repeats)
        if self.strategy is not None and self.strategy not in STRATEGIES:
            found.append(unknown("strategy", self.strategy, STRATEGIES))
        if self.seed < 0:
            found.append(f"seed: expected at least 0. Received: {self.seed}.")
        found += [problem for name in self.backbones for problem in name_problems(name)]
        if len(set(self.backbones)) < len(self.backbones):
            found.append(f"backbones: expected each network once. Received: {', '.join(self.backbones)}.")
        if self.limits.epochs is not None and self.limits.epochs < 1:
            found.append(f"epochs: expected at least 1. Received: {self.limits.epochs}.")
        return found


def apply_options(study: Study, options: StudyOptions) -> Study:
    """Returns a study with a user's changes.

    Args:
        study: The declared study.
        options: The changes.

    Raises:
        KerasclfError: If the study does not allow one of the changes.
    """
    trained = _with_training(_with_sources(study, options), options)
    return _with_weights_files(reduce_study(trained, options))


def reduce_study(study: Study, options: StudyOptions) -> Study:
    """Returns a study with the repeats, the size and the limits of the options. Its data and weights stay.

    Args:
        study: The study.
        options: The changes.

    Raises:
        KerasclfError: If the study declares no reduced size, or a limit leaves nothing.
    """
    limits = _limits(study, options)
    declared = study.only(limits.only)
    reduced = {name: limits.apply(experiment) for name, experiment in declared.items()}
    if options.strategy is not None:
        reduced = {name: e.with_training({"strategy": options.strategy}) for name, e in reduced.items()}
    phrases = [line for name, experiment in declared.items() for line in describe_reduction(experiment, reduced[name])]
    phrases += _made_alike(declared, reduced)
    # An experiment that is named after its network takes the name of the replacement.
    names = dict(limits.models)
    return replace(
        _repeated(study, options),
        experiments={names.get(name, name): experiment for name, experiment in reduced.items()},
        published={names.get(name, name): figures for name, figures in study.published.items() if name in reduced},
        lessons={
            name: lesson
            for name, lesson in study.lessons.items()
            if lesson.corrected in reduced and (lesson.is_of_report or name in reduced)
        },
        compare=None if study.compare is None else rename_pairs(remaining_pairs(study.compare, reduced), names),
        size=options.size,
        reductions=tuple(dict.fromkeys(phrases)),
    )


def _made_alike(declared: Mapping[str, Experiment], reduced: Mapping[str, Experiment]) -> list[str]:
    """Returns a phrase for each group of different experiments that the reduction makes equal."""
    groups: dict[Experiment, list[str]] = {}
    for name, experiment in reduced.items():
        groups.setdefault(experiment, []).append(name)
    return [
        f"no difference between {in_words(names)}"
        for names in groups.values()
        if len({declared[name] for name in names}) > 1
    ]


def _limits(study: Study, options: StudyOptions) -> Reduction:
    assert options.size in SIZES
    if options.size == "quick":
        return options.limits.with_defaults(study.quick_reduction or QUICK)
    if options.size == "full":
        return options.limits
    if study.cpu_reduction is None:
        raise KerasclfError(
            f"size: the study {study.name} declares no reduced version. Limit train_per_class, epochs or image_size."
        )
    return options.limits.with_defaults(study.cpu_reduction)


def _repeated(study: Study, options: StudyOptions) -> Study:
    splits = study.splits if options.splits is None else options.splits
    if options.repeats is not None:
        return repeat(study, options.repeats, options.seed, splits)
    own = len(study.seeds) // study.splits
    usual = repeat(study, 1 if options.size == "quick" else own, options.seed, splits)
    return usual if options.size == "quick" or splits > 1 else replace(usual, looks=study.looks)


def _with_sources(study: Study, options: StudyOptions) -> Study:
    """Returns a study on other data, or with other pretrained weights."""
    weights = options.weights
    if weights is not None:
        _check_pretrained(study)
    elif options.size == "quick":
        weights = "none"
    data = None if options.data == study.published_data else options.data

    def adapt(experiment: Experiment) -> Experiment:
        changed = experiment
        if data is not None:
            # The study's own limits apply only to its own data.
            split = experiment.split.but(train_per_class=None, test_per_class=None)
            changed = changed.but(data=data, split=split)
        changed = changed.reading(options.group, options.skip_broken, options.fit)
        if experiment.transfer is None:
            return changed
        source = experiment.transfer.weights if weights is None else weights
        return changed.but(transfer=experiment.transfer.but(weights=source, cache=options.cache))

    return replace(study, experiments={name: adapt(experiment) for name, experiment in study.experiments.items()})


def _with_training(study: Study, options: StudyOptions) -> Study:
    """Returns a study with other training settings, which no published figure can be compared with."""
    changes = dict(options.training)
    if not changes:
        return study
    if study.protocol == "published":
        name, _ = options.training[0]
        raise KerasclfError(f"{name}: expected the sound protocol with it, as the published one fixes the training.")
    experiments = {name: experiment.with_training(changes) for name, experiment in study.experiments.items()}
    note = f"Every experiment trains with {in_words([f'{name}={value!r}' for name, value in changes.items()])}."
    return replace(study, experiments=experiments, published={}, notes=(*study.notes, note))


def _with_weights_files(study: Study) -> Study:
    """Returns a study whose networks have files as weights, where the weights are a folder.

    Its experiments are those with these files as `weights`. So their runs and cached activations are the same, too.
    """

    def found(experiment: Experiment) -> Experiment:
        if experiment.transfer is None:
            return experiment
        weights = weights_file(experiment.model, experiment.transfer.weights)
        return experiment.but(transfer=experiment.transfer.but(weights=weights))

    return replace(study, experiments={name: found(experiment) for name, experiment in study.experiments.items()})


def _check_pretrained(study: Study) -> None:
    if all(experiment.transfer is None for experiment in study.experiments.values()):
        model = next(iter(study.experiments.values())).model
        raise KerasclfError(f"weights: the study trains {model}, which has no pretrained weights.")
