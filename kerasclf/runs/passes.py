"""Which runs of a study share a pass of images through their frozen network."""

from collections.abc import Sequence

from kerasclf.runs.experiment import Experiment
from kerasclf.training import TrainConfig

# An experiment with a seed.
Place = tuple[Experiment, int]
# A network and its images before any training; the seed is None where nothing of what can be frozen is drawn.
Beginning = tuple[Experiment, int | None]


def beginning(experiment: Experiment, seed: int) -> Beginning:
    """Returns what two runs have in common that begin with the same network on the same images.

    How they train makes no difference to what is frozen then, and the seed none to pretrained weights.
    """
    precision, strategy = experiment.train.precision, experiment.train.strategy
    untrained = experiment.but(train=TrainConfig(precision=precision, strategy=strategy), earlier_phases=())
    drawn = experiment.transfer is None or experiment.transfer.weights == "none"
    return untrained, seed if drawn else None


def cuts_to_cache(run: Place, others: Sequence[Place]) -> tuple[tuple[str, ...], ...]:
    """Returns the cuts of the phases of those runs that begin as this one, run by run, each course of cuts once."""
    experiment, _ = run
    if experiment.transfer is None:
        return ()
    begun = beginning(*run)
    alike = (other for other, seed in others if beginning(other, seed) == begun)
    courses = dict.fromkeys(tuple(phase.unfreeze for phase in other.phases) for other in alike)
    return tuple(course for course in courses if course != tuple(phase.unfreeze for phase in experiment.phases))
