"""Makes a search and its budget from the options of `kerasclf search`."""

from dataclasses import replace
from functools import partial

from kerasclf.commands.options.parsing import parse_size
from kerasclf.commands.options.search_options import SearchOptions
from kerasclf.data.default_data import default_dataset
from kerasclf.data.published.keras_sets import KERAS_SETS
from kerasclf.errors import KerasclfError, Problems, raise_all
from kerasclf.log import Log
from kerasclf.networks.network_checks import name_problems, weights_file
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.planning.early_checks import check_early
from kerasclf.search.experiment_file import find_experiment
from kerasclf.search.search import FINITE, FIRST_FINAL_SEED, Search
from kerasclf.search.search_budget import Budget, parse_duration
from kerasclf.search.search_catalogue import SEARCHES, reduce_search
from kerasclf.search.spaces.space import Space
from kerasclf.search.spaces.space_file import read_space
from kerasclf.studies.reduction import QUICK, Reduction
from kerasclf.studies.study import Protocol


def check_options(options: SearchOptions) -> tuple[Search, Budget]:
    """Returns the search on the experiment's own data or those of --data, and its budget, after all quick checks.

    Args:
        options: The options of the command.

    Raises:
        KerasclfError: If something cannot be used; the message lists all problems.
    """
    problems, search, budget = options.check_shared(options.data, options.protocol), None, None
    for check in (options.check_roles, partial(check_counts, options)):
        with problems.collect():
            check()
    with problems.collect():
        budget = make_budget(options)
    with problems.collect():
        search = make_search(options)
        search.check()
        check_early({options.experiment: search.experiment})
    if search is not None and budget is not None:  # otherwise a wrong --max-time would count as none
        for problem in budget.problems(finite=search.oracle in FINITE):
            problems.add(problem)
    problems.raise_all("kerasclf search cannot run")
    assert search is not None and budget is not None
    return search, budget


def choose_data(options: SearchOptions, search: Search, log: Log) -> Search:
    """Returns a search on a replacement of its data set if the user names none and its own is not available.

    Args:
        options: The options of the command.
        search: The search on its own data.
        log: Receives a message if a replacement takes the place of an unavailable data set.
    """
    own = search.experiment.data
    if options.data is not None or own.partition(":")[0] not in KERAS_SETS:
        return search
    choice = default_dataset(own)
    if choice.notice:
        log(choice.notice)
    size = parse_size(options.image_size) or choice.image_size or search.experiment.image_size
    return replace(search, experiment=search.experiment.but(data=choice.spec, image_size=size))


def make_search(options: SearchOptions) -> Search:
    """Returns the search that the options describe, on the experiment's own data or those of --data.

    Args:
        options: The options of the command.

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
    search = _with_options(options, search)
    limits = options.limits(options.epochs)
    return reduce_search(search, limits.with_defaults(_quick_limits(search)) if quick else limits, declared)


def _quick_limits(search: Search) -> Reduction:
    """Returns the limits of the quick size. ResNet50 takes minutes on a CPU, so a random one gives way to ResNet18."""
    transfer = search.experiment.transfer
    random = transfer is not None and transfer.weights == "none"
    return QUICK.but(models={"resnet50": "resnet18"}, train_per_class=20) if random else QUICK


def check_counts(options: SearchOptions) -> None:
    """Checks the numbers of runs.

    Raises:
        KerasclfError: If one of them is too small; the message lists all problems.
    """
    problems = Problems()
    for flag, value, least in (
        ("--repeats", options.repeats, 1),
        ("--final-repeats", options.final_repeats, 0),
        ("--seed", options.seed, 0),
    ):
        if value is not None and value < least:
            problems.add(f"{flag}: expected at least {least}. Received: {value}.")
    problems.raise_all("kerasclf search cannot run")


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
    if options.experiment in SEARCHES and options.protocol == "published":
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
    experiment = full.experiment
    if options.backbone is not None:
        search = replace(search, experiment=_on_backbone(search.experiment, options.backbone))
        search = _replacing(search, experiment)
        experiment = experiment.but(model=options.backbone)
    oracle = search.oracle if options.oracle is None else options.oracle
    return replace(search, space=search.space if space is None else space, oracle=oracle), experiment


def _replacing(search: Search, own: Experiment) -> Search:
    """Returns a search that names the pretrained network of an experiment, if it trains another one."""
    return search if search.experiment.model == own.model else replace(search, own_backbone=own.model)


def _on_backbone(experiment: Experiment, backbone: str) -> Experiment:
    """Returns the experiment of a declared search with another pretrained network.

    Raises:
        KerasclfError: If it has none, or there is no such network.
    """
    if experiment.transfer is None:
        raise KerasclfError(f"--backbone: the search trains {experiment.model}, which is not pretrained.")
    raise_all("--backbone", name_problems(backbone))
    return experiment.but(model=backbone)


def _make_from_experiment(options: SearchOptions, space: Space | None) -> tuple[Search, Experiment]:
    """Returns a search over any experiment, and this experiment."""
    protocol: Protocol = "published" if options.protocol == "published" else "sound"
    backbones = () if options.backbone is None else (options.backbone,)
    experiment = find_experiment(options.experiment, protocol, backbones)
    if options.reduced:
        raise KerasclfError(
            "--reduced: only declared searches have a reduced version. Use --train-per-class, --epochs or --image-size."
        )
    if space is None:
        raise KerasclfError(
            'Expected a search space. Give --space FILE.toml, such as:\n["train.learning_rate"]\nfloat = [1e-4, 1e-1]\n'
            "log = true"
        )
    title = f"{experiment.model} on {options.data or experiment.data}: {', '.join(space.axes)}"
    oracle = "random" if options.oracle is None else options.oracle
    search = Search(experiment, space, oracle, title=title)
    return _replacing(search, find_experiment(options.experiment, protocol)) if backbones else search, experiment


def _with_options(options: SearchOptions, search: Search) -> Search:
    # check_counts refuses numbers below these.
    repeats, final_repeats, seed = max(1, options.repeats or 1), max(0, options.final_repeats), max(0, options.seed)
    first_final = FIRST_FINAL_SEED + seed
    return replace(
        search,
        experiment=_change_experiment(options, search.experiment),
        objective=options.objective,
        seed=seed,
        seeds=tuple(range(seed, seed + repeats)),
        folds=options.folds,
        median=options.median,
        final_seeds=tuple(range(first_final, first_final + final_repeats)),
    )


def _change_experiment(options: SearchOptions, experiment: Experiment) -> Experiment:
    image_size = parse_size(options.image_size) or experiment.image_size
    experiment = experiment.but(data=options.data or experiment.data, image_size=image_size)
    experiment = experiment.reading(options.group_by, options.skip_broken, options.fit)
    experiment = experiment.with_training(options.training_changes())
    if experiment.transfer is None:
        if options.weights is not None:
            raise KerasclfError(f"--weights: the experiment trains {experiment.model} from random weights.")
        return experiment
    weights = "none" if options.weights is None and options.quick else options.weights
    if weights is None:
        return experiment
    return experiment.but(transfer=experiment.transfer.but(weights=weights_file(experiment.model, weights)))
