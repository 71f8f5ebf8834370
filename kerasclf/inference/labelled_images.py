"""`LabelledImages`: the images of a data set to evaluate models on, with the names of their classes.

Files are read batch by batch, as for predictions. A class needs one image only, as nothing is divided.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset, class_counts
from kerasclf.data.folds import join
from kerasclf.data.image_sources import ImageSource
from kerasclf.data.listings import Listing, describe_left_out
from kerasclf.data.names import find_names
from kerasclf.data.npz_sets import names_of_sets, read_npz_sets
from kerasclf.data.pixels.decode import resize_images
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.published.known_sets import recognise
from kerasclf.data.spec_paths import path_of
from kerasclf.data.specs import check_images, complete_spec, form_of, load_dataset
from kerasclf.errors import DataError, KerasclfError, close_names, shortened
from kerasclf.inference.read_ahead import ImageBatch, batch_size, file_reader, read_batches
from kerasclf.log import Log
from kerasclf.wording import counted

# Sets that their publisher has divided. The other sets without files are made for training.
_DIVIDED = ("cifar10", "cifar100", "mnist")

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class LabelledImages:
    """Images with their labels, in files or in memory.

    Args:
        spec: The data set, as `load_dataset` takes it.
        title: Its name in tables and pages.
        which: The images of it that these are, such as "all images".
        class_names: Names of its classes, in the order of the labels.
        names: Name of each image.
        labels: Class indices, int64 of shape (n,).
        files: The file of each image; empty for images in memory.
        source: Images in memory; None for files.
    """

    spec: str
    title: str
    which: str
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    labels: NDArray[np.int64]
    files: tuple[Path, ...] = ()
    source: ImageSource | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def find(cls, spec: str, log: Log = lambda line: None) -> "LabelledImages":
        """Returns the test set of a data set that has one of its own, otherwise all its images.

        `digits` and `shapes` are drawn for training: their images are those that `load_dataset` holds out.

        Raises:
            DataError: If the data set cannot be used.
        """
        spec = complete_spec(spec)
        check_images(spec)
        form = form_of(spec)
        assert form is not None
        if spec.startswith("npz:"):
            return _of_arrays(spec)
        if form.list_files is None:
            dataset = load_dataset(spec, log=log)
            own = spec.partition(":")[0] in _DIVIDED
            which = "its test set" if own else "the test set that is held out by default"
            return cls(spec, dataset.title, which, dataset.class_names, *_parts(dataset.test))
        root, class_names, listings = form.list_files(spec.partition(":")[2])
        which = "its test set" if "test" in listings else "all images"
        listing = listings.get("test") or _joined(listings)
        if listing.left_out:
            log(describe_left_out(listing.left_out))
        names = listing.names
        found = cls(spec, f"images of {root.name}", which, class_names, names, listing.labels, files=listing.files)
        return found.take(np.array(sorted(range(len(names)), key=names.__getitem__), np.int64))  # listings are shuffled

    def in_classes(
        self, class_names: Sequence[str], rename: Mapping[str, str] | None = None, known_only: bool = False
    ) -> "LabelledImages":
        """Returns these images with the labels of a model's classes. Classes are matched by name, never by position.

        Args:
            class_names: The classes of the model, in the order of its outputs.
            rename: The model's name of a class that is called otherwise here.
            known_only: Whether to leave out the images of classes that the model does not know.

        Raises:
            KerasclfError: If the model does not know a class; the message names all such classes.
        """
        rename = dict(rename or {})
        _check_renamed(rename, self.class_names, class_names)
        found = np.array(find_names(self.renamed(rename), class_names), np.int64)
        counts = class_counts(self.labels, len(found))
        strange = np.flatnonzero((found < 0) & (counts > 0)).tolist()
        if strange and (not known_only or len(strange) == np.count_nonzero(counts)):
            raise KerasclfError(self._unknown([(self.class_names[i], int(counts[i])) for i in strange], class_names))
        mapped = found[self.labels]
        return replace(self, class_names=tuple(class_names), labels=mapped).take(np.flatnonzero(mapped >= 0))

    def renamed(self, rename: Mapping[str, str]) -> list[str]:
        """Returns the names of the classes as a model has them. `rename` is that of `in_classes`."""
        theirs = zip(find_names(rename, self.class_names), rename.values(), strict=True)
        return list({**dict(enumerate(self.class_names)), **dict(theirs)}.values())

    def take(self, indices: NDArray[np.int64]) -> "LabelledImages":
        """Returns only the images at `indices`, in that order."""
        return replace(
            self,
            names=tuple(self.names[int(i)] for i in indices),
            labels=self.labels[indices],
            files=tuple(self.files[int(i)] for i in indices) if self.files else (),
            source=None if self.source is None else self.source.take(indices),
        )

    def check_channels(self, shape: Shape) -> None:
        """Checks that images in memory have the channels of a model. Files are read in either kind.

        Raises:
            DataError: If they have not.
        """
        if self.source is not None and self.source.shape[2] != shape[2]:
            kinds = {1: "grey images (1 channel)", 3: "images in colour (3 channels)"}
            raise DataError(
                f"Expected {kinds[shape[2]]}, those of the model. Received: {self.spec}, "
                f"{kinds.get(self.source.shape[2], f'images of {self.source.shape[2]} channels')}."
            )

    def batches(self, shape: Shape, fit: Fit) -> Iterator[ImageBatch]:
        """Yields all images, batch by batch.

        Args:
            shape: Height, width and channels of the images.
            fit: How an image fills this height and width.
        """
        if self.source is None:
            yield from read_batches(map(str, self.files), shape, file_reader(shape, fit))
            return
        size = batch_size(shape)
        for start in range(0, len(self), size):
            indices = np.arange(start, min(start + size, len(self)))
            yield ImageBatch(tuple(self.names[i] for i in indices), _sized(self.source.read(indices), shape, fit))

    def read(self, indices: NDArray[np.int64], shape: Shape, fit: Fit) -> NDArray[np.uint8]:
        """Returns a few images, uint8 of shape (n, height, width, channels), pixels 0–255."""
        if self.source is not None:
            return _sized(self.source.read(indices), shape, fit)
        read = file_reader(shape, fit)
        images = [read(str(self.files[int(i)])) for i in indices]
        return np.stack(images) if images else np.zeros((0, *shape), np.uint8)

    def _unknown(self, strange: Sequence[tuple[str, int]], class_names: Sequence[str]) -> str:
        named = []
        for name, count in strange:
            close = close_names(name, class_names)
            question = f"; did you mean {close[0]!r}?" if close else ""
            named.append(f"{name!r} ({counted(count, 'image')}{question})")
        return (
            f"The model does not know {counted(len(strange), 'class')} of {self.spec}: {', '.join(shortened(named))}. "
            f"It knows {', '.join(shortened([repr(name) for name in class_names]))}. If a class has another name in "
            "the model, give both as `rename`. To leave the others out, use `known_only`."
        )


def _check_renamed(rename: Mapping[str, str], ours: Sequence[str], models: Sequence[str]) -> None:
    """Checks that renamed classes exist on both sides."""
    for theirs, name in rename.items():
        if find_names([theirs], ours) == [-1]:
            raise KerasclfError(f"rename: the data set has no class {theirs!r}. It has {', '.join(shortened(ours))}.")
        if find_names([name], models) == [-1]:
            raise KerasclfError(f"rename: the model has no class {name!r}. It has {', '.join(shortened(models))}.")


def _of_arrays(spec: str) -> LabelledImages:
    """Returns the test set of a file of arrays that has one, otherwise all its images."""
    path = path_of(spec.partition(":")[2])
    has_test = "test" in names_of_sets(path)
    class_names, sets = read_npz_sets(path, sizes_differ=has_test)
    known = recognise(sets)
    title = known.title if known else f"images of {path.name}"
    if has_test:
        return LabelledImages(spec, title, "its test set", class_names, *_parts(sets["test"]))
    if len(sets) > 1:
        # Each set counts its images from 0.
        sets = {name: replace(one, names=tuple(f"{name}/{n}" for n in one.names)) for name, one in sets.items()}
    return LabelledImages(spec, title, "all images", class_names, *_parts(functools.reduce(join, sets.values())))


def _parts(subset: Subset) -> "tuple[tuple[str, ...], NDArray[np.int64], tuple[Path, ...], ImageSource]":
    return subset.names, subset.labels, (), subset.images


def _joined(listings: Mapping[str, Listing]) -> Listing:
    """Returns the files of all sets as one."""
    first = next(iter(listings.values()))
    return Listing(
        first.root,
        tuple(file for listing in listings.values() for file in listing.files),
        np.concatenate([listing.labels for listing in listings.values()]),
        tuple(sorted({path for listing in listings.values() for path in listing.left_out})),
    )


def _sized(images: NDArray[np.uint8], shape: Shape, fit: Fit) -> NDArray[np.uint8]:
    return images if images.shape[1:3] == shape[:2] else resize_images(images, shape[:2], fit)
