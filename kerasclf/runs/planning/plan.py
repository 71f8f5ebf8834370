"""Plans of a study: checks everything that can be wrong, and measures the costs by a few real steps."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kerasclf.data import ImageDataset
from kerasclf.data.specs import check_files
from kerasclf.errors import KerasclfError, Problems
from kerasclf.log import Log
from kerasclf.machine.cluster import launched
from kerasclf.machine.gpus import smallest_memory_mb
from kerasclf.networks.network_source import is_own, is_saved
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.planning.cost import RunCost
from kerasclf.runs.planning.early_checks import warn_of_two_normalizations
from kerasclf.runs.planning.measuring import Rehearse, describe_machine, measure_costs
from kerasclf.runs.planning.plan_data import load_datasets, write_snapshots
from kerasclf.runs.planning.remembered_costs import RememberedCosts
from kerasclf.values import digest_of

if TYPE_CHECKING:
    from kerasclf.training.rehearsal_result import Rehearsal


@dataclass(frozen=True)
class PlanRequest:
    """A request for a plan.

    Args:
        experiments: The experiments, by name.
        measure: Names of the experiments whose cost is measured.
        threads: CPU threads of each run; None for all.
        snapshots: Folder for files of the data sets, which the runs read; None for no files.
        runs: Number of runs, which share the CPU cores; None if it is unknown.
        flawed: Names of the experiments whose flaw is a lesson of their study. The plan does not warn of it.
    """

    experiments: dict[str, Experiment]
    measure: tuple[str, ...] = ()
    threads: int | None = None
    snapshots: str | None = None
    runs: int | None = None
    flawed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""
        return {**vars(self), "experiments": {name: value.to_dict() for name, value in self.experiments.items()}}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "PlanRequest":
        """Makes the request that `to_dict` described."""
        experiments = {name: Experiment.from_dict(value) for name, value in plain["experiments"].items()}
        names = {name: tuple(plain[name]) for name in ("measure", "flawed")}
        return cls(**{**plain, **names, "experiments": experiments})


@dataclass(frozen=True)
class Plan:
    """The checked data and networks of some experiments, and the measured costs.

    Args:
        manifests: The manifest of each data set, by its hash.
        data_of: The hash of the data of each experiment, by name.
        snapshots: Files of the data sets, by their hash.
        gpus: Number of GPUs of the machine.
        gpu_memory_mb: Memory of the smallest GPU, in 2²⁰ bytes; None without a GPU, or if it is unknown.
        networks: A hash of the architecture of each experiment, by name.
        costs: The costs of the measured experiments, by name.
        peak_memory_mb: Maximum memory of all measured experiments, in 10⁶ bytes; None if none was measured.
        remembered: Names of the measurements in the memory of costs (see `RememberedCosts`).
    """

    manifests: dict[str, dict[str, Any]]
    data_of: dict[str, str]
    snapshots: dict[str, str] = field(default_factory=dict)
    gpus: int = 0
    gpu_memory_mb: int | None = None
    networks: dict[str, str] = field(default_factory=dict)
    costs: dict[str, RunCost] = field(default_factory=dict)
    peak_memory_mb: float | None = None
    remembered: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Plan":
        """Makes the plan that `to_dict` described."""
        costs = {name: RunCost.from_dict(value) for name, value in plain["costs"].items()}
        return cls(**{**plain, "costs": costs, "remembered": tuple(plain["remembered"])})


def make_plan(request: PlanRequest, log: Log) -> Plan:
    """Loads the data, builds every network and measures the requested costs. Needs TensorFlow.

    Args:
        request: The experiments, and which of them to measure.
        log: Receives progress messages, one line each.

    Raises:
        KerasclfError: If the data, a network or a setting cannot be used.
    """
    import tensorflow as tf

    from kerasclf.training.devices import check_and_describe
    from kerasclf.training.training_setup import check_shares

    for name, experiment in request.experiments.items():
        _check_settings(name, experiment)
        if name not in request.flawed:
            warn_of_two_normalizations(name, experiment, log)
    for spec in {experiment.data for experiment in request.experiments.values()}:
        check_files(spec)
    for line in check_and_describe([phase for one in request.experiments.values() for phase in one.phases]):
        log(line)
    reading_s = _read_weights(request.experiments.values())
    datasets = load_datasets(request.experiments, log)
    by_hash = {dataset.manifest["hash"]: dataset for dataset in datasets.values()}
    if (workers := launched()) is not None:
        problems = Problems()
        for name, experiment in request.experiments.items():
            try:
                check_shares(datasets[name], experiment.phases, len(workers.addresses))
            except KerasclfError as error:
                problems.add(f"{name}: {error}")
        problems.raise_all("The workers cannot share the images")
    networks = _check_networks({name: (e, datasets[name]) for name, e in request.experiments.items()})
    gpus = tf.config.list_physical_devices("GPU")
    cores = None if gpus else request.threads  # Runs with a GPU use all cores for their images.
    costs = measure_costs(
        {name: (request.experiments[name], datasets[name]) for name in request.measure},
        _rehearsals(reading_s, cores),
        RememberedCosts(describe_machine(cores)),
        log,
    )
    return Plan(
        manifests={digest: dataset.manifest for digest, dataset in by_hash.items()},
        data_of={name: dataset.manifest["hash"] for name, dataset in datasets.items()},
        snapshots=write_snapshots(by_hash, request.snapshots),
        gpus=len(gpus),
        gpu_memory_mb=smallest_memory_mb() if gpus else None,
        networks=networks,
        costs=costs.by_name,
        peak_memory_mb=costs.peak_memory_mb,
        remembered=costs.remembered,
    )


def _check_settings(name: str, experiment: Experiment) -> None:
    """Checks the settings that need no images, before any image is read."""
    from kerasclf.models import BACKBONES, check_arguments

    arguments = dict(experiment.model_args)
    check_arguments(experiment.model, arguments, experiment.model_source)
    _check_raw_pixels(name, experiment)
    if experiment.model in BACKBONES and experiment.transfer is None:
        raise KerasclfError(
            f"{name}: expected a transfer for the pretrained network {experiment.model}, such as "
            "Transfer(weights='imagenet'), a file, or 'none' for random weights. Received: None."
        )
    if arguments.get("classifier_activation", "softmax") != "softmax":
        raise KerasclfError(
            f"{name}: expected classifier_activation 'softmax', as the loss and the report need probabilities. "
            f"Received: {arguments['classifier_activation']!r}."
        )


def _check_raw_pixels(name: str, experiment: Experiment) -> None:
    """Checks that pixels are not normalised twice: by a saved network and before it."""
    from kerasclf.models import takes_raw_pixels

    if is_saved(experiment.model) and experiment.augmentation.normalizes and takes_raw_pixels(experiment.model):
        raise KerasclfError(
            f"{name}: expected an augmentation without normalisation, as {experiment.model} normalises raw pixels "
            "itself. Leave out rescale, preprocessing_function, and the samplewise, featurewise and ZCA fields."
        )


def _read_weights(experiments: Iterable[Experiment]) -> dict[tuple[str, str], float]:
    """Reads all pretrained weights once, before any image is read, and returns the seconds by network and source."""
    from kerasclf.models import find_pretrained
    from kerasclf.transfer.compute_engines import choose_engine

    seconds: dict[tuple[str, str], float] = {}
    for experiment in experiments:
        if experiment.transfer is not None:
            choose_engine(experiment.transfer.engine)
            source = experiment.model, experiment.transfer.weights
            if source not in seconds:
                began = time.perf_counter()
                find_pretrained(*source)
                seconds[source] = time.perf_counter() - began
    return seconds


def _check_networks(experiments: dict[str, tuple[Experiment, ImageDataset]]) -> dict[str, str]:
    """Builds every network once for its images, and finds the cuts of its phases.

    Returns:
        A hash of each architecture, by the experiment's name.
    """
    import keras

    from kerasclf.models.explaining.architecture import architecture
    from kerasclf.pipeline.normalization_statistics import check_normalization
    from kerasclf.training.training_flaws import check_statistics
    from kerasclf.transfer.cuts import Cuts

    built: dict[tuple[Any, ...], tuple[Cuts, str]] = {}
    found = {}
    for name, (experiment, dataset) in experiments.items():
        if dataset.is_table and (experiment.augmentation.is_random or experiment.transfer is not None):
            raise KerasclfError(
                f"{name}: expected no random augmentation and no transfer on {dataset.title}, which is a table."
            )
        check_normalization(experiment.augmentation, dataset.image_shape)
        weights = experiment.transfer and experiment.transfer.weights
        source = experiment.model, experiment.model_source, experiment.model_args, weights
        network = *source, dataset.image_shape, dataset.num_classes
        if network not in built:
            if is_own(experiment.model):  # Keras numbers unnamed layers anew, as for the run
                keras.backend.clear_session(free_memory=False)
            model = experiment.network(dataset.image_shape, dataset.num_classes)
            built[network] = Cuts(model), digest_of(architecture(model))
        cuts, found[name] = built[network]
        if "batch_norm_learns" in experiment.flaws:
            check_statistics(cuts.network, pretrained=weights != "none")
        for phase in experiment.phases:
            cuts.first_trainable(phase.unfreeze)
    return found


def _rehearsals(reading_s: dict[tuple[str, str], float], cores: int | None) -> Rehearse:
    """Returns a function that rehearses experiments. Those with the same frozen part share its activations.

    Args:
        reading_s: Seconds to read pretrained weights, by network and source. Each run reads them, a rehearsal does not.
        cores: Number of CPU cores to use; None for all.
    """
    import keras

    from kerasclf.training.rehearsal import rehearse
    from kerasclf.transfer.samples import Samples

    samples = Samples()

    def rehearse_one(experiment: Experiment, dataset: ImageDataset) -> "Rehearsal":
        keras.backend.clear_session()
        measured = rehearse(dataset, experiment.recipe(seed=0), samples, cores)
        before_s = reading_s[experiment.model, experiment.transfer.weights] if experiment.transfer else 0.0
        return replace(measured, loading_s=before_s + measured.loading_s)

    return rehearse_one
