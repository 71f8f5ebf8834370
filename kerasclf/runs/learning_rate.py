"""Proposes a learning rate for an experiment by a short training. Needs TensorFlow."""

from typing import TYPE_CHECKING

from kerasclf.log import Log
from kerasclf.runs.experiment import Experiment

if TYPE_CHECKING:
    from kerasclf.training.rate_curve import RateCurve


def find_rate(experiment: Experiment, log: Log) -> "RateCurve":
    """Proposes a learning rate for the last phase of an experiment, starting from its initial weights.

    Args:
        experiment: The experiment.
        log: Receives progress messages, one line each.

    Raises:
        KerasclfError: If the data, the network or `unfreeze` cannot be used, or the loss falls at no rate.
    """
    from kerasclf.training.rate_finder import find_learning_rate
    from kerasclf.training.training_setup import prepare

    dataset = experiment.dataset(log)
    log("training a few steps at each of a hundred rates")
    setup = prepare(dataset, experiment.recipe(seed=0), log)
    return find_learning_rate(setup)
