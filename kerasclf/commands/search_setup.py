"""Makes a search and its budget from the options of `kerasclf search`."""

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from kerasclf.commands.parsing import parse_size
from kerasclf.commands.search_options import SearchOptions
from kerasclf.data.default_data import DatasetChoice, default_dataset
from kerasclf.data.keras_sets import KERAS_SETS
from kerasclf.errors import KerasclfError, unknown
from kerasclf.log import Log
from kerasclf.runs.experiment import Experiment
from kerasclf.search.budget import Budget, parse_duration
from kerasclf.search.experiment_file import find_experiment
from kerasclf.search.search import FINITE, Search
from kerasclf.search.search_catalogue import SEARCHES, reduce_search
from kerasclf.search.spaces.space import Space
from kerasclf.search.spaces.space_file import read_space
from kerasclf.studies.reduction import QUICK
from kerasclf.studies.study import PROTOCOLS

if TYPE_CHECKING:
    from kerasclf.studies.study import Protocol


def make_search(options: SearchOptions, log: Log) -> Search:
    """Returns the search that the options describe.

    Args:
        options: The options of the command.
        log: Receives a message if a replacement takes the place of an unavailable data set.

    Raises:
        KerasclfError: If there is no such experiment, or an option cannot be used.
    """
    if not options.experiment:
        raise KerasclfError(
            f"Expected an experiment: a declared search ({', '.join(SEARCHES)}), STUDY/EXPERIMENT such as "
            "basenet/adam_20, or a file. Received none. Try: kerasclf search basenet --quick --max-trials 4"
        )
    _check_protocol(options)
    quick = options.size(reduced=options.reduced) == "quick"
    space = None if options.space is None else read_space(options.space)
    make = _make_declared if options.experiment in SEARCHES else _make_from_experiment
    search, declared = make(options, space)
    search = _with_options(options, search, _data(options, search, log))
    limits = options.limits(options.epochs)
    return reduce_search(search, limits.with_defaults(QUICK) if quick else limits, declared)


def make_budget(options: SearchOptions) -> Budget:
    """Returns the limits of the search.

    Raises:
        KerasclfError: If --max-time is no duration.
    """
    seconds = None if options.max_time is None else parse_duration(options.max_time, "--max-time")
    trials = options.max_trials
    if trials is None and options.experiment in SEARCHES and options.oracle not in FINITE:
        trials = SEARCHES[options.experiment].trials
    return Budget(trials, seconds, options.max_failures)


def _check_protocol(options: SearchOptions) -> None:
    if options.protocol not in PROTOCOLS:
        raise KerasclfError(unknown("protocol", options.protocol, PROTOCOLS))
    if options.experiment in SEARCHES and options.protocol != "sound":
        raise KerasclfError(
            f"--protocol is for STUDY/EXPERIMENT. The declared search {options.experiment} has the sound protocol."
        )


def _make_declared(options: SearchOptions, space: Space | None) -> tuple[Search, Experiment]:
    """Returns a declared search, reduced if requested, and the experiment of the full one."""
    declared = SEARCHES[options.experiment]
    if options.reduced and declared.make_reduced is None:
        raise KerasclfError(
            f"The search {options.experiment} declares no reduced version. Use --train-per-class, --epochs or "
            "--image-size."
        )
    full = declared.make()
    search = declared.make_reduced() if options.reduced and declared.make_reduced else full
    oracle = search.oracle if options.oracle is None else options.oracle
    return replace(search, space=search.space if space is None else space, oracle=oracle), full.experiment


def _make_from_experiment(options: SearchOptions, space: Space | None) -> tuple[Search, Experiment]:
    """Returns a search over any experiment, and this experiment."""
    experiment = find_experiment(options.experiment, cast("Protocol", options.protocol))
    if options.reduced:
        raise KerasclfError(
            "--reduced: only declared searches have a reduced version. Use --train-per-class, --epochs or --image-size."
        )
    if space is None:
        raise KerasclfError(
            'Expected a search space. Give --space FILE.toml, such as:\n["train.learning_rate"]\nfloat = [1e-4, 1e-1]\n'
            "log = true"
        )
    title = f"{experiment.model} on {experiment.data}: {', '.join(space.axes)}"
    oracle = "random" if options.oracle is None else options.oracle
    return Search(experiment, space, oracle, title=title), experiment


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


def _with_options(options: SearchOptions, search: Search, data: DatasetChoice) -> Search:
    repeats = 1 if options.repeats is None else options.repeats
    if repeats < 1 or options.final_repeats < 0 or options.seed < 0:
        raise KerasclfError(
            "Expected --repeats of at least 1, --final-repeats of at least 0 and --seed of at least 0. Received: "
            f"{repeats}, {options.final_repeats} and {options.seed}."
        )
    return replace(
        search,
        experiment=_change_experiment(options, search.experiment, data),
        objective=options.objective,
        seed=options.seed,
        seeds=tuple(range(options.seed, options.seed + repeats)),
        folds=options.folds,
        median=options.median,
        final_seeds=tuple(range(options.seed, options.seed + options.final_repeats)),
    )


def _change_experiment(options: SearchOptions, experiment: Experiment, data: DatasetChoice) -> Experiment:
    image_size = parse_size(options.image_size) or data.image_size or experiment.image_size
    experiment = experiment.but(data=data.spec, image_size=image_size)
    if experiment.transfer is None:
        if options.weights is not None:
            raise KerasclfError(f"--weights: the experiment trains {experiment.model} from random weights.")
        return experiment
    weights = "none" if options.weights is None and options.quick else options.weights
    return experiment if weights is None else experiment.but(transfer=experiment.transfer.but(weights=weights))
