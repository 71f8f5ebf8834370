"""Trains a small network with each precision, with and without XLA, with one and several steps per call.

    python -m tests.device_combinations FILE [STRATEGY …]

Each combination trains in processes of its own, which are forked from one that has imported TensorFlow: one process,
two logical devices, or two workers. The file receives the results as JSON: combination by combination, the steps that a
call takes and the losses of the epochs, or the error.
"""

import itertools
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np

from kerasclf import Augmentation, TrainConfig
from kerasclf.commands.launch import free_addresses
from kerasclf.machine.cluster import Cluster, join
from tests.training.distributed.test_replicas import dataset_of
from tests.worker_processes import BASIC

STRATEGIES = ("none", "mirrored", "multiworker")
PRECISIONS, JITS, STEPS = ("float32", "mixed_bfloat16", "mixed_float16"), (False, True), (1, 2)
COMBINATIONS = tuple(itertools.product(PRECISIONS, JITS, STEPS))
LONGEST_S = 100  # a process that waits for another one would wait for ever


def network(image_shape, num_classes):
    """A convolution with batch normalisation."""
    from keras import Input, Model, layers

    image = Input(image_shape)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(image))
    x = layers.Dense(num_classes)(layers.Flatten()(x))
    return Model(image, layers.Activation("softmax", dtype="float32")(x))


def train_one(strategy, precision, jit, steps):
    """Returns the steps that a call takes, and the losses of the epochs. 19 and 7 images do not divide."""
    from kerasclf.training.recipe import Recipe
    from kerasclf.training.train import train
    from kerasclf.training.training_setup import prepare

    fields = {**BASIC, "learning_rate": 0.005, "momentum": 0.9}
    config = TrainConfig(**fields, strategy=strategy, precision=precision, jit=jit, steps_per_execution=steps)
    dataset, recipe = dataset_of(19, 7), Recipe(network, (config,), 0, Augmentation(rescale=1 / 255))
    taken = prepare(dataset, recipe).model.steps_per_execution
    history = train(dataset, recipe).history
    return {"steps": taken, "losses": np.asarray(history[["loss", "val_loss"]]).ravel().tolist()}


def result_of(strategy, combination, folder):
    """Trains one combination in new processes, and returns what they found or the error of the first process."""
    addresses = free_addresses(2) if strategy == "multiworker" else ("",)
    children = [start(strategy, combination, folder, addresses, index) for index in range(len(addresses))]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    found = folder / "0.json"
    if not found.exists():
        return f"ended with exit codes {codes}"
    result = json.loads(found.read_text())
    found.unlink()
    return result if isinstance(result, str) or not any(codes) else f"ended with exit codes {codes}"


def start(strategy, combination, folder, addresses, index):
    child = os.fork()
    if child:
        return child
    signal.alarm(LONGEST_S)
    try:
        if strategy == "multiworker":
            join(Cluster(addresses, index))
        if strategy == "mirrored":
            import tensorflow as tf

            device = tf.config.list_physical_devices("CPU")[0]
            tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
        result = train_one(strategy, *combination)
    except BaseException as error:
        result = f"{type(error).__name__}: {error}"
    (folder / f"{index}.json").write_text(json.dumps(result))
    os._exit(isinstance(result, str))


def main():
    out, strategies = Path(sys.argv[1]), sys.argv[2:] or STRATEGIES
    import kerasclf.training.train  # noqa: F401 - imported once for all processes

    with tempfile.TemporaryDirectory() as folder:
        found = [
            [strategy, *combination, result_of(strategy, combination, Path(folder))]
            for strategy in strategies
            for combination in COMBINATIONS
        ]
    out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
