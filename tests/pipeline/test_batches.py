"""Batches: every image once per epoch, in an order that depends on seed and epoch."""

import os

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.autograph.impl import api as autograph

from kerasclf import Augmentation
from kerasclf.data import FileImages, Subset, listings, load_dataset
from kerasclf.errors import FolderError
from kerasclf.pipeline.batches import Epoch, evaluation_batches, read_errors, training_batches
from kerasclf.transfer import activations
from kerasclf.transfer.cache import ActivationCache
from tests.conftest import make_subset


def epoch_of(subset, number=0, batch_size=8, seed=0, **fields):
    data = training_batches(subset, 3, batch_size, Augmentation(**fields), seed, Epoch(number))
    return [(images.numpy(), labels.numpy()) for images, labels in data]


@pytest.mark.parametrize("batch_size", [8, 7, 100])
def test_an_epoch_has_every_image_once(batch_size):
    subset = make_subset(30, shape=(8, 8, 3))
    batches = epoch_of(subset, batch_size=batch_size)
    assert [len(images) for images, _ in batches[:-1]] == [batch_size] * (len(batches) - 1)
    images, labels = (np.concatenate(values) for values in zip(*batches, strict=True))
    assert images.dtype == np.uint8
    assert labels.dtype == np.float32
    assert sorted(map(bytes, images)) == sorted(map(bytes, subset.images.read(np.arange(30))))
    # An image keeps its label.
    known = {bytes(image): label for image, label in zip(subset.images.read(np.arange(30)), subset.labels, strict=True)}
    assert [known[bytes(image)] for image in images] == labels.argmax(axis=1).tolist()


def test_order_is_a_function_of_seed_and_epoch():
    subset = make_subset(50, shape=(8, 8, 3))
    first, again = epoch_of(subset), epoch_of(subset)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    assert (epoch_of(subset, number=1)[0][0] != first[0][0]).any()
    assert (epoch_of(subset, seed=1)[0][0] != first[0][0]).any()


def test_each_pass_reads_the_epoch_anew():
    subset, epoch = make_subset(20, shape=(8, 8, 3)), Epoch()
    data = training_batches(subset, 3, 20, Augmentation(horizontal_flip=True), 0, epoch)
    passes = []
    for number in (0, 1, 0):
        epoch.number = number
        passes.append(next(iter(data))[0].numpy())
    np.testing.assert_array_equal(passes[0], passes[2])
    assert (passes[0] != passes[1]).any()


def test_the_batch_size_does_not_change_an_images_augmentation():
    subset = make_subset(40, shape=(8, 8, 3))
    small, large = (
        np.concatenate([images for images, _ in epoch_of(subset, batch_size=size, zoom_range=0.3)]) for size in (4, 40)
    )
    np.testing.assert_allclose(small.astype(int), large.astype(int), atol=1)


def test_images_from_files_are_the_same_as_from_memory(tmp_path, monkeypatch):
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(12):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / name / f"{i}.png")
    memory = load_dataset(f"folder:{tmp_path}").train
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", 0)
    files = load_dataset(f"folder:{tmp_path}").train
    assert isinstance(files.images, FileImages)
    for one, other in zip(epoch_of(memory), epoch_of(files), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_evaluation_keeps_order_and_pixels():
    subset: Subset = make_subset(11, shape=(8, 8, 3))
    batches = list(evaluation_batches(subset, 3, 4))
    assert [len(images) for images, _ in batches] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), subset.images.read(np.arange(11)))
    assert np.concatenate([labels for _, labels in batches]).argmax(axis=1).tolist() == subset.labels.tolist()


def test_the_number_of_batches_is_known():
    subset = make_subset(30, shape=(8, 8, 3))
    assert int(training_batches(subset, 3, 8, Augmentation(), 0, Epoch()).cardinality()) == 4
    assert int(evaluation_batches(subset, 3, 30).cardinality()) == 1


def test_an_activation_that_is_damaged_during_training_is_named_without_a_traceback_of_tensorflow(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(activations, "_IN_MEMORY_BYTES", 0)
    cache = ActivationCache(tmp_path, {"name": "small"}, (3,), "float32")
    cache.open()
    keys = [f"{i:032x}" for i in range(12)]
    cache.append(keys, np.ones((12, 3), np.float32))
    subset = Subset(cache.source(keys), np.zeros(12, np.int64), tuple(keys))
    with read_errors():
        assert len(list(evaluation_batches(subset, 2, 4))) == 3
    os.truncate(cache.folder / "rows.bin", 100)
    with (
        pytest.raises(
            FolderError, match=r"^\S+rows\.bin was damaged while a run read it\. Start the run again,.*anew\.$"
        ),
        read_errors(),
    ):
        list(evaluation_batches(subset, 2, 4))


def test_other_errors_of_tensorflow_stay():
    with pytest.raises(tf.errors.InvalidArgumentError), read_errors():
        tf.reshape(tf.zeros(3), (2, 2))


def test_functions_are_traced_without_a_translation(monkeypatch):
    translated = []

    def translate(function, *rest):
        translated.append(function)
        raise RuntimeError

    monkeypatch.setattr(autograph, "_convert_actual", translate)
    subset = make_subset(8, shape=(8, 8, 3))
    fields = {"zoom_range": 0.2, "horizontal_flip": True, "random_erasing": 0.5, "cut_mix": 1.0}
    assert len(epoch_of(subset, **fields)) == len(list(evaluation_batches(subset, 3, 8))) == 1
    assert translated == []
