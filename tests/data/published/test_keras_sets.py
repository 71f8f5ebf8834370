"""CIFAR and MNIST through keras.datasets, from files in the published formats."""

import numpy as np
import pytest
from keras.src.utils import file_utils

from kerasclf.data import default_dataset, load_dataset
from kerasclf.data.published import keras_sets
from kerasclf.errors import DataError
from tests.data.cifar_files import write_cifar100


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
    assert (dataset.title, dataset.known_as) == ("CIFAR-100, classes 0–24", "cifar100:25")
    assert default_dataset("cifar100:25").spec == "cifar100:25"


def test_a_damaged_archive_is_not_used(offline):
    path = keras_sets.KERAS_SETS["cifar100"].path
    write_cifar100(path)  # not the published hash
    with pytest.raises(DataError, match="CIFAR-100 is not cached and could not be downloaded"):
        load_dataset("cifar100:25")


def test_a_named_set_never_falls_back(offline):
    with pytest.raises(DataError, match=r"copy the archive to .*cifar-100-python-target_archive"):
        load_dataset("cifar100:25")


def test_the_message_lists_where_the_images_were_looked_for(offline, tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"variable KERASCLF_DATA names; it is not set\."):
        load_dataset("cifar100:25")
    monkeypatch.setenv("KERASCLF_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        load_dataset("cifar100:25")
    assert f"KERASCLF_DATA names, now {tmp_path}. Looked for: {tmp_path}/cifar-100-python, " in str(caught.value)
    assert f"{tmp_path}/cifar-100-python.tar.gz, " in str(caught.value)
    assert str(caught.value).endswith(f"{tmp_path}/cifar100_25.")


def test_the_default_falls_back_to_shapes_and_says_so(offline):
    choice = default_dataset("cifar100:25")
    assert choice.spec == "shapes"
    first, second = choice.notice.splitlines()
    assert "CIFAR-100 is not cached" in first
    assert "not below KERASCLF_DATA (not set)" in first
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
