"""`load_dataset(spec)`: from the name of a data set to its three parts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import ImageDataset, Part
from kerasclf.data.folders import Listing, Report, list_files, list_folder, read_listings
from kerasclf.data.keras_sets import KERAS_SETS, load_keras_set
from kerasclf.data.shapes import draw_shapes
from kerasclf.data.splits import Split, divide, limit_per_class
from kerasclf.errors import DataError, unknown

Size = tuple[int, int]

SPEC_FORMS = {
    "cifar100": "cifar100 or cifar100:N, the first N classes",
    "cifar10": "cifar10 or cifar10:N",
    "mnist": "mnist or mnist:N",
    "folder": "folder:PATH with PATH/CLASS/image.jpg, or PATH/{train,valid,test}/CLASS/image.jpg",
    "list": "list:ROOT:TRAIN.txt:TEST.txt, one CLASS/file a line",
    "shapes": "shapes, drawn here, nothing to download",
}


@dataclass(frozen=True)
class _Raw:
    """A data set as it came: some of the parts, limited but not yet divided."""

    title: str
    class_names: tuple[str, ...]
    parts: dict[str, Part]


@dataclass(frozen=True)
class _Request:
    """What `load_dataset` was asked for, its spec taken apart."""

    kind: str
    rest: str
    image_size: Size | None
    split: Split
    report: Report

    def refusal(self) -> DataError:
        return DataError(f"Expected {SPEC_FORMS[self.kind]}. Received: {self.kind}:{self.rest}.")


class Choice(NamedTuple):
    """The data set that a study will use, and what to tell the user about it."""

    spec: str
    notice: str


def load_dataset(
    spec: str, *, split: Split | None = None, image_size: Size | None = None, report: Report = lambda line: None
) -> ImageDataset:
    """Loads a data set by its spec and divides it into train, validation and test.

    Args:
        spec: `"cifar100:25"` (the first 25 classes), `"cifar100"`, `"cifar10"`, `"mnist"`, `"folder:PATH"`
            (PATH/CLASS/image.jpg, or PATH/{train,valid,test}/CLASS/image.jpg),
            `"list:ROOT:TRAIN.txt:TEST.txt"` (one CLASS/file a line), or `"shapes"` (drawn, see
            `kerasclf.data.shapes`).
        split: How to divide what the data set does not divide itself; `Split()` where None.
        image_size: Height and width for folders, lists and shapes; None keeps the images' own.
        report: Called with a line of progress while many files are read.

    Returns:
        The data set, uint8 pixels 0–255, images of shape (height, width, channels).

    Raises:
        DataError: The spec is unknown, or its images, labels or lists cannot be used.
    """
    split = split or Split()
    kind, _, rest = spec.partition(":")
    if kind not in SPEC_FORMS:
        raise DataError(unknown("data set", spec, SPEC_FORMS))
    raw = _LOADERS[kind](_Request(kind, rest, image_size, split, report))
    parts = raw.parts
    if "test" not in parts:
        kept, apart = divide(parts["train"].labels, split.test, split, raw.class_names)
        parts = {**parts, "train": parts["train"].take(kept), "test": parts["train"].take(apart)}
    if "validation" not in parts:
        kept, apart = divide(parts["train"].labels, split.validation, split, raw.class_names)
        parts = {**parts, "train": parts["train"].take(kept), "validation": parts["train"].take(apart)}
    return ImageDataset(spec, raw.title, raw.class_names, **parts)


def default_dataset(preferred: str) -> Choice:
    """Returns `preferred` where it is cached or can be fetched, and else the drawn `shapes` with a notice."""
    known = KERAS_SETS[preferred.partition(":")[0]]
    if known.is_at_hand():
        return Choice(preferred, "")
    return Choice(
        "shapes",
        f"{known.title} is neither cached ({known.path}) nor can {known.host} be reached:\n"
        "using the drawn data set 'shapes' instead; published figures are not comparable with these.",
    )


def _kept(part: str, labels: NDArray[np.int64], split: Split) -> NDArray[np.int64]:
    """Returns which images of a part a split's limits leave."""
    most = {"train": split.train_per_class, "test": split.test_per_class}.get(part)
    return limit_per_class(labels, most, split.seed)


def _limited(parts: dict[str, Part], split: Split) -> dict[str, Part]:
    return {name: part.take(_kept(name, part.labels, split)) for name, part in parts.items()}


def _load_keras(request: _Request) -> _Raw:
    known = KERAS_SETS[request.kind]
    if request.image_size is not None:
        raise DataError(f"{known.title} has images of one size; image_size is for folders, lists and shapes.")
    if request.rest and not request.rest.isdecimal():
        raise request.refusal()
    names, parts = load_keras_set(request.kind, int(request.rest) if request.rest else None)
    title = f"{known.title}, {request.rest} classes" if request.rest else known.title
    return _Raw(title, names, _limited(parts, request.split))


def _load_folder(request: _Request) -> _Raw:
    if not request.rest:
        raise request.refusal()
    root = Path(request.rest).expanduser()
    names, listings = list_folder(root)
    return _read(root, names, listings, request)


def _load_list(request: _Request) -> _Raw:
    fields = request.rest.split(":")
    if len(fields) != 3 or not all(fields):
        raise request.refusal()
    root, train, test = (Path(field).expanduser() for field in fields)
    names, listings = list_files(root, train, test)
    return _read(root, names, listings, request)


def _read(root: Path, names: tuple[str, ...], listings: dict[str, Listing], request: _Request) -> _Raw:
    # Limits come first: nobody wants to wait for images that are then left out.
    kept = {name: listing.take(_kept(name, listing.labels, request.split)) for name, listing in listings.items()}
    return _Raw(f"images of {root.name}", names, read_listings(kept, request.image_size, request.report))


def _draw(request: _Request) -> _Raw:
    if request.rest:
        raise request.refusal()
    names, train, test = draw_shapes(request.image_size or (32, 32))
    return _Raw("shapes (drawn, not photographs)", names, _limited({"train": train, "test": test}, request.split))


_LOADERS: dict[str, Callable[[_Request], _Raw]] = {
    **dict.fromkeys(KERAS_SETS, _load_keras),
    "folder": _load_folder,
    "list": _load_list,
    "shapes": _draw,
}
