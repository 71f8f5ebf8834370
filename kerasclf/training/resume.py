"""Writes a checkpoint after each epoch and resumes from it. On a CPU the result is bit-identical."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasclf.errors import TrainingError
from kerasclf.training.callbacks import RecordEpochs
from kerasclf.training.checkpoints import Checkpoint, write_checkpoint

# The state of Keras' callbacks between epochs. They reset it when a training starts.
_CALLBACK_STATE: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
}


class Resume(keras.callbacks.Callback):
    """Writes a checkpoint after each epoch, and restores one when the training starts.

    Add it after the callbacks whose state it saves: they must act first.

    Args:
        folder: Folder of the checkpoints.
        callbacks: The callbacks before it. It saves and restores their state.
        record: The history so far.
        checkpoint: The checkpoint to resume from; None starts a new training.
    """

    def __init__(
        self,
        folder: Path,
        callbacks: Sequence[keras.callbacks.Callback],
        record: RecordEpochs,
        checkpoint: Checkpoint | None,
    ) -> None:
        super().__init__()
        self.folder, self.record, self.checkpoint = folder, record, checkpoint
        self.callbacks = [c for c in callbacks if type(c) in _CALLBACK_STATE]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.checkpoint is not None:
            self._restore(self.checkpoint)
            self.checkpoint = None  # frees memory: a checkpoint is as large as the model and its optimizer

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        write_checkpoint(self.folder, self._capture(epoch + 1))

    def _capture(self, epoch: int) -> Checkpoint:
        arrays = {name: variable.numpy() for name, variable in _variables(self.model).items()}
        callback_states = []
        for index, callback in enumerate(self.callbacks):
            callback_states.append({name: _plain(getattr(callback, name)) for name in _CALLBACK_STATE[type(callback)]})
            best = getattr(callback, "best_weights", None) or []
            arrays |= {f"best/{index}/{i}": array for i, array in enumerate(best)}
        state = {
            "callbacks": callback_states,
            "rows": self.record.rows,
            "seconds": self.record.seconds,
            "stopped": bool(self.model.stop_training),
        }
        return Checkpoint(epoch, arrays, state)

    def _restore(self, checkpoint: Checkpoint) -> None:
        variables = _variables(self.model)
        _check_fit(variables, checkpoint)
        for name, variable in variables.items():
            variable.assign(checkpoint.arrays[name])
        for index, (callback, state) in enumerate(zip(self.callbacks, checkpoint.state["callbacks"], strict=True)):
            for name, value in state.items():
                setattr(callback, name, value)
            best = [name for name in checkpoint.arrays if name.startswith(f"best/{index}/")]
            if best:
                callback.best_weights = [checkpoint.arrays[f"best/{index}/{i}"] for i in range(len(best))]
        self.record.rows = checkpoint.state["rows"]
        self.record.seconds = checkpoint.state["seconds"]


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


def _check_fit(variables: dict[str, tf.Variable], checkpoint: Checkpoint) -> None:
    shapes = {name: array.shape for name, array in checkpoint.arrays.items() if not name.startswith("best/")}
    if shapes != {name: tuple(variable.shape) for name, variable in variables.items()}:
        raise TrainingError(
            "The weights of the checkpoint do not fit the network. Another version of kerasclf or Keras probably wrote "
            "it. Resume with that version, or remove the folder of the run to restart it."
        )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) else value
