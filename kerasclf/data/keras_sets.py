"""CIFAR and MNIST through keras.datasets: downloaded once, checked by hash, cached in the Keras home."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset
from kerasclf.data.image_sources import ArrayImages
from kerasclf.errors import DataError
from kerasclf.files import keras_home

# In alphabetical order, as in the files batches.meta and meta of the archives.
CIFAR10_NAMES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
CIFAR100_NAMES = tuple(
    """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
    castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
    elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
    man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
    pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
    tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm""".split()
)

Arrays = tuple[tuple[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True)
class KerasSet:
    """A data set of keras.datasets.

    Args:
        module: Name of its module in keras.datasets.
        title: Name in tables and pages.
        file: Name of its file in the Keras home.
        host: Host that serves it.
        class_names: Class names, in the order of the labels.
    """

    module: str
    title: str
    file: str
    host: str
    class_names: tuple[str, ...]

    @property
    def path(self) -> Path:
        return keras_home() / "datasets" / self.file

    def is_available(self, timeout: float = 3.0) -> bool:
        """Returns whether the file is cached, or its host answers within `timeout` seconds."""
        if self.path.exists() or getproxies():  # a proxy may reach the host even if this machine cannot
            return True
        try:
            socket.create_connection((self.host, 443), timeout).close()
        except OSError:
            return False
        return True


KERAS_SETS = {
    "cifar10": KerasSet(
        "cifar10", "CIFAR-10", "cifar-10-batches-py-target_archive", "www.cs.toronto.edu", CIFAR10_NAMES
    ),
    "cifar100": KerasSet(
        "cifar100", "CIFAR-100", "cifar-100-python-target_archive", "www.cs.toronto.edu", CIFAR100_NAMES
    ),
    "mnist": KerasSet("mnist", "MNIST", "mnist.npz", "storage.googleapis.com", tuple("0123456789")),
}


def load_keras_set(name: str, num_classes: int | None = None) -> tuple[tuple[str, ...], dict[str, Subset]]:
    """Loads a data set of keras.datasets.

    Args:
        name: A key of `KERAS_SETS`.
        num_classes: Keeps only the images of the first `num_classes` labels; None keeps all.

    Returns:
        The class names, and the training and test images.

    Raises:
        DataError: If the data set is not cached and cannot be downloaded; the message says where to put the file.
    """
    known = KERAS_SETS[name]
    check_classes(name, num_classes)
    classes = len(known.class_names) if num_classes is None else num_classes
    try:
        (x_train, y_train), (x_test, y_test) = _loader(known)()
    except Exception as error:  # Keras raises a bare Exception if a download fails
        raise DataError(
            f"{known.title} is not cached and could not be downloaded ({error}). Try again with a network connection, "
            f"or copy the archive to {known.path}."
        ) from error
    return known.class_names[:classes], {
        "train": _first_classes(x_train, y_train, classes),
        "test": _first_classes(x_test, y_test, classes),
    }


def check_classes(name: str, num_classes: int | None) -> None:
    """Checks the number of classes of a data set of keras.datasets.

    Raises:
        DataError: If the data set does not have so many, or fewer than two are requested.
    """
    known = KERAS_SETS[name]
    if num_classes is not None and not 2 <= num_classes <= len(known.class_names):
        raise DataError(f"{name}:N: expected N from 2 to {len(known.class_names)} classes. Received: {num_classes}.")


def _loader(known: KerasSet) -> Callable[[], Arrays]:
    import keras

    return getattr(keras.datasets, known.module).load_data  # type: ignore[no-any-return]


def _first_classes(images: NDArray[Any], labels: NDArray[Any], classes: int) -> Subset:
    labels = labels.reshape(-1).astype(np.int64)
    chosen = np.flatnonzero(labels < classes)
    if images.ndim == 3:  # MNIST has no channel axis
        images = images[..., None]
    array = np.ascontiguousarray(images[chosen].astype(np.uint8, copy=False))
    return Subset(ArrayImages(array), labels[chosen], tuple(str(i) for i in chosen))
