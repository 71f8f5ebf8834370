"""Fits and predicts: every training of the toolkit passes through here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.data import ImageDataset, Subset
from kerasclf.log import Log
from kerasclf.pipeline.batches import evaluation_batches, read_errors
from kerasclf.training.assembly import Assembled, build_model
from kerasclf.training.callbacks import HaltTraining, RecordEpochs
from kerasclf.training.config import TrainConfig, best_epoch
from kerasclf.training.devices import device_errors
from kerasclf.training.faster import faster_layers
from kerasclf.training.fitting import fit, phase_callbacks
from kerasclf.training.head_start import start_head
from kerasclf.training.listener import Row, SilentTrainingListener, TrainingListener
from kerasclf.training.phase_inputs import PhaseInputs, make_phase_inputs
from kerasclf.training.recipe import Recipe
from kerasclf.training.resuming.checkpoints import latest_checkpoint, phase_folder
from kerasclf.training.resuming.followers import Evaluate, Follower, Leading, Shared, pass_phase_on, shared_of
from kerasclf.training.resuming.halting import Halt
from kerasclf.training.resuming.resume import Resume, first_epoch
from kerasclf.training.training_setup import TrainingSetup, evaluation_batch, prepare_phase, validation_batches
from kerasclf.training.waiting import MeasureWaiting
from kerasclf.wording import counted


@dataclass(frozen=True)
class Trained:
    """A trained network and its history.

    Args:
        model: From raw uint8 images to probabilities; uncompiled.
        history: One row per epoch: loss, accuracy, val_loss, val_accuracy, learning_rate, seconds, images_per_second,
            waiting_share (of the seconds, those in which the network waited for data), and the phase if there are
            several.
        seconds: Wall time of the epochs, validation included.
        best_epoch: Epoch (from 1) whose weights the model has.
        predict: Returns the class probabilities of a set of images, shape (n, classes). It gives the same result as
            `predict` with the model, and uses cached activations below a frozen cut.
        extract_together: Caches the activations of a set on all workers of `kerasclf launch`, which all call it.
        shared: The epochs that the run shares with others.
    """

    model: keras.Model
    history: pd.DataFrame
    seconds: float
    best_epoch: int
    predict: Callable[[Subset], NDArray[np.float32]]
    extract_together: Callable[[Subset], None]
    shared: Shared = field(default_factory=Shared)

    def __repr__(self) -> str:
        return f"<Trained: {len(self.history)} epochs, best epoch {self.best_epoch}>"


def train(
    dataset: ImageDataset,
    recipe: Recipe,
    *,
    listener: TrainingListener | None = None,
    checkpoints: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    halt: Halt | None = None,
    also_cache: Sequence[Sequence[str]] = (),
    leading: Leading | None = None,
) -> Trained:
    """Trains a network on the training set and validates it on the validation set. It does not read the test set.

    Without validation images the history has no validation metrics.

    Args:
        dataset: The images.
        recipe: Everything else that decides the result.
        listener: Receives the progress.
        checkpoints: A folder for the state at the end of each epoch. A state that it already holds is resumed; on a
            CPU the result is bit-identical to that of an uninterrupted training.
        callbacks: Further Keras callbacks, for each phase, such as live curves. They must not change the training.
        halt: When to stop before the last epoch; the training can be resumed from there.
        also_cache: The `unfreeze` settings of other runs' phases, run by run, which start with the same network on the
            same images. The activations at their cuts are cached in the same pass.
        leading: Other runs that train alike. Each receives its checkpoint where its own training ends. It needs
            `checkpoints`.

    Returns:
        The trained network and its history.

    Raises:
        Halted: If the training was stopped by `halt`; this is no fault.
        TrainingError: If the loss becomes nan or infinite (the message names epoch and step), or if a checkpoint
            was written by another version.
        KerasclfError: If the network has no such cut as a phase requests.

    Example:
        >>> import functools
        >>> from kerasclf import Augmentation, Split, TrainConfig, load_dataset
        >>> from kerasclf.models import build
        >>> from kerasclf.training.recipe import Recipe
        >>> from kerasclf.training.train import train
        >>> dataset = load_dataset("digits", split=Split(train_per_class=10, test_per_class=10))
        >>> recipe = Recipe(
        ...     functools.partial(build, "mlp"),
        ...     phases=(TrainConfig(epochs=2),),
        ...     augmentation=Augmentation(rescale=1 / 255),
        ... )
        >>> trained = train(dataset, recipe)
        >>> list(trained.history)[:5]
        ['epoch', 'accuracy', 'loss', 'val_accuracy', 'val_loss']
        >>> trained.predict(dataset.test).shape
        (100, 10)
    """
    listener = listener or SilentTrainingListener()
    with device_errors():
        return _Training(
            dataset,
            recipe,
            listener=listener,
            checkpoints=checkpoints,
            callbacks=callbacks,
            halt=halt,
            leading=leading or Leading(),
        ).run(also_cache)


class _Training:
    """The state that the phases of one `train` call share."""

    def __init__(
        self,
        dataset: ImageDataset,
        recipe: Recipe,
        listener: TrainingListener,
        checkpoints: Path | None,
        callbacks: Sequence[keras.callbacks.Callback],
        halt: Halt | None,
        leading: Leading,
    ) -> None:
        self.dataset, self.recipe, self.listener = dataset, recipe, listener
        self.checkpoints, self.callbacks, self.halt, self.leading = checkpoints, callbacks, halt, leading
        self.shared = Shared()
        self.record = RecordEpochs(len(dataset.train), listener)

    def run(self, also_cache: Sequence[Sequence[str]]) -> Trained:
        recipe, dataset, log = self.recipe, self.dataset, self.listener.log
        built = build_model(dataset, recipe)
        cuts, several = built.assembled.cuts, len(recipe.phases) > 1
        to_cache = cuts.untouched([[phase.unfreeze for phase in recipe.phases], *also_cache])
        if recipe.fits_head and not self._is_begun():
            start_head(built, dataset, log, to_cache)
        for number, phase in enumerate(recipe.phases, 1):
            self.record.phase = number if several else None
            inputs = make_phase_inputs(built, dataset, phase, log, also_cache=to_cache)
            # The layers above the cut will have other weights when the next phase starts.
            lowest = cuts.cut_for(phase.unfreeze)
            to_cache = () if lowest is None else tuple(cut for cut in to_cache if cut <= lowest)
            if several or inputs.counts.frozen:
                log(f"phase {number} of {len(recipe.phases)}: {inputs.describe(phase)}")
            self._fit(prepare_phase(built, inputs, dataset, phase), inputs, phase, number)
        rows = self.record.rows
        return Trained(
            model=_finished(built.assembled),
            history=pd.DataFrame(rows),
            seconds=self.record.seconds,
            best_epoch=best_epoch(rows, recipe.last.early_stopping, len(recipe.phases)),
            predict=lambda subset: predict(inputs.model, inputs.convert(subset, log), dataset.num_classes),
            extract_together=lambda subset: inputs.extract_together(subset, log),
            shared=self.shared,
        )

    def _is_begun(self) -> bool:
        """Returns whether a checkpoint replaces the initial weights."""
        folder = None if self.checkpoints is None else phase_folder(self.checkpoints, 1)
        return folder is not None and latest_checkpoint(folder, lambda line: None) is not None

    def _fit(self, setup: TrainingSetup, inputs: PhaseInputs, phase: TrainConfig, number: int) -> None:
        """Trains one phase, or resumes it."""
        # Order and augmentation continue from phase to phase.
        setup.epoch.first = sum(before.epochs for before in self.recipe.phases[: number - 1])
        waiting = self.record.waiting = MeasureWaiting(setup.steps)
        self.record.images = setup.images
        if setup.images > len(self.dataset.train):
            self.listener.log(
                f"oversampling: {setup.images:,} images per epoch, of {len(self.dataset.train):,} training images"
            )
        callbacks = [
            *phase_callbacks(setup, phase),
            waiting,
            self.record,
            *self.callbacks,
        ]
        first, resume, is_last = 0, None, number == len(self.recipe.phases)
        rows, new = self.record.rows, list[Row]()
        if self.checkpoints is not None:
            resume = self._resume(phase_folder(self.checkpoints, number), callbacks)
            if is_last:
                for follower in self.leading.followers:
                    resume.lead(follower, self._evaluation(follower, setup, inputs, phase))
            if resume.checkpoint is not None:
                first = first_epoch(resume.checkpoint, phase.epochs)
                rows, new = _divide_rows(resume.checkpoint.state, len(rows))
            callbacks.append(resume)
        if self.halt is not None and first < phase.epochs:
            # After Resume, which must write the checkpoint first.
            callbacks.append(HaltTraining(self.halt, self.record, self.recipe.epochs))
        self.listener.began(self.recipe.epochs, setup.steps, rows)
        for row in new:
            self.listener.finished_epoch(row)
        fit(
            setup.model,
            waiting.watch(setup.batches),
            setup,
            validation_data=setup.validation,
            initial_epoch=first,
            epochs=phase.epochs,
            callbacks=callbacks,
        )
        if resume is not None:
            self.shared = resume.shared
            if not is_last:
                self._pass_on(resume.folder, number)

    def _resume(self, folder: Path, callbacks: Sequence[keras.callbacks.Callback]) -> Resume:
        """Returns the callback that resumes a phase from its last checkpoint, and writes further ones."""
        checkpoint = latest_checkpoint(folder, self.listener.log)
        for share in shared_of(checkpoint.state).taken if checkpoint is not None else ():
            self.listener.log(f"{counted(share.epochs, 'epoch')} trained by {share.run}")
        return Resume(folder, callbacks, self.record, checkpoint, self.leading.name, self.shared)

    def _pass_on(self, folder: Path, number: int) -> None:
        """Gives the followers the end of an earlier phase, which they have in common with this run."""
        ended = latest_checkpoint(folder, self.listener.log) if self.leading.followers else None
        if ended is not None:
            pass_phase_on(self.leading.name, ended, number, self.leading.followers)

    def _evaluation(
        self, follower: Follower, setup: TrainingSetup, inputs: PhaseInputs, phase: TrainConfig
    ) -> Evaluate | None:
        """Returns how to evaluate a follower's own validation images; None if it watches those of this run."""
        if follower.validation is None:
            return None
        own = replace(inputs, validation=inputs.convert(follower.validation, self.listener.log))
        recipe = replace(self.recipe, augment_validation=follower.augment_validation)
        batches = validation_batches(own, phase, self.dataset.num_classes, recipe, setup.epoch, setup.strategy)
        return lambda: setup.model.evaluate(batches, verbose=0, return_dict=True)


def _divide_rows(state: Mapping[str, Any], known: int) -> tuple[list[Row], list[Row]]:
    """Returns the rows of a history that the listener knows, and those that another run has trained.

    Args:
        state: The state in a checkpoint.
        known: Number of rows of earlier phases, which the listener knows already.
    """
    rows = state["rows"]
    all_taken = shared_of(state).epochs == len(rows)
    return (rows[:known], rows[known:]) if all_taken else (rows, [])


def _finished(assembled: Assembled) -> keras.Model:
    """Returns the uncompiled model, which loads with Keras alone, with all layers trainable."""
    assembled.core.trainable = False  # Keras sets the layers only when the value changes
    assembled.core.trainable = True
    return keras.Model(assembled.model.input, assembled.model.output, name=assembled.model.name)


def predict_before(dataset: ImageDataset, recipe: Recipe, log: Log) -> NDArray[np.float32]:
    """Returns the class probabilities that the initial weights of a recipe give the test set, shape (n, classes).

    They come from the same cached activations as those of the trained network, so that rounding favours neither.

    Args:
        dataset: The images.
        recipe: A recipe of one phase.
        log: Receives progress messages.
    """
    # This process alone: the other workers of a training do not predict.
    recipe = replace(recipe, phases=(recipe.last.but(strategy="none"),))
    built = build_model(dataset, recipe)
    inputs = make_phase_inputs(built, dataset, recipe.last, log)
    return predict(inputs.model, inputs.convert(dataset.test, log), dataset.num_classes)


def predict(model: keras.Model, subset: Subset, num_classes: int) -> NDArray[np.float32]:
    """Returns the class probabilities of a set of images in their order, shape (n, num_classes)."""
    batches = evaluation_batches(subset, num_classes, evaluation_batch(subset, 1))
    with device_errors(), read_errors(), faster_layers(model):
        return np.concatenate([np.asarray(_forward(model, images)) for images, _ in batches])


def _forward(model: keras.Model, images: tf.Tensor) -> tf.Tensor:
    return model(images, training=False)
