"""Keeps the state of a training at each epoch's end and takes it up again, to the bit on a CPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasclf.errors import TrainingError
from kerasclf.training.callbacks import RecordEpochs
from kerasclf.training.checkpoints import Checkpoint, write_checkpoint

# What Keras' callbacks remember from epoch to epoch; they forget it when a training begins.
_REMEMBERED: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
}


class Resume(keras.callbacks.Callback):
    """Writes a checkpoint at each epoch's end, and begins from one where there is one.

    It must be the last callback: what the others do at a training's begin and an epoch's end comes first.

    Args:
        folder: Where checkpoints are written.
        callbacks: Those before it, whose memory is kept.
        record: The history so far.
        begin_from: The checkpoint to go on from.
    """

    def __init__(
        self,
        folder: Path,
        callbacks: Sequence[keras.callbacks.Callback],
        record: RecordEpochs,
        begin_from: Checkpoint | None,
    ) -> None:
        super().__init__()
        self.folder, self.record, self.begin_from = folder, record, begin_from
        self.callbacks = [c for c in callbacks if type(c) in _REMEMBERED]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.begin_from is not None:
            self._restore(self.begin_from)
            self.begin_from = None  # as large as the model and its optimizer: not to be held while training

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        write_checkpoint(self.folder, self._capture(epoch + 1))

    def _capture(self, epoch: int) -> Checkpoint:
        arrays = {name: variable.numpy() for name, variable in _variables(self.model).items()}
        memories = []
        for place, callback in enumerate(self.callbacks):
            memories.append({name: _plain(getattr(callback, name)) for name in _REMEMBERED[type(callback)]})
            best = getattr(callback, "best_weights", None) or []
            arrays |= {f"best/{place}/{i}": array for i, array in enumerate(best)}
        state = {
            "callbacks": memories,
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
        for place, (callback, memory) in enumerate(zip(self.callbacks, checkpoint.state["callbacks"], strict=True)):
            for name, value in memory.items():
                setattr(callback, name, value)
            best = [name for name in checkpoint.arrays if name.startswith(f"best/{place}/")]
            if best:
                callback.best_weights = [checkpoint.arrays[f"best/{place}/{i}"] for i in range(len(best))]
        self.record.rows = checkpoint.state["rows"]
        self.record.seconds = checkpoint.state["seconds"]


def first_epoch(checkpoint: Checkpoint | None, epochs: int) -> int:
    """Returns the epoch, from 0, with which a training goes on; `epochs` where nothing is left to train."""
    if checkpoint is None:
        return 0
    return epochs if checkpoint.state["stopped"] else checkpoint.epoch


def _variables(model: keras.Model) -> dict[str, tf.Variable]:
    """Returns all that training changes: weights, seed generators (of dropout, say) and the optimizer's variables.

    Under a strategy each replica's own: their moving statistics and seeds differ.
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
    kept = {name: array.shape for name, array in checkpoint.arrays.items() if not name.startswith("best/")}
    if kept != {name: tuple(variable.shape) for name, variable in variables.items()}:
        raise TrainingError(
            "The checkpoint's weights do not fit the network, which another version of kerasclf or Keras must have "
            "built. Go on with that version, or remove the run's folder to start it over."
        )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) else value
