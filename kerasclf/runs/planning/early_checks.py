"""Checks of experiments that need neither images nor TensorFlow, which takes seconds to start."""

from collections.abc import Mapping

from kerasclf.data.specs import form_of
from kerasclf.errors import Problems
from kerasclf.files.cache_folders import check_activations_folder, image_cache_bytes
from kerasclf.log import Log
from kerasclf.machine.cluster import launched
from kerasclf.networks.network_checks import (
    argument_problems,
    normalizes_itself,
    size_problems,
    unfreeze_problems,
    weights_problems,
)
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.launch.together import check_strategy


def check_early(experiments: Mapping[str, Experiment]) -> None:
    """Checks the networks, weights, trained parts, image sizes and caches of experiments. It does not look for images.

    Args:
        experiments: The experiments by name.

    Raises:
        KerasclfError: If something cannot be used; the message lists all problems.
    """
    problems = Problems()
    for experiment in dict.fromkeys(experiments.values()):
        for problem in _network_problems(experiment) + _fit_problems(experiment) + _views_problems(experiment):
            problems.add(problem)
        with problems.collect():
            check_workers(experiment)
        for check in (_check_image_cache, _check_activation_cache):
            with problems.collect():
                check(experiment)
    problems.raise_all("The experiments cannot run")


def check_workers(experiment: Experiment) -> None:
    """Checks that an experiment can be trained by the workers of `kerasclf launch`, or by this process without them.

    Args:
        experiment: The experiment.

    Raises:
        KerasclfError: If it cannot.
    """
    workers, problems = launched(), Problems()
    with problems.collect():
        check_strategy(experiment.train.strategy, workers)
    smallest = min(phase.batch_size for phase in experiment.phases)
    if workers is not None and smallest < len(workers.addresses):
        problems.add(
            f"batch_size: expected at least one image for each of {len(workers.addresses)} workers. Received: "
            f"{smallest}. Choose a larger batch size or fewer workers."
        )
    problems.raise_all("The workers cannot train")


def warn_of_two_normalizations(name: str, experiment: Experiment, log: Log) -> None:
    """Says that pixels are normalised twice. This is no error: an experiment may measure the effect.

    Args:
        name: Name of the experiment.
        experiment: The experiment.
        log: Receives the message, if there is one.
    """
    if experiment.augmentation.normalizes and normalizes_itself(experiment.model, dict(experiment.model_args)):
        log(
            f"{name}: the augmentation normalises pixels, and {experiment.model} normalises them again. Leave out "
            "rescale, preprocessing_function, and the samplewise, featurewise and ZCA fields."
        )


def _network_problems(experiment: Experiment) -> list[str]:
    problems = argument_problems(experiment.model, dict(experiment.model_args))
    if experiment.transfer is not None:
        problems += weights_problems(experiment.model, experiment.transfer.weights)
    for phase in experiment.phases:
        problems += unfreeze_problems(experiment.model, dict(experiment.model_args), phase.unfreeze)
    return problems


def _views_problems(experiment: Experiment) -> list[str]:
    """Returns why an experiment would ignore its views. Finished runs that ignored theirs can still be read."""
    transfer = experiment.transfer
    if transfer is None or not transfer.views:
        return []
    if transfer.cache == "off":
        return [f"transfer.views: expected 0 without a cache, which holds the views. Received: {transfer.views}."]
    if all(phase.unfreeze == "all" for phase in experiment.phases):
        return [
            "transfer.views: expected a phase that freezes layers, whose activations are cached. Received: "
            f"{transfer.views} views, and no frozen layer."
        ]
    return []


def _check_activation_cache(experiment: Experiment) -> None:
    """Checks the folder of cached activations, if a phase trains on them."""
    transfer = experiment.transfer
    if transfer is None or transfer.cache == "off" or "batch_norm_learns" in experiment.flaws:
        return
    changing = experiment.augmentation.is_random and not transfer.views
    if not changing and any(phase.unfreeze != "all" for phase in experiment.phases):
        check_activations_folder()


def _check_image_cache(experiment: Experiment) -> None:
    """Checks the limit of prepared images, if an experiment reads images from files."""
    form = form_of(experiment.data)
    if form is not None and form.list_files is not None:
        image_cache_bytes()


def _fit_problems(experiment: Experiment) -> list[str]:
    """Returns the reasons why a network does not fit the data."""
    form = form_of(experiment.data)
    if form is None:
        return []
    if form.is_table:
        return _table_problems(experiment)
    size = experiment.image_size or form.size
    return size_problems(experiment.model, dict(experiment.model_args), size)


def _table_problems(experiment: Experiment) -> list[str]:
    data, model = experiment.data.partition(":")[0], experiment.model
    if experiment.transfer is not None:
        return [
            f"data: {model} is a network for images. Received: {data}, a table of numbers. Give images, such as "
            "folder:PATH with PATH/CLASS/image.jpg."
        ]
    problems = size_problems(model, dict(experiment.model_args), (1, 1))
    found = [f"data: {model} is a network for images. Received: {data}, a table of numbers."] if problems else []
    if experiment.image_size is not None:
        found.append(f"image_size: expected None for {data}, a table. Received: {experiment.image_size}.")
    if experiment.fit != "squash":
        found.append(f"fit: expected 'squash' for {data}, a table. Received: {experiment.fit!r}.")
    return found
