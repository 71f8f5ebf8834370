"""Fits and predicts: every training of the toolkit passes through here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.data import ImageDataset, Subset
from kerasclf.data.dataset import class_counts
from kerasclf.pipeline import Augmentation
from kerasclf.pipeline.batches import evaluation_batches
from kerasclf.training.assembly import Assembled, NetworkFactory, build_model
from kerasclf.training.callbacks import CountEpochs, HaltWhenTold, RecordEpochs, StopWhenNotFinite, make_callbacks
from kerasclf.training.checkpoints import latest_checkpoint
from kerasclf.training.config import TrainConfig
from kerasclf.training.faster import faster_layers
from kerasclf.training.halting import Halt
from kerasclf.training.listener import SilentTrainingListener, TrainingListener
from kerasclf.training.optimizers import peak_learning_rate
from kerasclf.training.phase_inputs import make_phase_inputs
from kerasclf.training.resume import Resume, first_epoch
from kerasclf.training.training_setup import TrainingSetup, evaluation_batch, prepare_phase
from kerasclf.transfer.settings import Transfer


@dataclass(frozen=True)
class Trained:
    """A trained network and how it went.

    Args:
        model: Takes raw uint8 images, gives probabilities; uncompiled.
        history: A row an epoch: loss, accuracy, val_loss, val_accuracy, learning_rate, seconds, images_per_second,
            and the phase where there are several.
        seconds: Wall time of the epochs, validation included.
        best_epoch: The epoch (from 1) whose weights the model has.
        predict: Returns the class probabilities of a part's images, shape (n, classes): as `predict` with the model,
            but what lies below a frozen cut is taken from the cache.
    """

    model: keras.Model
    history: pd.DataFrame
    seconds: float
    best_epoch: int
    predict: Callable[[Subset], NDArray[np.float32]]


def train(
    dataset: ImageDataset,
    network: NetworkFactory,
    augmentation: Augmentation,
    config: TrainConfig,
    seed: int,
    *,
    earlier: Sequence[TrainConfig] = (),
    transfer: Transfer | None = None,
    also_cache: Sequence[Sequence[str]] = (),
    augment_validation: bool = False,
    flaws: tuple[str, ...] = (),
    listener: TrainingListener | None = None,
    checkpoints: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    halt: Halt | None = None,
) -> Trained:
    """Trains a network on the training part and watches it on the validation part; the test part is not touched.

    Args:
        dataset: The images.
        network: Builds the uncompiled network from (image shape, number of classes).
        augmentation: Random changes and normalisation of training images.
        config: How to train.
        seed: Decides initial weights, order, random changes and dropout.
        earlier: How to train before that, phase by phase, each going on with the weights of the one before.
        transfer: What is frozen and kept of a pretrained network; None for a network that begins at random.
        also_cache: The cuts of other runs' phases, run by run, that begin with the same network on the same images: what
            is computed below a cut on the way to this run's own is kept for them.
        augment_validation: Whether validation images are changed like training images, a flaw of some
            published studies.
        flaws: Names out of `kerasclf.flaws.FLAWS` of what is to be done wrong; those of data are the data set's affair.
        listener: Who is told of the progress.
        checkpoints: A folder for the state at each epoch's end. What it holds already is gone on from; on a CPU
            the result is the same to the bit as without the interruption.
        callbacks: Callbacks of one's own, for each phase, such as live curves; they look on and change nothing.
        halt: When to break it off before its last epoch; it can be gone on with from there.

    Raises:
        Halted: It was broken off; this is no fault.
        TrainingError: The loss became nan or infinite; the message names epoch and step. Or a checkpoint is of
            another version.
        KerasclfError: The network cannot be cut as a phase asks.
    """
    listener = listener or SilentTrainingListener()
    phases = (*earlier, config)
    built = build_model(dataset, network, augmentation, config, seed, flaws)
    record = RecordEpochs(len(dataset.train), listener)
    cuts = built.assembled.cuts
    shared = cuts.untouched([[phase.unfreeze for phase in phases], *also_cache])
    for number, phase in enumerate(phases):
        record.phase = number + 1 if earlier else None
        inputs = make_phase_inputs(built, dataset, phase, augmentation, transfer, listener.log, also_cache=shared)
        # What lies above has other weights when the next phase begins.
        shared = tuple(cut for cut in shared if cut <= (cuts.cut_for(phase.unfreeze) or 0))
        if earlier or inputs.counts.frozen:
            listener.log(f"phase {number + 1} of {len(phases)}: {inputs.in_words(phase)}")
        setup = prepare_phase(built, inputs, dataset, phase, seed, augment_validation)
        # The order and the changes of images go on from phase to phase.
        setup.epoch.first = sum(before.epochs for before in phases[:number])
        folder = checkpoints / f"phase-{number + 1}" if checkpoints else None
        _fit(setup, dataset, phase, record, listener, folder, sum(p.epochs for p in phases), callbacks, halt)
    history = pd.DataFrame(record.rows)
    return Trained(
        _finished(built.assembled),
        history,
        record.seconds,
        _best_epoch(history, config, len(phases)),
        lambda subset: predict(inputs.model, inputs.take(subset, listener.log), dataset.num_classes),
    )


def _fit(
    setup: TrainingSetup,
    dataset: ImageDataset,
    phase: TrainConfig,
    record: RecordEpochs,
    listener: TrainingListener,
    folder: Path | None,
    all_epochs: int,
    others: Sequence[keras.callbacks.Callback],
    halt: Halt | None,
) -> None:
    """Trains one phase, or goes on with it."""
    callbacks = [
        CountEpochs(setup.epoch),
        StopWhenNotFinite(phase, peak_learning_rate(phase), setup.steps),
        *make_callbacks(phase),
        record,
        *others,
    ]
    first, rows, checkpoint = 0, record.rows, None
    if folder is not None:
        checkpoint = latest_checkpoint(folder, listener.log)
        callbacks.append(Resume(folder, callbacks, record, checkpoint))
    if checkpoint is not None:
        first, rows = first_epoch(checkpoint, phase.epochs), checkpoint.state["rows"]
    if halt is not None and first < phase.epochs:
        callbacks.append(HaltWhenTold(halt, record, all_epochs))  # after Resume: the checkpoint comes first
    listener.began(all_epochs, setup.steps, rows)
    del checkpoint  # Resume holds it until it is restored
    with setup.strategy.scope(), faster_layers(setup.model):
        setup.model.fit(
            setup.batches,
            validation_data=setup.validation,
            initial_epoch=first,
            epochs=phase.epochs,
            class_weight=_class_weight(dataset) if phase.class_weight == "balanced" else None,
            callbacks=callbacks,
            shuffle=False,  # the pipeline shuffles
            verbose=0,
        )


def _finished(assembled: Assembled) -> keras.Model:
    """Returns the model without its optimizer, so that it loads with Keras alone, and with nothing frozen."""
    assembled.core.trainable = False  # Keras passes on to the layers only what changes
    assembled.core.trainable = True
    return keras.Model(assembled.model.input, assembled.model.output, name=assembled.model.name)


def predict(model: keras.Model, subset: Subset, num_classes: int) -> NDArray[np.float32]:
    """Returns the class probabilities of a part's images in their own order, shape (n, num_classes)."""
    batches = evaluation_batches(subset, num_classes, evaluation_batch(subset, 1))
    with faster_layers(model):
        return np.concatenate([np.asarray(_forward(model, images)) for images, _ in batches])


def _forward(model: keras.Model, images: tf.Tensor) -> tf.Tensor:
    return model(images, training=False)


def _class_weight(dataset: ImageDataset) -> dict[int, float]:
    counts = class_counts(dataset.train.labels, dataset.num_classes)
    return {label: len(dataset.train) / (dataset.num_classes * int(count)) for label, count in enumerate(counts)}


def _best_epoch(history: pd.DataFrame, config: TrainConfig, phases: int) -> int:
    stopping = config.early_stopping
    if stopping is None or not stopping.restore_best:
        return len(history)
    last = history[history["phase"] == phases] if phases > 1 else history
    values = last[stopping.monitor]
    best = values.argmax() if stopping.monitor.endswith("accuracy") else values.argmin()
    return len(history) - len(last) + int(best) + 1
