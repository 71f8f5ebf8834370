"""Trains one recipe in several workers, forked from one process that has imported TensorFlow, and saves their results.

    python -m tests.worker_processes WORKERS FOLDER NAME

`RECIPES` has the names. With 0 workers, two logical devices of one process train the recipe.
"""

import functools
import json
import os
import sys
from pathlib import Path

import numpy as np

from kerasclf import Augmentation, TrainConfig
from kerasclf.machine.cluster import Cluster, join
from kerasclf.models import build
from kerasclf.training import EarlyStopping, Schedule
from tests.training.distributed.test_replicas import dataset_of

BASIC = {"epochs": 2, "batch_size": 8, "optimizer": "sgd", "learning_rate": 0.05}
MLP, PLAIN = functools.partial(build, "mlp"), Augmentation(rescale=1 / 255)
NORMALISED = functools.partial(build, "basenet_deeper", arguments={"batch_norm": "before"})
RECIPES = {
    "plain": (MLP, BASIC, PLAIN, 8),
    "normalised": (NORMALISED, {**BASIC, "epochs": 3}, Augmentation(rescale=1 / 255, rotation_range=20), 16),
    "averaged": (
        MLP,
        {
            **BASIC,
            "epochs": 6,
            "ema_momentum": 0.9,
            "class_weight": "balanced",
            "early_stopping": EarlyStopping(patience=2),
            "schedule": Schedule("plateau", patience=1),
        },
        Augmentation(rescale=1 / 255, mix_up=0.3),
        8,
    ),
}


def train_recipe(name, strategy, checkpoints=None, epochs=None):
    """Trains a recipe in this process and returns its history as rows, and its weights."""
    from kerasclf.training.recipe import Recipe
    from kerasclf.training.train import train

    network, fields, augmentation, side = RECIPES[name]
    config = TrainConfig(**{**fields, "strategy": strategy, **({"epochs": epochs} if epochs else {})})
    recipe = Recipe(network, (config,), 0, augmentation)
    trained = train(dataset_of(19, 7, side), recipe, checkpoints=checkpoints)
    return trained.history.to_dict("records"), trained.model.get_weights()


def save(folder, index, rows, weights):
    (folder / f"{index}.json").write_text(json.dumps(rows))
    np.savez(folder / f"{index}.npz", *weights)


def main():
    workers, folder, name = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    import tensorflow as tf

    import kerasclf.training.train  # noqa: F401 - imported once for all workers

    if workers == 0:
        device = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
        save(folder, "devices", *train_recipe(name, "mirrored"))
        return
    from kerasclf.commands.launch import free_addresses

    addresses, children = free_addresses(workers), []
    for index in range(workers):
        child = os.fork()
        if child == 0:
            join(Cluster(addresses, index))
            try:
                save(folder, index, *train_recipe(name, "multiworker"))
                os._exit(0)
            finally:
                import traceback

                traceback.print_exc()
                os._exit(1)
        children.append(child)
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))


if __name__ == "__main__":
    main()
