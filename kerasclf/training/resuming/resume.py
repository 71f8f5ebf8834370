"""Writes a checkpoint after each epoch and resumes from it. On a CPU the result is bit-identical."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from kerasclf.errors import TrainingError
from kerasclf.machine.cluster import joined
from kerasclf.training.callbacks import RecordEpochs
from kerasclf.training.listener import Row
from kerasclf.training.resuming.checkpoints import Checkpoint, write_checkpoint
from kerasclf.training.resuming.followers import (
    CALLBACK_STATE,
    Arrays,
    Evaluate,
    Followed,
    Follower,
    Progress,
    Shared,
    best_weights_of,
    restore_progress,
    state_of,
)


class Resume(keras.callbacks.Callback):
    """Writes a checkpoint after each epoch, and restores one when the training starts. It leads followers, if any.

    Add it after the callbacks whose state it saves: they must act first.

    Args:
        folder: Folder of the checkpoints.
        callbacks: The callbacks before it. It saves and restores their state.
        record: The history so far.
        checkpoint: The checkpoint to resume from; None starts a new training.
        name: Name of the run, by which its followers know it.
        shared: The epochs that it shares with other runs.
    """

    def __init__(
        self,
        folder: Path,
        callbacks: Sequence[keras.callbacks.Callback],
        record: RecordEpochs,
        checkpoint: Checkpoint | None,
        name: str = "",
        shared: Shared | None = None,
    ) -> None:
        super().__init__()
        self.folder, self.record, self.checkpoint, self.name = folder, record, checkpoint, name
        self.callbacks = [c for c in callbacks if type(c) in CALLBACK_STATE]
        self.shared = shared or Shared()
        self.followed: list[Followed] = []

    @property
    def rows(self) -> list[Row]:
        return self.record.rows

    @rows.setter
    def rows(self, rows: list[Row]) -> None:
        self.record.rows = rows

    @property
    def seconds(self) -> float:
        return self.record.seconds

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self.record.seconds = seconds

    @property
    def stopped(self) -> bool:
        return bool(self.model.stop_training)

    def lead(self, follower: Follower, evaluate: Evaluate | None) -> None:
        """Lets a follower take part in this training.

        Args:
            follower: The follower.
            evaluate: Evaluates its own validation images; None if it watches those of this run.
        """
        self.followed.append(Followed(follower, self.callbacks, self.record, evaluate))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        for one in self.followed:
            one.begin(self.model)
        if self.checkpoint is not None:
            self._restore(self.checkpoint)
            self.checkpoint = None  # frees memory: a checkpoint is as large as the model and its optimizer

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        workers = joined()
        if workers is not None and workers.index > 0:  # Worker 0 writes for all.
            return
        arrays = {name: variable.numpy() for name, variable in _variables(self.model).items()}
        for one in self.followed:
            one.follow(epoch, logs or {})
        self.followed = [one for one in self.followed if one.is_finite]
        # When this run stops early, the other ones go on from here.
        leaving = [one for one in self.followed if self.stopped or one.ended(epoch + 1)]
        for one in leaving:
            given = self.shared.given.get(one.name, 0)
            self.shared.given[one.name] = given + one.share(self.name)
        unfinished = [one for one in self.followed if not one.ended(epoch + 1)]
        for one in leaving:
            others = [other for other in unfinished if other is not one]
            write_checkpoint(one.follower.checkpoints / self.folder.name, _checkpoint(epoch + 1, arrays, one, others))
        self.followed = [one for one in self.followed if one not in leaving]
        # Last: after a kill before it, the epoch is trained again, and the followers receive the same again.
        write_checkpoint(self.folder, _checkpoint(epoch + 1, arrays, self, self.followed))

    def _restore(self, checkpoint: Checkpoint) -> None:
        variables = _variables(self.model)
        _check_fit(variables, checkpoint)
        for name, variable in variables.items():
            # With another number of replicas, those of the first one serve all, as they are equal.
            variable.assign(checkpoint.arrays.get(name, checkpoint.arrays[_first_replica(name)]))
        restore_progress(self, checkpoint.state, checkpoint.arrays)
        if checkpoint.epoch == self.params["epochs"]:
            self._finalize_averages()
        # A run that was not followed from its beginning trains alone.
        others = checkpoint.state.get("others", {})
        self.followed = [one for one in self.followed if one.name in others]
        for one in self.followed:
            prefix = _prefix(one)
            arrays = {name.removeprefix(prefix): a for name, a in checkpoint.arrays.items() if name.startswith(prefix)}
            restore_progress(one, others[one.name], arrays)

    def _finalize_averages(self) -> None:
        """Does what Keras does in the last epoch with averaged weights. It was not the last one of a leader."""
        for callback in self.callbacks:
            if isinstance(callback, keras.callbacks.SwapEMAWeights):
                callback._finalize_ema_values()


def _checkpoint(epoch: int, arrays: Arrays, run: Progress, followed: Sequence[Followed]) -> Checkpoint:
    """Returns the checkpoint of a run, with the state of the runs that follow it."""
    arrays = {**arrays, **best_weights_of(run)}
    for one in followed:
        arrays |= {f"{_prefix(one)}{name}": array for name, array in best_weights_of(one).items()}
    others = {"others": {one.name: state_of(one) for one in followed}} if followed else {}
    return Checkpoint(epoch, arrays, {**state_of(run), **others})


def _prefix(one: Followed) -> str:
    return f"others/{one.name}/"


def first_epoch(checkpoint: Checkpoint | None, epochs: int) -> int:
    """Returns the epoch (from 0) at which a training resumes; `epochs` if it is finished."""
    if checkpoint is None:
        return 0
    return epochs if checkpoint.state["stopped"] else checkpoint.epoch


def _variables(model: keras.Model) -> dict[str, tf.Variable]:
    """Returns all variables that training changes: weights, seed generators (as in dropout) and optimizer variables.

    Under a strategy it returns those of each replica, because moving statistics and seeds differ.
    """
    model.optimizer.build(model.trainable_variables)
    strategy = tf.distribute.get_strategy()
    found = {}
    for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for i, variable in enumerate(variables):
            for replica, part in enumerate(strategy.experimental_local_results(variable.value)):
                found[f"{kind}/{i}/{replica}"] = part
    return found


def _first_replica(name: str) -> str:
    return f"{name.rpartition('/')[0]}/0"


def _check_fit(variables: dict[str, tf.Variable], checkpoint: Checkpoint) -> None:
    shapes = {
        _first_replica(name): array.shape
        for name, array in checkpoint.arrays.items()
        if not name.startswith(("best/", "others/"))
    }
    if shapes != {_first_replica(name): tuple(variable.shape) for name, variable in variables.items()}:
        raise TrainingError(
            "The weights of the checkpoint do not fit the network. Another version of kerasclf or Keras probably wrote "
            "it. Resume with that version, or remove the folder of the run to restart it."
        )
