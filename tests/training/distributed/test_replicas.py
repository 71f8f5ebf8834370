"""Every image counts once on several devices, also where a batch cannot be divided evenly."""

import functools
import itertools
import subprocess
import sys

import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.data import ArrayImages, ImageDataset, Subset
from kerasclf.errors import KerasclfError
from kerasclf.machine.cluster import Cluster, launch_environment
from kerasclf.models import build
from kerasclf.pipeline.shares import Share
from kerasclf.training.distributed.replicas import check_batches, evaluation_size
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import predict, train
from kerasclf.training.training_setup import check_shares


def dataset_of(train_size, validation_size, side=8):
    def subset(count, seed):
        images = np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)
        return Subset(ArrayImages(images), np.arange(count) % 3, tuple(map(str, range(count))))

    return ImageDataset("random", "", ("a", "b", "c"), subset(train_size, 0), subset(validation_size, 1), subset(4, 2))


def check_equal_to_one_device(train_size, validation_size, batch_size, fields=None):
    """Compares weights, history and predictions. Sums in another order differ in the last digits."""
    dataset = dataset_of(train_size, validation_size)

    def run(strategy):
        config = TrainConfig(
            epochs=2, batch_size=batch_size, optimizer="sgd", learning_rate=0.05, strategy=strategy, **fields or {}
        )
        return train(dataset, Recipe(functools.partial(build, "mlp"), (config,), 0, Augmentation(rescale=1 / 255)))

    one, several = run("none"), run("mirrored")
    for a, b in zip(one.model.get_weights(), several.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)
    metrics = ["loss", "accuracy", "val_loss", "val_accuracy"]
    np.testing.assert_allclose(one.history[metrics], several.history[metrics], rtol=1e-5)
    np.testing.assert_allclose(
        *(predict(trained.model, dataset.validation, 3) for trained in (one, several)), atol=1e-5
    )


@pytest.mark.parametrize(
    ("train_size", "validation_size", "batch_size"),
    [(19, 5, 8), pytest.param(15, 9, 9, marks=pytest.mark.slow), pytest.param(3, 3, 8, marks=pytest.mark.slow)],
)
def test_two_devices_count_every_image_once(train_size, validation_size, batch_size):
    check_equal_to_one_device(train_size, validation_size, batch_size)


@pytest.mark.slow
def test_two_devices_weigh_unequal_classes_alike():
    check_equal_to_one_device(21, 5, 6, {"class_weight": "balanced", "label_smoothing": 0.1})


@pytest.mark.slow
def test_three_devices_count_every_image_once():
    code = """
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 3
)
from tests.training.distributed.test_replicas import check_equal_to_one_device
for sizes in ((19, 5, 8), (5, 3, 6)):
    check_equal_to_one_device(*sizes)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_a_convolution_with_batch_normalisation_trains_on_uneven_parts():
    dataset = dataset_of(11, 3, side=16)  # the last batch has three images
    config = TrainConfig(epochs=2, batch_size=8, strategy="mirrored", learning_rate=1e-3)
    network = functools.partial(build, "basenet_deeper", arguments={"batch_norm": "before"})
    trained = train(dataset, Recipe(network, (config,), 0, Augmentation(rescale=1 / 255)))
    assert all(np.isfinite(weight).all() for weight in trained.model.get_weights())
    statistics = [variable.value for variable in trained.model.variables if "moving" in variable.path]
    assert statistics
    for first, second in (variable.values for variable in statistics):  # averaged, although the images differ
        np.testing.assert_array_equal(first.numpy(), second.numpy())


@pytest.mark.parametrize(
    ("count", "batch_size", "replicas", "fits"),
    [(17, 8, 2, False), (18, 8, 2, True), (16, 8, 2, True), (1, 8, 2, False), (12, 4, 3, False), (5, 6, 3, True)],
)
def test_a_batch_that_leaves_a_device_without_an_image_is_refused(count, batch_size, replicas, fits):
    if fits:
        check_batches(count, batch_size, replicas)
    else:
        with pytest.raises(KerasclfError, match=f"batch_size: expected batches .* each of {replicas} devices"):
            check_batches(count, batch_size, replicas)


@pytest.mark.parametrize(("count", "given", "size"), [(17, 8, 9), (16, 8, 8), (5, 8, 8), (9, 4, 5)])
def test_evaluation_takes_a_batch_size_that_gives_each_device_an_image(count, given, size):
    assert evaluation_size(count, given, 2) == size


def test_too_few_validation_images_for_the_devices_are_refused():
    with pytest.raises(KerasclfError, match="strategy: expected at least one validation image for each of 2 devices"):
        evaluation_size(1, 8, 2)


@pytest.fixture
def two_workers(monkeypatch):
    """The process that plans for two workers."""
    for name, value in launch_environment(Cluster(("a:4000", "b:4000"), 0)).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("train_size", "validation_size", "changes", "message"),
    [
        (
            17,
            4,
            {},
            "batch_size: expected batches .* of 2 workers. Received: 8, which leaves 1 for the last batch of 17",
        ),
        (
            18,
            1,
            {},
            "strategy: expected at least one validation image for each of 2 workers. Received: 1. Add images, or",
        ),
        # Three classes of at most 7 images: 21 with oversampling, which leaves 1 for the last batch.
        (19, 4, {"batch_size": 5, "oversampling": "balanced"}, "Received: 5, which leaves 1 for the last batch of 21"),
    ],
)
def test_batches_that_leave_a_worker_without_an_image_are_refused_by_the_plan(
    train_size, validation_size, changes, message, two_workers
):
    phase = TrainConfig(batch_size=8).but(**changes)
    check_shares(dataset_of(18, 2), (phase.but(batch_size=6),), 2)
    with pytest.raises(KerasclfError, match=f"{message}.* start fewer workers"):
        check_shares(dataset_of(train_size, validation_size), (phase,), 2)


def test_every_evaluation_size_gives_each_worker_an_image_of_each_batch(two_workers):
    for count, batch, workers in itertools.product(range(1, 30), range(1, 12), range(1, 5)):
        if count < workers:
            continue
        size = evaluation_size(count, batch, workers)
        assert size >= batch
        for first in range(0, count, size):
            parts = [Share(index, workers).size(min(size, count - first)) for index in range(workers)]
            assert min(parts) >= 1 and sum(parts) == min(size, count - first)
