"""Followers: runs that train exactly as another one does, but end elsewhere or watch other images.

The other run, the leader, trains for all of them. When a follower's own end is reached, it receives the checkpoint that
it would have written there. It resumes from this checkpoint, has nothing left to train, and writes its results.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from kerasclf.data import Subset
from kerasclf.training.callbacks import RecordEpochs, make_callbacks
from kerasclf.training.config import TrainConfig
from kerasclf.training.listener import Row
from kerasclf.training.resuming.checkpoints import Checkpoint, newest_epoch, phase_folder, write_checkpoint

Arrays = dict[str, NDArray[Any]]
# Evaluates the model on a follower's own validation images and returns its metrics by name.
Evaluate = Callable[[], Mapping[str, float]]

# The state of Keras' callbacks between epochs. They reset it when a training starts.
CALLBACK_STATE: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
}


@dataclass(frozen=True)
class TakenEpochs:
    """Epochs of a run that another run has trained.

    Args:
        run: Name of the other run.
        epochs: Number of epochs.
        seconds: Wall time that the run saved by this.
    """

    run: str
    epochs: int
    seconds: float


@dataclass
class Shared:
    """The epochs that a run shares with others.

    Args:
        taken: Epochs that other runs have trained for this one, in order.
        given: Number of epochs that this run has trained for others, by the name of the other run.
    """

    taken: list[TakenEpochs] = field(default_factory=list)
    given: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.taken or self.given)

    @property
    def epochs(self) -> int:
        """The number of epochs that other runs have trained."""
        return sum(share.epochs for share in self.taken)

    @property
    def seconds(self) -> float:
        """The wall time that the run has saved."""
        return sum(share.seconds for share in self.taken)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""
        return {"taken": [vars(share) for share in self.taken], "given": self.given}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Shared":
        """Makes the value that `to_dict` described."""
        return cls([TakenEpochs(**share) for share in plain["taken"]], dict(plain["given"]))


@dataclass(frozen=True)
class Follower:
    """A run that trains as the current one, the leader, does.

    Args:
        name: Name of the run.
        train: How it trains in its last phase. Only its end may differ: `epochs` and `early_stopping`.
        checkpoints: Folder of its checkpoints.
        validation: Its validation images, if they are other ones or are changed in another way; None for the leader's.
        augment_validation: Whether its validation images are augmented. It matters only with `validation`.
    """

    name: str
    train: TrainConfig
    checkpoints: Path
    validation: Subset | None = None
    augment_validation: bool = False


@dataclass(frozen=True)
class Leading:
    """The followers of a run.

    Args:
        name: Name of the run, by which the followers know it.
        followers: The followers.
    """

    name: str = ""
    followers: tuple[Follower, ...] = ()


class Progress(Protocol):
    """What a checkpoint says about a run, besides weights and optimizer."""

    rows: list[Row]
    seconds: float
    shared: Shared

    @property
    def callbacks(self) -> Sequence[keras.callbacks.Callback]:
        """Its callbacks with a state, in their order."""

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended it."""


class Followed:
    """The progress of a follower during the training of its leader.

    Args:
        follower: The follower.
        leading: The leader's callbacks with a state. The follower has the same, except for early stopping.
        record: The leader's history.
        evaluate: Evaluates the follower's own validation images; None if it watches those of the leader.
    """

    def __init__(
        self,
        follower: Follower,
        leading: Sequence[keras.callbacks.Callback],
        record: RecordEpochs,
        evaluate: Evaluate | None,
    ) -> None:
        self.follower, self.record, self._evaluate = follower, record, evaluate
        own = [one for one in make_callbacks(follower.train) if isinstance(one, keras.callbacks.EarlyStopping)]
        self._stopping = own[0] if own else None
        self.callbacks = [*(one for one in leading if not isinstance(one, keras.callbacks.EarlyStopping)), *own]
        self.rows: list[Row] = list(record.rows)  # of earlier phases
        self.seconds = record.seconds
        self.stopped, self.shared = False, Shared()

    @property
    def name(self) -> str:
        return self.follower.name

    @property
    def is_finite(self) -> bool:
        """Whether the follower has finite metrics. Otherwise it would have failed in this epoch."""
        return all(map(math.isfinite, self.rows[-1].values())) if self.rows else True

    def begin(self, model: keras.Model) -> None:
        """Prepares the follower's callbacks for the training of a model."""
        if self._stopping is not None:
            self._stopping.set_model(model)
            self._stopping.on_train_begin()

    def ended(self, epoch: int) -> bool:
        """Returns whether the follower's training ends after an epoch, counted from 1."""
        return self.stopped or epoch >= self.follower.train.epochs

    def follow(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Follows an epoch, counted from 0, after the leader's history has recorded it."""
        row = self.record.rows[-1]
        seconds, logs = self.record.epoch_s, dict(logs)
        if self._evaluate is not None:
            start = time.perf_counter()
            own = {f"val_{name}": float(value) for name, value in self._evaluate().items()}
            evaluation_s = time.perf_counter() - start
            row, logs = {**row, **own}, {**logs, **own}
            seconds = row["seconds"] + evaluation_s
        self.rows.append(row)
        self.seconds += seconds
        self.stopped = self._stopping is not None and self._stops(self._stopping, epoch, logs)

    def share(self, leader: str) -> int:
        """Records that the leader has trained the follower's epochs so far, and returns their number."""
        rows = self.rows[self.shared.epochs :]
        if rows:
            # The evaluations of its own validation images were made for the follower alone.
            saved_s = sum(row["seconds"] for row in rows) if self._evaluate else self.seconds - self.shared.seconds
            self.shared.taken.append(TakenEpochs(leader, len(rows), saved_s))
        return len(rows)

    def _stops(self, stopping: keras.callbacks.EarlyStopping, epoch: int, logs: Mapping[str, Any]) -> bool:
        """Returns whether early stopping ends the follower. The leader's training goes on."""
        model = stopping.model
        before, model.stop_training = model.stop_training, False
        stopping.on_epoch_end(epoch, logs)
        stops, model.stop_training = bool(model.stop_training), before
        return stops


def state_of(run: Progress) -> dict[str, Any]:
    """Returns the state of a run for a checkpoint, as plain JSON types."""
    states = [{name: _plain(getattr(one, name)) for name in CALLBACK_STATE[type(one)]} for one in run.callbacks]
    return {
        "callbacks": states,
        "rows": run.rows,
        "seconds": run.seconds,
        "stopped": run.stopped,
        "shared": run.shared.to_dict(),
    }


def shared_of(state: Mapping[str, Any]) -> Shared:
    """Returns the epochs that a run shares with others, from the state in a checkpoint."""
    return Shared.from_dict(state["shared"]) if "shared" in state else Shared()


def best_weights_of(run: Progress) -> Arrays:
    """Returns the weights that the callbacks of a run keep, by name."""
    found: Arrays = {}
    for index, callback in enumerate(run.callbacks):
        best = getattr(callback, "best_weights", None) or []
        found |= {f"best/{index}/{i}": array for i, array in enumerate(best)}
    return found


def restore_progress(run: Progress, state: Mapping[str, Any], arrays: Arrays) -> None:
    """Restores the results of `state_of` and `best_weights_of`."""
    for index, (callback, values) in enumerate(zip(run.callbacks, state["callbacks"], strict=True)):
        for name, value in values.items():
            setattr(callback, name, value)
        best = [name for name in arrays if name.startswith(f"best/{index}/")]
        if best:
            callback.best_weights = [arrays[f"best/{index}/{i}"] for i in range(len(best))]
    run.rows, run.seconds, run.shared = list(state["rows"]), state["seconds"], shared_of(state)


def pass_phase_on(leader: str, checkpoint: Checkpoint, phase: int, followers: Sequence[Follower]) -> None:
    """Gives followers the last checkpoint of an earlier phase, unless they have it.

    Args:
        leader: Name of the run that has trained the phase.
        checkpoint: Its last checkpoint of this phase.
        phase: Number of the phase, from 1.
        followers: The followers, whose earlier phases are those of the leader.
    """
    state = checkpoint.state
    taken = Shared([TakenEpochs(leader, len(state["rows"]), state["seconds"])])
    for follower in followers:
        folder = phase_folder(follower.checkpoints, phase)
        if newest_epoch(folder) < checkpoint.epoch:
            write_checkpoint(folder, replace(checkpoint, state={**state, "shared": taken.to_dict()}))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) else value
