"""CIFAR and MNIST through keras.datasets, from files in the published formats."""

import io
import pickle
import struct
import tarfile

import numpy as np
import pytest
from keras.src.utils import file_utils

from kerasclf.data import default_dataset, keras_sets, load_dataset
from kerasclf.errors import DataError


@pytest.fixture
def offline(monkeypatch):
    """No host answers, without any waiting."""

    def refuse(*args, **kwargs):
        raise OSError("no network in tests")

    monkeypatch.setattr(keras_sets.socket, "create_connection", refuse)
    monkeypatch.setattr(file_utils, "urlretrieve", refuse)


@pytest.fixture
def trusting(monkeypatch):
    """Makes Keras accept our small files instead of the published ones."""
    monkeypatch.setattr(file_utils, "validate_file", lambda *args, **kwargs: True)


class Python2Pickler(pickle._Pickler):
    """Writes bytes in the form of Python 2's strings, as in the CIFAR archives."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

    def save_bytes(self, text):
        self.write(pickle.BINSTRING + struct.pack("<i", len(text)) + text)
        self.memoize(text)

    dispatch[bytes] = save_bytes


def python2_pickle(value):
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def cifar_batch(count, classes, labels_key, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    data = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
    data[:, 0] = labels  # the red value of the first pixel is the label
    data[:, 1024] = 200  # the first green value
    return {b"data": data, labels_key: labels.tolist(), b"coarse_labels": [0] * count, b"filenames": [b"x"] * count}


def write_cifar100(path):
    """Writes an archive in the form that the University of Toronto serves and Keras caches."""
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, count, seed in (("train", 2000, 0), ("test", 400, 1)):
            content = python2_pickle(cifar_batch(count, 100, b"fine_labels", seed))
            info = tarfile.TarInfo(f"cifar-100-python/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_cifar100_25_from_a_cached_archive(trusting, offline):
    write_cifar100(keras_sets.KERAS_SETS["cifar100"].path)
    dataset = load_dataset("cifar100:25")
    assert dataset.num_classes == 25
    assert dataset.class_names[0] == "apple"
    assert dataset.class_names[24] == "cockroach"
    assert [len(dataset.subset(name)) for name in ("train", "validation", "test")] == [450, 50, 100]
    images = dataset.test.images.read(np.arange(100))
    assert images.shape == (100, 32, 32, 3)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[:, 0, 0, 0], dataset.test.labels)
    assert (images[:, 0, 0, 1] == 200).all()
    assert dataset.test.names[:2] == ("0", "1")
    assert default_dataset("cifar100:25").spec == "cifar100:25"


def test_a_damaged_archive_is_not_used(offline):
    path = keras_sets.KERAS_SETS["cifar100"].path
    write_cifar100(path)  # not the published hash
    with pytest.raises(DataError, match="CIFAR-100 is not cached and could not be downloaded"):
        load_dataset("cifar100:25")


def test_a_named_set_never_falls_back(offline):
    with pytest.raises(DataError, match=r"copy the archive to .*cifar-100-python-target_archive"):
        load_dataset("cifar100:25")


def test_the_default_falls_back_to_shapes_and_says_so(offline):
    choice = default_dataset("cifar100:25")
    assert choice.spec == "shapes"
    first, second = choice.notice.splitlines()
    assert "CIFAR-100 is not cached" in first
    assert "not comparable" in second


def test_the_default_falls_back_if_a_host_answers_but_does_not_serve_the_file(monkeypatch):
    class Connection:
        def close(self): ...

    def forbid(*args, **kwargs):
        raise OSError("403 Forbidden")

    monkeypatch.setattr(keras_sets.socket, "create_connection", lambda *args: Connection())
    monkeypatch.setattr(file_utils, "urlretrieve", forbid)
    assert default_dataset("cifar100:25").spec == "shapes"


def test_mnist_has_a_channel_axis(trusting, offline):
    path = keras_sets.KERAS_SETS["mnist"].path
    path.parent.mkdir(parents=True)
    x, y = np.zeros((200, 28, 28), np.uint8), (np.arange(200) % 10).astype(np.uint8)
    np.savez(path, x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    dataset = load_dataset("mnist:3")
    assert dataset.image_shape == (28, 28, 1)
    assert dataset.class_names == ("0", "1", "2")


def test_names_of_classes():
    assert len(set(keras_sets.CIFAR100_NAMES)) == 100
    assert list(keras_sets.CIFAR100_NAMES) == sorted(keras_sets.CIFAR100_NAMES)
    assert keras_sets.CIFAR10_NAMES[5] == "dog"


@pytest.mark.parametrize("spec", ["cifar100:1", "cifar100:101", "cifar10:0", "mnist:11"])
def test_an_impossible_number_of_classes(spec):
    name, _, number = spec.partition(":")
    with pytest.raises(DataError, match=rf"^{name}:N: expected N from 2 to 100? classes\. Received: {number}\.$"):
        load_dataset(spec)
