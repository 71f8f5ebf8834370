"""Measures what the runs of experiments cost. Experiments that cost the same are measured once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kerasclf.data.data_flaws import flaws_beyond_data
from kerasclf.log import Log
from kerasclf.machine.meter import forget_peak, peak_memory_mb
from kerasclf.machine.resources import usable_cores
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.inputs import package_versions, weights_digest
from kerasclf.runs.planning.cost import RunCost, estimate_cost
from kerasclf.runs.planning.remembered_costs import RememberedCosts
from kerasclf.training import TrainConfig
from kerasclf.training.rehearsal_result import Rehearsal
from kerasclf.wording import counted

if TYPE_CHECKING:
    from kerasclf.data import ImageDataset

# Trains a few steps of an experiment with one phase.
Rehearse = Callable[[Experiment, "ImageDataset"], Rehearsal]
# Fields of `Experiment` that change no step, beyond the number of images in each set.
_IRRELEVANT = ("earlier_phases", "split", "skip_broken", "flaws")
# Fields of `TrainConfig` whose values change the result of a step, not its cost.
_UNCOUNTED = (
    "epochs", "learning_rate", "beta_1", "beta_2", "schedule", "label_smoothing", "focal_gamma", "early_stopping",
)  # fmt: skip
# Those that add operations to a step, as many for one value as for another.
_SWITCHES = ("momentum", "weight_decay", "l2", "clip_norm", "ema_momentum", "logit_adjustment")
# Settings of TensorFlow and XLA that change the pace of all steps.
_VARIABLES = ("TF_DETERMINISTIC_OPS", "TF_XLA_FLAGS", "XLA_FLAGS")


@dataclass(frozen=True)
class MeasuredCosts:
    """The costs of some experiments.

    Args:
        by_name: The cost of one run of each experiment, by name.
        peak_memory_mb: Maximum memory of all measurements, in 10⁶ bytes; None if there are none.
        remembered: Names of the measurements in the memory of costs.
    """

    by_name: dict[str, RunCost] = field(default_factory=dict)
    peak_memory_mb: float | None = None
    remembered: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Group:
    """Phases of experiments that cost the same. The first one is measured."""

    experiment: Experiment
    dataset: "ImageDataset"
    settings: Mapping[str, Any]
    names: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The experiments, for a line of progress."""
        first, others = self.names[0], len(set(self.names)) - 1
        unfreeze = self.experiment.train.unfreeze
        part = "" if unfreeze == "all" else f" ({unfreeze})"
        same = f", and {counted(others, 'experiment')} that cost the same" if others else ""
        return f"{first}{part}{same}"


def measure_costs(
    experiments: Mapping[str, tuple[Experiment, "ImageDataset"]], rehearse: Rehearse, memory: RememberedCosts, log: Log
) -> MeasuredCosts:
    """Returns the costs of experiments: remembered ones, and those that it measures by a few real steps.

    Args:
        experiments: The experiments with their images, by name.
        rehearse: Trains the few steps.
        memory: The costs that earlier plans measured.
        log: Receives a line before each measurement.
    """
    groups: dict[str, _Group] = {}
    keys = dict[str, list[str]]()
    for name, (experiment, dataset) in experiments.items():
        digest = weights_digest(experiment)
        for phase in experiment.phases:
            one_epoch = _with_one_epoch(experiment, phase)
            settings = cost_settings(one_epoch, dataset, digest)
            key = memory.name(settings)
            groups.setdefault(key, _Group(one_epoch, dataset, settings)).names.append(name)
            keys.setdefault(name, []).append(key)
    known = _measure(groups, rehearse, memory, log)
    costs = {
        name: estimate_cost(experiment, [known[key] for key in keys[name]], dataset)
        for name, (experiment, dataset) in experiments.items()
    }
    return MeasuredCosts(costs, max((one.peak_memory_mb for one in known.values()), default=None), tuple(groups))


def cost_settings(experiment: Experiment, dataset: "ImageDataset", weights: str | None) -> dict[str, Any]:
    """Returns the settings that decide what a step costs. They are equal for experiments that cost the same.

    Args:
        experiment: An experiment of one phase.
        dataset: Its images.
        weights: SHA-256 of the file with its pretrained weights; None if there is none.
    """
    plain = {name: value for name, value in experiment.to_dict().items() if name not in _IRRELEVANT}
    train = {name: value for name, value in plain["train"].items() if name not in _UNCOUNTED}
    train |= {name: bool(train[name]) for name in _SWITCHES if name in train}
    # The amount of a change does not matter, but RandAugment makes one change after the other.
    augmentation = {
        name: value if name == "rand_augment_ops" or isinstance(value, str) else bool(value)
        for name, value in plain["augmentation"].items()
    }
    return {
        **plain,
        "train": {**train, "layer_decay": experiment.train.layer_decay < 1},
        "augmentation": augmentation,
        "flaws": flaws_beyond_data(experiment.flaws),
        "images": [len(dataset.train), len(dataset.validation), len(dataset.test)],
        "image_shape": list(dataset.image_shape),
        "classes": dataset.num_classes,
        # Whether activations are cached depends on the images themselves.
        "cached": [weights, dataset.manifest["hash"]] if experiment.transfer else None,
    }


def describe_machine(threads: int | None) -> dict[str, Any]:
    """Returns what decides the pace of this machine. Needs TensorFlow.

    Args:
        threads: CPU threads of each run; None for all.
    """
    import tensorflow as tf

    from kerasclf.training.devices import describe_device

    return {
        "device": describe_device(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "cores": usable_cores(),
        "threads": threads,
        "versions": package_versions(),
        "variables": {name: os.environ.get(name) for name in _VARIABLES},
    }


def _measure(
    groups: Mapping[str, _Group], rehearse: Rehearse, memory: RememberedCosts, log: Log
) -> dict[str, Rehearsal]:
    found = {key: memory.find(group.settings) for key, group in groups.items()}
    known = {key: one for key, one in found.items() if one is not None}
    if known:
        log(f"pace: {len(known)} of {counted(len(groups), 'measurement')} known from earlier plans")
    unknown = {key: group for key, group in groups.items() if key not in known}
    for number, (key, group) in enumerate(unknown.items(), 1):
        log(f"measuring the pace, {number} of {len(unknown)}: {group.label}")
        forget_peak()
        measured = rehearse(group.experiment, group.dataset)
        known[key] = replace(measured, peak_memory_mb=peak_memory_mb())
        memory.keep(group.settings, known[key])
    return known


def _with_one_epoch(experiment: Experiment, phase: TrainConfig) -> Experiment:
    """Returns an experiment with one epoch of one phase."""
    schedule = phase.schedule.but(warmup_epochs=0)
    return experiment.but(train=phase.but(epochs=1, early_stopping=None, schedule=schedule), earlier_phases=())
