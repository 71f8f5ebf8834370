"""CIFAR and MNIST: from the user's own copy, or through keras.datasets, which downloads, checks and caches them."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import getproxies

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset
from kerasclf.data.folders import list_folder
from kerasclf.data.image_sources import ArrayImages
from kerasclf.data.listings import Listing, read_listings
from kerasclf.data.pixels.decode import resize_images
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.published.keras_archives import ArchiveContent, CifarArchive, MnistArchive
from kerasclf.data.published.known_sets import recognise
from kerasclf.errors import DataError
from kerasclf.files.home_folders import data_home, keras_home
from kerasclf.log import Log

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


# The folder of images that stands for the first 25 classes of CIFAR-100.
_CIFAR100_25 = "cifar100_25"


@dataclass(frozen=True)
class KerasSet:
    """A data set of keras.datasets.

    Args:
        module: Name of its module in keras.datasets.
        title: Name in tables and pages.
        file: Name of its file in the Keras home.
        host: Host that serves it.
        class_names: Class names, in the order of the labels.
        archive: The files that its authors publish.
    """

    module: str
    title: str
    file: str
    host: str
    class_names: tuple[str, ...]
    archive: CifarArchive | MnistArchive

    @property
    def path(self) -> Path:
        """The file that Keras downloads."""
        return keras_home() / "datasets" / self.file

    def places(self, num_classes: int | None) -> list[Path]:
        """Returns where the images may lie on this machine, in the order in which they are looked for."""
        own, cache = data_home(), keras_home() / "datasets"
        places = [own / place for place in self.archive.places] if own else []
        places += [self.path, *(cache / place for place in self.archive.places)]
        if own and self.module == "cifar100" and num_classes == 25:
            places.append(own / _CIFAR100_25)
        return list(dict.fromkeys(places))

    def find(self, num_classes: int | None) -> Path | None:
        """Returns the first of the places that exists, or None."""
        return next((place for place in self.places(num_classes) if place.exists()), None)

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
        "cifar10", "CIFAR-10", "cifar-10-batches-py-target_archive", "www.cs.toronto.edu", CIFAR10_NAMES,
        CifarArchive(
            "cifar-10-batches-py", "cifar-10-python.tar.gz",
            {
                "data_batch_1": "c99cafc152244af753f735de768cd75f",
                "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
                "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
                "data_batch_4": "634d18415352ddfa80567beed471001a",
                "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            },
            {"test_batch": "40351d587109b95175f43aff81a1287e"}, b"labels", len(CIFAR10_NAMES),
        ),
    ),
    "cifar100": KerasSet(
        "cifar100", "CIFAR-100", "cifar-100-python-target_archive", "www.cs.toronto.edu", CIFAR100_NAMES,
        CifarArchive(
            "cifar-100-python", "cifar-100-python.tar.gz", {"train": "16019d7e3df5f24257cddd939b257f8d"},
            {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"}, b"fine_labels", len(CIFAR100_NAMES),
        ),
    ),
    "mnist": KerasSet(
        "mnist", "MNIST", "mnist.npz", "storage.googleapis.com", tuple("0123456789"),
        MnistArchive("mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),
    ),
}  # fmt: skip


class FoundSet(NamedTuple):
    """The images of a data set, before they are divided.

    Args:
        title: Name in tables and pages.
        class_names: Class names, in the order of the labels.
        sets: The training and test images.
        known_as: Spec of the published data set that they are: their files have its hashes, or their pixels have its
            digest. None if they have neither.
    """

    title: str
    class_names: tuple[str, ...]
    sets: dict[str, Subset]
    known_as: str | None


def load_keras_set(name: str, num_classes: int | None = None, log: Log = lambda line: None) -> FoundSet:
    """Loads a data set from the first of `KerasSet.places` that exists, or downloads it.

    Args:
        name: A key of `KERAS_SETS`.
        num_classes: Keeps only the images of the first `num_classes` labels; None keeps all.
        log: Receives progress messages, one line each, while many files are read.

    Raises:
        DataError: If the data set is not on this machine and cannot be downloaded, or is damaged. The message says
            where it was looked for.
    """
    known = KERAS_SETS[name]
    check_classes(name, num_classes)
    place = known.find(num_classes)
    if place is not None and place.name == _CIFAR100_25:
        names, sets = _read_images(place, log)
        return _found(name, names, sets, verified=False)
    classes = len(known.class_names) if num_classes is None else num_classes
    content = _through_keras(known, num_classes) if place in (None, known.path) else known.archive.read(place)
    sets = {
        part: _first_classes(images, labels, classes)
        for part, (images, labels) in (("train", content.train), ("test", content.test))
    }
    return _found(name, known.class_names[:classes], sets, content.verified)


def _found(name: str, class_names: tuple[str, ...], sets: dict[str, Subset], verified: bool) -> FoundSet:
    title, classes = KERAS_SETS[name].title, len(class_names)
    if classes < len(KERAS_SETS[name].class_names):
        name, title = f"{name}:{classes}", f"{title}, classes 0–{classes - 1}"
    if verified:
        return FoundSet(title, class_names, sets, name)
    known = recognise(sets)
    return FoundSet(
        title if known else f"{title} (unverified images)", class_names, sets, known.spec if known else None
    )


def resized(subset: Subset, size: tuple[int, int], fit: Fit = "squash") -> Subset:
    """Returns the images of a subset in memory, resized as `resize_images` does it."""
    array = subset.images.array
    assert array is not None
    return Subset(ArrayImages(resize_images(array, size, fit)), subset.labels, subset.names)


def check_classes(name: str, num_classes: int | None) -> None:
    """Checks the number of classes of a data set of keras.datasets.

    Raises:
        DataError: If the data set does not have so many, or fewer than two are requested.
    """
    known = KERAS_SETS[name]
    if num_classes is not None and not 2 <= num_classes <= len(known.class_names):
        raise DataError(f"{name}:N: expected N from 2 to {len(known.class_names)} classes. Received: {num_classes}.")


def _through_keras(known: KerasSet, num_classes: int | None) -> ArchiveContent:
    try:
        train, test = _loader(known)()
    except Exception as error:  # Keras raises a bare Exception if a download fails
        looked = ", ".join(map(str, known.places(num_classes)))
        raise DataError(
            f"{known.title} is not cached and could not be downloaded ({error}). Try again with a network connection, "
            f"or copy the archive to {known.path}. {_own_copy()} Looked for: {looked}."
        ) from error
    return ArchiveContent(train, test, verified=True)  # Keras compares the hash of the file


def _own_copy() -> str:
    own = data_home()
    if own is None:
        return "An own copy is found below the folder that the environment variable KERASCLF_DATA names; it is not set."
    return f"An own copy is found below the folder that KERASCLF_DATA names, now {own}."


def _loader(known: KerasSet) -> Callable[[], Arrays]:
    import keras

    return getattr(keras.datasets, known.module).load_data  # type: ignore[no-any-return]


def _read_images(root: Path, log: Log) -> tuple[tuple[str, ...], dict[str, Subset]]:
    """Reads the first classes of CIFAR-100 from a folder with one file per image.

    Raises:
        DataError: If the folder has other classes or sets.
    """
    names, listings = list_folder(root)
    if names != CIFAR100_NAMES[: len(names)] or len(names) != 25 or set(listings) != {"train", "test"}:
        raise DataError(
            f"Expected {root}/train and {root}/test, each with the first 25 classes of CIFAR-100, from apple to "
            f"cockroach. Received: {', '.join(sorted(listings))} with {len(names)} classes, from {names[0]} to "
            f"{names[-1]}."
        )
    return names, read_listings({name: _in_turn(listing) for name, listing in listings.items()}, None, log).sets


def _in_turn(listing: Listing) -> Listing:
    """Returns the first file of each class, then the second of each, and so on.

    The numbers of the files keep the archive's order within a class. A study that validates on the first images of
    the archive thus validates on nearly the same ones.
    """
    order = sorted(range(len(listing.files)), key=lambda i: (listing.files[i].name, listing.labels[i]))
    return listing.take(np.array(order, np.int64))


def _first_classes(images: NDArray[Any], labels: NDArray[Any], classes: int) -> Subset:
    labels = labels.reshape(-1).astype(np.int64)
    chosen = np.flatnonzero(labels < classes)
    if images.ndim == 3:  # MNIST has no channel axis
        images = images[..., None]
    array = np.ascontiguousarray(images[chosen].astype(np.uint8, copy=False))
    return Subset(ArrayImages(array), labels[chosen], tuple(str(i) for i in chosen))
