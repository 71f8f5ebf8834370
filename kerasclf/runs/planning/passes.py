"""Finds the runs of a study that share one pass of the images through their frozen network."""

from collections.abc import Sequence

from kerasclf.runs.experiment import Experiment
from kerasclf.training import TrainConfig

# An experiment with a seed.
SeededExperiment = tuple[Experiment, int]
# A network and its images before any training. The seed is None if the weights are pretrained.
Beginning = tuple[Experiment, int | None]


def beginning(experiment: Experiment, seed: int) -> Beginning:
    """Returns a key that is equal for runs that start from the same network on the same images.

    The training settings do not affect the frozen activations, and the seed does not affect pretrained weights.
    """
    precision, strategy = experiment.train.precision, experiment.train.strategy
    untrained = experiment.but(train=TrainConfig(precision=precision, strategy=strategy), earlier_phases=())
    random = experiment.transfer is None or experiment.transfer.weights == "none"
    return untrained, seed if random else None


def unfreeze_to_cache(run: SeededExperiment, others: Sequence[SeededExperiment]) -> tuple[tuple[str, ...], ...]:
    """Returns the `unfreeze` settings of the runs that start like this one, one tuple per sequence of phases.

    Args:
        run: The run that may compute their activations in its own pass of the images.
        others: The runs of the study.
    """
    experiment, _ = run
    if experiment.transfer is None:
        return ()
    start = beginning(*run)
    sequences = dict.fromkeys(_unfrozen(other) for other, seed in others if beginning(other, seed) == start)
    return tuple(sequence for sequence in sequences if sequence != _unfrozen(experiment))


def _unfrozen(experiment: Experiment) -> tuple[str, ...]:
    return tuple(phase.unfreeze for phase in experiment.phases)
