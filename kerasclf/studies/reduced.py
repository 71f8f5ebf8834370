"""A study with other repeats, fewer images or fewer epochs."""

from dataclasses import replace

from kerasclf.errors import KerasclfError
from kerasclf.studies.experiment import Experiment
from kerasclf.studies.study import Study
from kerasclf.training import TrainConfig

# The form of seconds: so many images a class, so many epochs.
_QUICK_TRAIN_PER_CLASS, _QUICK_TEST_PER_CLASS, _QUICK_EPOCHS = 40, 10, 2


def reduced(
    study: Study,
    *,
    repeats: int = 1,
    seed: int = 0,
    quick: bool = False,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    epochs: int | None = None,
) -> Study:
    """Returns a study that is run so often, on so many images, for so long.

    Args:
        study: The study.
        repeats: Runs of each experiment.
        seed: The first run's seed; the others count on from it.
        quick: The form of seconds: few images, two epochs, where nothing else is asked for.
        train_per_class: At most so many images a class to train and validate with.
        test_per_class: At most so many images a class to test with.
        epochs: At most so many epochs in each phase of a training.

    Raises:
        KerasclfError: No repeat or no epoch is asked for.
    """
    if repeats < 1 or seed < 0:
        raise KerasclfError(f"Expected at least 1 repeat and a seed of at least 0. Received: {repeats} and {seed}.")
    if quick:
        train_per_class = _QUICK_TRAIN_PER_CLASS if train_per_class is None else train_per_class
        test_per_class = _QUICK_TEST_PER_CLASS if test_per_class is None else test_per_class
        epochs = _QUICK_EPOCHS if epochs is None else epochs

    def adapt(experiment: Experiment) -> Experiment:
        limits = {"train_per_class": train_per_class, "test_per_class": test_per_class}
        # A study may have limits of its own.
        split = experiment.split.but(**{name: most for name, most in limits.items() if most is not None})
        return _at_most(experiment.but(split=split), epochs) if epochs is not None else experiment.but(split=split)

    return replace(
        study,
        experiments={key: adapt(experiment) for key, experiment in study.experiments.items()},
        seeds=tuple(range(seed, seed + repeats)),
        quick=quick,
    )


def _at_most(experiment: Experiment, epochs: int) -> Experiment:
    if epochs < 1:
        raise KerasclfError(f"epochs: expected at least 1. Received: {epochs}.")

    def shortened(phase: TrainConfig) -> TrainConfig:
        warmup = min(phase.schedule.warmup_epochs, epochs)
        return phase.but(epochs=min(epochs, phase.epochs), schedule=phase.schedule.but(warmup_epochs=warmup))

    return experiment.but(
        train=shortened(experiment.train), earlier_phases=tuple(map(shortened, experiment.earlier_phases))
    )
