"""The experiments of a training within a time budget.

A training within a budget may have to end at any epoch. Its learning rate depends on the past alone, so the run that
the clock stops after epoch k equals the run of an experiment with k epochs, and is recorded as such.
"""

from dataclasses import replace

from kerasclf.networks.network_source import label_of
from kerasclf.runs.experiment import Experiment
from kerasclf.training import EarlyStopping, Schedule

# The parts that train, one after the other, if the time suffices.
HEAD, STAGE, ALL = "head", "last_stage", "all"
# A head takes seconds, because its inputs are cached. More layers are stopped by the clock or early stopping.
_HEAD_EPOCHS, _HEAD_FIRST_EPOCHS, _EPOCHS = 40, 5, 30
_HEAD_RATE, _RATE = 1e-3, 1e-4


def timed_experiment(candidate: Experiment, unfreeze: str) -> Experiment:
    """Returns the experiment that trains a part of a candidate's network, as long as the time suffices.

    Args:
        candidate: The images, the network with its weights, and the settings of the training.
        unfreeze: The part that trains.
    """
    patience = 6 if unfreeze == HEAD else 4
    common = candidate.train.but(
        early_stopping=EarlyStopping("val_loss", patience), schedule=Schedule("plateau", factor=0.3, patience=2)
    )
    head = common.but(unfreeze=HEAD, epochs=_HEAD_EPOCHS, learning_rate=_HEAD_RATE)
    if unfreeze == HEAD:
        return candidate.but(train=head, earlier_phases=())
    first = head.but(epochs=_HEAD_FIRST_EPOCHS, early_stopping=None, schedule=Schedule())
    train = common.but(unfreeze=unfreeze, epochs=_EPOCHS, learning_rate=_RATE)
    return candidate.but(train=train, earlier_phases=(first,))


def ended_after(experiment: Experiment, epochs: int) -> Experiment | None:
    """Returns the experiment that ends where the clock stopped a training; None if its last phase has no epoch.

    Args:
        experiment: The experiment.
        epochs: Number of finished epochs, all phases together.
    """
    last = epochs - sum(phase.epochs for phase in experiment.earlier_phases)
    return experiment.but(train=experiment.train.but(epochs=last)) if last >= 1 else None


def differs_in_length_alone(one: Experiment, other: Experiment) -> bool:
    """Returns whether two experiments are equal except for the number of epochs of their last phase."""
    return replace(one, train=one.train.but(epochs=other.train.epochs)) == other


def name_of(experiment: Experiment) -> str:
    """Returns the name of an experiment in its study: its network, and what trains."""
    return label_of(f"{label_of(experiment.model)}_{experiment.train.unfreeze}")
