"""CIFAR and MNIST from copies of their published archives."""

import hashlib
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kerasclf import Split, load_dataset
from kerasclf.data import default_dataset
from kerasclf.data.published import keras_sets
from kerasclf.data.published.known_sets import content_digest
from kerasclf.errors import DataError
from tests.data.cifar_files import cifar100_files, cifar_batch, python2_pickle, write_cifar100

FILES = cifar100_files()


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """The folder of the user's own copies."""
    monkeypatch.setenv("KERASCLF_DATA", str(tmp_path))
    return tmp_path


def write_unpacked(folder, files=FILES):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def publish(monkeypatch):
    """Makes FILES the published ones."""
    known = keras_sets.KERAS_SETS["cifar100"]
    digests = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}
    archive = replace(known.archive, train={"train": digests["train"]}, test={"test": digests["test"]})
    monkeypatch.setitem(keras_sets.KERAS_SETS, "cifar100", replace(known, archive=archive))


@pytest.mark.parametrize("place", ["cifar-100-python", "cifar-100-python-target/cifar-100-python", "cache"])
def test_an_unpacked_archive(own, monkeypatch, place):
    publish(monkeypatch)
    cache = keras_sets.keras_home() / "datasets" / "cifar-100-python"
    write_unpacked(cache if place == "cache" else own / place)
    dataset = load_dataset("cifar100:25")
    assert (dataset.title, dataset.known_as) == ("CIFAR-100, classes 0–24", "cifar100:25")
    assert dataset.class_names[24] == "cockroach"
    assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [450, 50, 100]
    images = dataset.test.images.read(np.arange(100))
    np.testing.assert_array_equal(images[:, 0, 0, 0], dataset.test.labels)
    assert (images[:, 0, 0, 1] == 200).all()
    assert dataset.test.names[25] == "100"  # its index in the archive: the image after the first 100 classes
    assert default_dataset("cifar100:25").notice == ""
    assert load_dataset("cifar100").known_as == "cifar100"


def test_a_packed_archive_has_the_images_of_the_unpacked_one(own):
    write_unpacked(own / "cifar-100-python")
    unpacked = load_dataset("cifar100:25")
    for file in (own / "cifar-100-python").iterdir():
        file.unlink()
    (own / "cifar-100-python").rmdir()
    write_cifar100(own / "cifar-100-python.tar.gz")
    assert load_dataset("cifar100:25").manifest == unpacked.manifest


def test_files_with_other_hashes_are_used_but_not_as_the_published_images(own):
    write_unpacked(own / "cifar-100-python")
    dataset = load_dataset("cifar100:25", split=Split(train_per_class=4))
    assert (dataset.title, dataset.known_as) == ("CIFAR-100, classes 0–24 (unverified images)", None)


class Command:
    """Runs a command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "train is no file of CIFAR"),
        (FILES["train"][:5000], "train is no file of CIFAR"),
        (python2_pickle({b"data": np.zeros((2, 3072), np.uint8)}), r"train is no file of CIFAR \(b'fine_labels'\)"),
        (python2_pickle({b"data": np.zeros((2, 99), np.uint8), b"fine_labels": [0, 1]}), "train has no images of"),
        (python2_pickle(cifar_batch(200, 101, b"fine_labels", 0)), "train does not have labels from 0 to 99"),
        (
            python2_pickle({b"data": np.zeros((2, 3072), np.uint8), b"fine_labels": [0]}),
            "train does not have one label per image",
        ),
    ],
    ids=["empty", "short", "no labels", "no images", "label 100", "too few labels"],
)
def test_a_damaged_file_is_named(own, content, message):
    write_unpacked(own / "cifar-100-python", {**FILES, "train": content})
    with pytest.raises(DataError, match=rf"cifar-100-python cannot be read: {message}"):
        load_dataset("cifar100:25")


def test_a_file_that_would_run_a_command_is_refused(own):
    harmful = pickle.dumps({b"data": Command(f"touch {own}/ran"), b"fine_labels": []})
    write_unpacked(own / "cifar-100-python", {**FILES, "test": harmful})
    with pytest.raises(DataError, match=r"it asks for \w+\.system, which no file of images needs"):
        load_dataset("cifar100:25")
    assert not (own / "ran").exists()


def test_a_missing_file_is_named(own):
    write_unpacked(own / "cifar-100-python", {"train": FILES["train"]})
    with pytest.raises(DataError, match=r"cifar-100-python cannot be read: .*cifar-100-python/test"):
        load_dataset("cifar100:25")


def test_the_batches_of_cifar10_are_joined(own):
    batches = {f"data_batch_{i}": python2_pickle(cifar_batch(20, 10, b"labels", i)) for i in range(1, 6)}
    write_unpacked(
        own / "cifar-10-batches-py", {**batches, "test_batch": python2_pickle(cifar_batch(20, 10, b"labels", 6))}
    )
    dataset = load_dataset("cifar10")
    assert [len(dataset.train) + len(dataset.validation), len(dataset.test)] == [100, 20]
    assert dataset.title == "CIFAR-10 (unverified images)"


def test_mnist(own, monkeypatch):
    x, y = np.zeros((200, 28, 28), np.uint8), (np.arange(200) % 10).astype(np.uint8)
    np.savez(own / "mnist.npz", x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    assert load_dataset("mnist").title == "MNIST (unverified images)"
    known = keras_sets.KERAS_SETS["mnist"]
    digest = hashlib.sha256((own / "mnist.npz").read_bytes()).hexdigest()
    archive = replace(known.archive, digest=digest)
    monkeypatch.setitem(keras_sets.KERAS_SETS, "mnist", replace(known, archive=archive))
    dataset = load_dataset("mnist:3")
    assert (dataset.title, dataset.known_as) == ("MNIST, classes 0–2", "mnist:3")
    (own / "mnist.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"mnist\.npz cannot be read"):
        load_dataset("mnist")


def write_folder(root, names, count=4):
    """Writes images whose red value is their number within the class."""
    for name in names:
        for part in ("train", "test"):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(np.full((32, 32, 3), number, np.uint8)).save(root / part / name / f"{number:04}.png")


def test_a_folder_of_images_stands_for_25_classes(own):
    write_folder(own / "cifar100_25", keras_sets.CIFAR100_NAMES[:25])
    found = keras_sets.load_keras_set("cifar100", 25)
    assert found.class_names == keras_sets.CIFAR100_NAMES[:25]
    assert found.known_as is None
    # The order that is known: that of the numbers within each class.
    np.testing.assert_array_equal(found.sets["train"].labels, np.tile(np.arange(25), 4))
    np.testing.assert_array_equal(found.sets["train"].images.array[:, 0, 0, 0], np.repeat(np.arange(4), 25))
    assert default_dataset("cifar100:25").notice == ""
    assert keras_sets.KERAS_SETS["cifar100"].find(24) is None
    dataset = load_dataset("cifar100:25", image_size=(16, 16))
    assert dataset.image_shape == (16, 16, 3)


def test_a_folder_with_other_classes_is_refused(own):
    write_folder(own / "cifar100_25", keras_sets.CIFAR100_NAMES[:24], count=1)
    with pytest.raises(DataError, match=r"Received: test, train with 24 classes, from apple to cloud\."):
        load_dataset("cifar100:25")


def test_an_archive_goes_before_a_folder_of_images(own):
    write_folder(own / "cifar100_25", keras_sets.CIFAR100_NAMES[:25], count=1)
    write_unpacked(own / "cifar-100-python")
    assert len(load_dataset("cifar100:25").test) == 100


def test_the_same_images_have_one_digest_in_an_archive_and_in_a_folder(own):
    write_unpacked(own / "cifar-100-python")
    archived = keras_sets.load_keras_set("cifar100", 25).sets
    for part, subset in archived.items():
        for index, (image, label) in enumerate(zip(subset.images.array, subset.labels, strict=True)):
            folder = own / "photos" / part / keras_sets.CIFAR100_NAMES[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{index:04}.png")
    loaded = load_dataset(f"folder:{own}/photos")
    divided = {"train": loaded.train, "validation": loaded.validation, "test": loaded.test}
    assert content_digest(divided) == content_digest(archived)
