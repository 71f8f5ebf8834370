"""The cost of a run, phase by phase."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasclf.data import ImageDataset
    from kerasclf.runs.experiment import Experiment
    from kerasclf.training.rehearsal_result import Rehearsal


@dataclass(frozen=True)
class PhaseCost:
    """The cost of one phase of a run, if all its epochs train.

    Args:
        unfreeze: The setting that says what trains.
        trainable: Number of trainable weights.
        startup_s: Seconds before the first step.
        epoch_s: Seconds from the start of an epoch to that of the next one, validation included.
        input_s: Seconds per epoch of the input pipeline alone.
        compute_s: Seconds per epoch of the network's steps alone.
        epochs: Maximum number of epochs.
        steps: Training steps per epoch.
        cache: Folder of the cached activations; empty if the phase trains on images.
        extraction_s: Seconds to compute the activations that the cache lacks.
        cache_mb: Size of these activations, in 10⁶ bytes.
    """

    unfreeze: str
    trainable: int
    startup_s: float
    epoch_s: float
    input_s: float
    compute_s: float
    epochs: int
    steps: int
    cache: str = ""
    extraction_s: float = 0.0
    cache_mb: float = 0.0

    @property
    def phase_s(self) -> float:
        """Seconds of the phase after its activations are cached."""
        return self.startup_s + self.epochs * self.epoch_s


@dataclass(frozen=True)
class RunCost:
    """The cost of one run of an experiment, if all its epochs train.

    Args:
        phases: Costs of its phases, in order.
        disk_mb: Size of its folder and of two checkpoints per phase, in 10⁶ bytes.
        parameters: Number of parameters of the model.
        finish_s: Seconds after the last epoch.
    """

    phases: tuple[PhaseCost, ...]
    disk_mb: float
    parameters: int
    finish_s: float = 0.0

    @property
    def run_s(self) -> float:
        """Seconds of the run after its activations are cached."""
        return sum(phase.phase_s for phase in self.phases) + self.finish_s

    def left_s(self, epochs_done: int) -> float:
        """Returns the seconds that remain after `epochs_done` epochs of the run."""
        left = self.run_s
        for phase in self.phases:
            done = min(epochs_done, phase.epochs)
            left, epochs_done = left - done * phase.epoch_s, epochs_done - done
        return left

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "RunCost":
        """Makes an estimate from plain JSON types."""
        return cls(**{**plain, "phases": tuple(PhaseCost(**phase) for phase in plain["phases"])})


def side_by_side_s(runs_s: Iterable[float], width: int) -> float:
    """Returns the seconds from the start of the first run to the end of the last one.

    A run starts when another one ends, in the given order. Runs side by side do not slow each other down.

    Args:
        runs_s: Seconds of each run.
        width: Number of runs side by side.

    Example:
        >>> from kerasclf.runs.planning.cost import side_by_side_s
        >>> side_by_side_s([10, 10, 10], width=2)
        20.0
    """
    ends = [0.0] * width
    for seconds in runs_s:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


def estimate_cost(experiment: "Experiment", found: Sequence["Rehearsal"], dataset: "ImageDataset") -> RunCost:
    """Returns the cost of a run of an experiment.

    Args:
        experiment: The experiment.
        found: What the rehearsal of each of its phases measured.
        dataset: Its images.
    """
    # The predictions have about a dozen characters per line and class.
    disk_mb = (len(dataset.validation) + len(dataset.test)) * dataset.num_classes * 12 / 1e6
    for phase, measured in zip(experiment.phases, found, strict=True):
        weights = 2 if phase.early_stopping else 1  # Early stopping also stores the weights of the best epoch.
        disk_mb += 2 * weights * measured.state_mb
    return RunCost(
        phases=tuple(
            PhaseCost(
                unfreeze=phase.unfreeze,
                trainable=measured.trainable,
                startup_s=measured.startup_s + (0.0 if number else _before_phases_s(measured)),
                epoch_s=measured.epoch_s,
                input_s=measured.steps * measured.input_s,
                compute_s=measured.steps * measured.compute_s,
                epochs=phase.epochs,
                steps=measured.steps,
                cache=measured.cache,
                extraction_s=measured.extraction_s,
                cache_mb=measured.cache_mb,
            )
            for number, (phase, measured) in enumerate(zip(experiment.phases, found, strict=True))
        ),
        disk_mb=disk_mb,
        parameters=found[-1].parameters,
        finish_s=found[-1].finish_s,
    )


def _before_phases_s(measured: "Rehearsal") -> float:
    """Returns the seconds before the first phase: the network gets its weights, and then its output layer."""
    return measured.loading_s + measured.regression_s + (0.0 if measured.cache else measured.extraction_s)
