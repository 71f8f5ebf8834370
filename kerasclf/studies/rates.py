"""A learning rate for an experiment, found by a short training. Needs TensorFlow."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from kerasclf.studies.experiment import Experiment

if TYPE_CHECKING:
    from kerasclf.training.rate_curve import RateCurve


def find_rate(experiment: Experiment, said: Callable[[str], None]) -> "RateCurve":
    """Proposes a learning rate for an experiment's last phase, as it would begin.

    Raises:
        KerasclfError: Data, network or cut cannot be used, or the loss falls at no rate.
    """
    from kerasclf.training.rate_finder import find_learning_rate
    from kerasclf.training.ready import prepare

    dataset = experiment.dataset(said)
    said("training a few steps at each of a hundred rates")
    ready = prepare(
        dataset, experiment.network, experiment.augmentation, experiment.train, 0, experiment.transfer, said
    )
    return find_learning_rate(ready)
