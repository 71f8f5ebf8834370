"""From the options of `kerasclf search` to the search that they ask for."""

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from kerasclf.commands.parsing import parse_size
from kerasclf.commands.search_options import SearchOptions
from kerasclf.data.default_data import DatasetChoice, default_dataset
from kerasclf.data.keras_sets import KERAS_SETS
from kerasclf.errors import KerasclfError
from kerasclf.log import Log
from kerasclf.runs.experiment import Experiment
from kerasclf.search.budget import Budget, parse_duration
from kerasclf.search.experiment_file import find_experiment
from kerasclf.search.search import ENDING, Search
from kerasclf.search.search_catalogue import SEARCHES, reduce_search
from kerasclf.search.spaces.space import Space
from kerasclf.search.spaces.space_file import read_space
from kerasclf.studies.reduction import QUICK

if TYPE_CHECKING:
    from kerasclf.studies.study import Protocol


def make_search(options: SearchOptions, log: Log) -> Search:
    """Returns the search that the options ask for.

    Args:
        options: Those of the command.
        log: Is told where other images take the place of those that cannot be had.

    Raises:
        KerasclfError: There is no such experiment, or an option cannot be used.
    """
    if not options.experiment:
        raise KerasclfError(
            f"Which experiment? A declared search ({', '.join(SEARCHES)}), STUDY/EXPERIMENT such as "
            "basenet/adam_20, or a file. For example: kerasclf search basenet --quick --max-trials 4"
        )
    given = read_space(options.space) if options.space else None
    search, declared = (_declared if options.experiment in SEARCHES else _of_experiment)(options, given)
    search = _changed(options, search, _data(options, search, log))
    limits = options.limits(options.epochs)
    return reduce_search(search, limits.with_defaults(QUICK) if options.quick else limits, declared)


def make_budget(options: SearchOptions) -> Budget:
    """Returns what the search may cost."""
    seconds = None if options.max_time is None else parse_duration(options.max_time, "--max-time")
    trials = options.max_trials
    if trials is None and options.experiment in SEARCHES and options.oracle not in ENDING:
        trials = SEARCHES[options.experiment].trials
    return Budget(trials, seconds, options.max_failures)


def _declared(options: SearchOptions, space: Space | None) -> tuple[Search, Experiment]:
    """Returns a declared search in the form that is asked for, and the experiment of the whole one."""
    declared = SEARCHES[options.experiment]
    if options.reduced and declared.make_reduced is None:
        raise KerasclfError(
            f"The search {options.experiment} declares no reduced version. Use --train-per-class, --epochs or --image-size."
        )
    whole = declared.make()
    search = declared.make_reduced() if options.reduced and declared.make_reduced else whole
    return replace(search, space=space or search.space, oracle=options.oracle or search.oracle), whole.experiment


def _of_experiment(options: SearchOptions, space: Space | None) -> tuple[Search, Experiment]:
    """Returns a search for the values of any experiment, and that."""
    experiment = find_experiment(options.experiment, cast("Protocol", options.protocol))
    if options.reduced:
        raise KerasclfError(
            "--reduced: only declared searches have a reduced version. Use --train-per-class, --epochs or --image-size."
        )
    if space is None:
        raise KerasclfError(
            'Which values? Give --space FILE.toml, such as:\n["train.learning_rate"]\nfloat = [1e-4, 1e-1]\nlog = true'
        )
    title = f"{experiment.model} on {experiment.data}: {', '.join(space.axes)}"
    return Search(experiment, space, options.oracle or "random", title=title), experiment


def _data(options: SearchOptions, search: Search, log: Log) -> DatasetChoice:
    """Returns the requested data; by default the experiment's own if they are available, otherwise a replacement."""
    if options.data is not None:
        return DatasetChoice(options.data, "")
    own = search.experiment.data
    if own.partition(":")[0] not in KERAS_SETS:
        return DatasetChoice(own, "")
    choice = default_dataset(own)
    if choice.notice:
        log(choice.notice)
    return choice


def _changed(options: SearchOptions, search: Search, data: DatasetChoice) -> Search:
    experiment = search.experiment
    experiment = experiment.but(
        data=data.spec, image_size=parse_size(options.image_size) or data.image_size or experiment.image_size
    )
    if options.weights is not None and experiment.transfer is None:
        raise KerasclfError(f"weights: the experiment trains {experiment.model} from random weights.")
    weights = options.weights or ("none" if options.quick else None)
    if experiment.transfer is not None and weights is not None:
        experiment = experiment.but(transfer=experiment.transfer.but(weights=weights))
    repeats = 1 if options.repeats is None else options.repeats
    if repeats < 1 or options.final_repeats < 0 or options.seed < 0:
        raise KerasclfError(
            "Expected --repeats of at least 1, --final-repeats of at least 0 and --seed of at least 0. Received: "
            f"{repeats}, {options.final_repeats} and {options.seed}."
        )
    return replace(
        search,
        experiment=experiment,
        objective=options.objective,
        seed=options.seed,
        seeds=tuple(range(options.seed, options.seed + repeats)),
        folds=options.folds,
        median=options.median,
        final_seeds=tuple(range(options.seed, options.seed + options.final_repeats)),
    )
