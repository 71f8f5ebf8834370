"""`Reduction`: the limits of a smaller version of a study, and their description."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.runs.experiment import Experiment
from kerasclf.training import TrainConfig
from kerasclf.values import Value
from kerasclf.wording import counted


@dataclass(frozen=True)
class Reduction(Value):
    """The limits of a smaller version of a study. A field that is None or empty changes nothing.

    Args:
        train_per_class: Maximum number of images per class for training and validation together.
        test_per_class: Maximum number of test images per class.
        epochs: Maximum number of epochs in each phase.
        image_size: Height and width of the images.
        only: Names of the experiments that remain; all if empty.
        models: Pairs of a network and its replacement, or a mapping.
        model_args: Further arguments for every network, as pairs or a mapping.
        rate_factor: Multiplies every learning rate, and the final rate of every schedule.
        frozen: Whether only the head of pretrained networks trains, on features that are computed once per image. A
            random flip gives two versions of each image. Without a cache, features are computed in every step.
    """

    train_per_class: int | None = None
    test_per_class: int | None = None
    epochs: int | None = None
    image_size: tuple[int, int] | None = None
    only: tuple[str, ...] = ()
    models: tuple[tuple[str, str], ...] | Mapping[str, str] = ()
    model_args: tuple[tuple[str, Any], ...] | Mapping[str, Any] = ()
    rate_factor: float | None = None
    frozen: bool | None = None

    def __post_init__(self) -> None:
        for name in ("models", "model_args"):
            if isinstance(getattr(self, name), Mapping):
                object.__setattr__(self, name, tuple(getattr(self, name).items()))
        super().__post_init__()

    def with_defaults(self, defaults: "Reduction") -> "Reduction":
        """Returns this reduction, with the fields of another one where its own are None or empty."""
        own = {name: value for name, value in vars(self).items() if value not in (None, ())}
        return defaults.but(**own)

    def apply(self, experiment: Experiment) -> Experiment:
        """Returns the reduced experiment.

        Raises:
            KerasclfError: If no epoch is left, or `rate_factor` meets a learning rate that is not stated.
        """
        limits = {"train_per_class": self.train_per_class, "test_per_class": self.test_per_class}
        # A limit of the declaration stays if the reduction sets none.
        split = experiment.split.but(**{name: limit for name, limit in limits.items() if limit is not None})
        changed = experiment.but(
            split=split,
            image_size=experiment.image_size if self.image_size is None else self.image_size,
            model=dict(self.models).get(experiment.model, experiment.model),
            model_args={**dict(experiment.model_args), **dict(self.model_args)},
        )
        if self.frozen and experiment.transfer is not None:
            changed = _frozen(changed)
        if self.rate_factor is not None:
            changed = _with_rates(changed, self.rate_factor)
        return changed if self.epochs is None else _with_epochs(changed, self.epochs)


# The quick version of a study that declares none of its own.
QUICK = Reduction(train_per_class=40, test_per_class=10, epochs=2)


def describe_reduction(declared: Experiment, reduced: Experiment) -> list[str]:
    """Returns phrases that say what was reduced: images, epochs, learning rates, image size, network.

    Args:
        declared: The declared experiment.
        reduced: The same experiment with its limits.
    """
    found = []
    for use, name in (("training and validation", "train_per_class"), ("test", "test_per_class")):
        limit = getattr(reduced.split, name)
        if limit != getattr(declared.split, name):
            found.append(f"at most {counted(limit, f'{use} image')} per class")
    if reduced.epochs < declared.epochs:
        found.append(f"{counted(reduced.epochs, 'epoch')} instead of {declared.epochs}")
    rate, usual = reduced.train.learning_rate, declared.train.learning_rate
    if rate is not None and usual is not None and rate != usual:
        found.append(f"learning rates times {rate / usual:.3g}")
    sizes = reduced.image_size, declared.image_size
    if sizes[0] is not None and sizes[1] is not None and math.prod(sizes[0]) < math.prod(sizes[1]):
        found.append("images of {}×{} instead of {}×{}".format(*sizes[0], *sizes[1]))
    if reduced.model != declared.model:
        found.append(f"{reduced.model} instead of {declared.model}")
    before, after = dict(declared.model_args), dict(reduced.model_args)
    found += [f"{name} {after[name]}" for name in sorted(after) if after[name] != before.get(name)]
    if reduced.train.unfreeze != declared.train.unfreeze:
        once = reduced.transfer is not None and reduced.transfer.cache != "off"
        found.append(f"all but the head frozen{', with features computed once per image' if once else ''}")
    return found


def _with_epochs(experiment: Experiment, epochs: int) -> Experiment:
    if epochs < 1:
        raise KerasclfError(f"epochs: expected at least 1. Received: {epochs}.")

    def shortened(phase: TrainConfig) -> TrainConfig:
        warmup = min(phase.schedule.warmup_epochs, epochs)
        return phase.but(epochs=min(epochs, phase.epochs), schedule=phase.schedule.but(warmup_epochs=warmup))

    return _with_phases(experiment, shortened)


def _frozen(experiment: Experiment) -> Experiment:
    assert experiment.transfer is not None
    caches = experiment.transfer.cache != "off"
    views = 2 if caches and experiment.augmentation.changes_images else 0
    return experiment.but(
        transfer=experiment.transfer.but(batch_norm="auto", views=views),
        earlier_phases=(),
        train=experiment.train.but(unfreeze="head"),
    )


def _with_rates(experiment: Experiment, factor: float) -> Experiment:
    def slowed(phase: TrainConfig) -> TrainConfig:
        if phase.learning_rate is None:
            raise KerasclfError("rate_factor: expected an experiment that states its learning rates.")
        lowest = phase.schedule.final_learning_rate * factor
        return phase.but(
            learning_rate=phase.learning_rate * factor, schedule=phase.schedule.but(final_learning_rate=lowest)
        )

    return _with_phases(experiment, slowed)


def _with_phases(experiment: Experiment, changed: Callable[[TrainConfig], TrainConfig]) -> Experiment:
    return experiment.but(
        train=changed(experiment.train), earlier_phases=tuple(map(changed, experiment.earlier_phases))
    )
