"""`Form`: what is less in a smaller form of a study, and the experiment that it makes of a declared one."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.runs.experiment import Experiment
from kerasclf.training import TrainConfig
from kerasclf.values import Value


@dataclass(frozen=True)
class Form(Value):
    """A smaller form of a study; what is None or empty stays as declared.

    Args:
        train_per_class: At most so many images a class to train and validate with.
        test_per_class: At most so many images a class to test with.
        epochs: At most so many epochs in each phase of a training.
        image_size: Height and width to resize folders and lists to, or to draw shapes at.
        only: The names of the experiments that are left.
        models: Pairs of a network and the one that stands in its place; given as a mapping, kept as pairs.
        model_args: Further arguments for every network; given as a mapping, kept as pairs.
        rate_factor: Every learning rate is multiplied by it, and what schedules go down to.
    """

    train_per_class: int | None = None
    test_per_class: int | None = None
    epochs: int | None = None
    image_size: tuple[int, int] | None = None
    only: tuple[str, ...] = ()
    models: tuple[tuple[str, str], ...] | Mapping[str, str] = ()
    model_args: tuple[tuple[str, Any], ...] | Mapping[str, Any] = ()
    rate_factor: float | None = None

    def __post_init__(self) -> None:
        for name in ("models", "model_args"):
            if isinstance(getattr(self, name), Mapping):
                object.__setattr__(self, name, tuple(getattr(self, name).items()))
        super().__post_init__()

    def over(self, other: "Form") -> "Form":
        """Returns this form, and the other's where this one says nothing."""
        own = {name: value for name, value in vars(self).items() if value not in (None, ())}
        return other.but(**own)

    def of(self, experiment: Experiment) -> Experiment:
        """Returns an experiment in this form.

        Raises:
            KerasclfError: No epoch is left, or a rate is to be multiplied that is not stated.
        """
        limits = {"train_per_class": self.train_per_class, "test_per_class": self.test_per_class}
        # A study may have limits of its own.
        split = experiment.split.but(**{name: most for name, most in limits.items() if most is not None})
        changed = experiment.but(
            split=split,
            image_size=self.image_size or experiment.image_size,
            model=dict(self.models).get(experiment.model, experiment.model),
            model_args={**dict(experiment.model_args), **dict(self.model_args)},
        )
        if self.rate_factor is not None:
            changed = _at_rates(changed, self.rate_factor)
        return changed if self.epochs is None else _at_most(changed, self.epochs)


def shortcomings(declared: Experiment, made: Experiment) -> list[str]:
    """Returns in words what one experiment has less of than another: images, epochs, pixels, network."""
    found = []
    for part, name in (("train and validate with", "train_per_class"), ("test with", "test_per_class")):
        most = getattr(made.split, name)
        if most != getattr(declared.split, name):
            found.append(f"at most {most:,} images a class to {part}")
    if made.epochs < declared.epochs:
        found.append(f"{made.epochs} epoch{'s' * (made.epochs > 1)} in place of {declared.epochs}")
    rate, usual = made.train.learning_rate, declared.train.learning_rate
    if rate and usual and rate != usual:
        found.append(f"learning rates times {rate / usual:.3g}")
    sizes = made.image_size, declared.image_size
    if sizes[0] and sizes[1] and math.prod(sizes[0]) < math.prod(sizes[1]):
        found.append("images of {}×{} in place of {}×{}".format(*sizes[0], *sizes[1]))
    if made.model != declared.model:
        found.append(f"{made.model} in place of {declared.model}")
    before, after = dict(declared.model_args), dict(made.model_args)
    found += [f"{name} {after[name]}" for name in sorted(after) if after[name] != before.get(name)]
    return found


def _at_most(experiment: Experiment, epochs: int) -> Experiment:
    if epochs < 1:
        raise KerasclfError(f"epochs: expected at least 1. Received: {epochs}.")

    def shortened(phase: TrainConfig) -> TrainConfig:
        warmup = min(phase.schedule.warmup_epochs, epochs)
        return phase.but(epochs=min(epochs, phase.epochs), schedule=phase.schedule.but(warmup_epochs=warmup))

    return _with_phases(experiment, shortened)


def _at_rates(experiment: Experiment, factor: float) -> Experiment:
    def slowed(phase: TrainConfig) -> TrainConfig:
        if phase.learning_rate is None:
            raise KerasclfError("rate_factor: expected an experiment whose learning rates are stated.")
        lowest = phase.schedule.final_learning_rate * factor
        return phase.but(
            learning_rate=phase.learning_rate * factor, schedule=phase.schedule.but(final_learning_rate=lowest)
        )

    return _with_phases(experiment, slowed)


def _with_phases(experiment: Experiment, changed: Callable[[TrainConfig], TrainConfig]) -> Experiment:
    return experiment.but(
        train=changed(experiment.train), earlier_phases=tuple(map(changed, experiment.earlier_phases))
    )
