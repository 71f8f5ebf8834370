"""`load_dataset`: loads a data set by its spec."""

import math
import os

from kerasclf.data import label_tables
from kerasclf.data.dataset import ImageDataset
from kerasclf.data.decode import MAX_PIXELS
from kerasclf.data.folds import kfold
from kerasclf.data.groups import check_groups
from kerasclf.data.spec_kinds import SPECS, Request, Size, SpecForm, with_groups
from kerasclf.data.spec_paths import path_of
from kerasclf.data.splits import Split
from kerasclf.errors import DataError, unknown
from kerasclf.log import Log


def load_dataset(
    spec: str,
    *,
    split: Split | None = None,
    image_size: Size | None = None,
    skip_broken: bool = False,
    log: Log = lambda line: None,
) -> ImageDataset:
    """Loads a data set by its spec and divides it into training, validation and test sets.

    Args:
        spec: Name of the data set. Images: `"cifar100:25"` (the first 25 classes), `"cifar100"`, `"cifar10"`,
            `"mnist"`, `"folder:PATH"` (PATH/CLASS/image.jpg, or PATH/{train,valid,test}/CLASS/image.jpg),
            `"csv:FILE"` (a row per image, see `kerasclf.data.label_tables`), `"npz:FILE"` (arrays, see
            `kerasclf.data.npz_sets`), `"list:ROOT:TRAIN.txt:TEST.txt"` (one CLASS/file per line), `"birds:PATH"` (see
            `kerasclf.data.birds`), `"digits"` (scikit-learn's), `"shapes"` (synthetic, see `kerasclf.data.shapes`). The
            path of a folder, a table or an `.npz` file needs no prefix. Rows of numbers (see
            `kerasclf.data.tabular_sets`): `"wine:PATH"`, `"iris"`, `"points"`.
        split: How to divide images that the data set does not divide itself; None for `Split()`.
        image_size: Height and width to resize images to, or to draw shapes at, in pixels; None keeps the original size.
        skip_broken: Whether to leave out image files that cannot be read. `log` receives their names.
        log: Receives progress messages, one line each, while many files are read.

    Returns:
        The data set: uint8 images of shape (height, width, channels), pixels 0–255, or float32 rows of shape
        (1, 1, features).

    Raises:
        DataError: If the spec is unknown, or if its images, labels or lists cannot be used.

    Example:
        >>> from kerasclf import Split, load_dataset
        >>> dataset = load_dataset("shapes", split=Split(train_per_class=10, test_per_class=2), image_size=(16, 16))
        >>> dataset.image_shape, dataset.num_classes
        ((16, 16, 3), 25)
        >>> len(dataset.train), len(dataset.validation), len(dataset.test)
        (225, 25, 50)
    """
    split = Split() if split is None else split
    if image_size is not None and (len(image_size) != 2 or min(image_size) < 1 or math.prod(image_size) > MAX_PIXELS):
        raise DataError(
            f"image_size: expected (height, width) of 1 to {MAX_PIXELS:,} pixels, or None. Received: {image_size}."
        )
    spec = complete_spec(spec)
    kind, rest = _parse(spec)
    _check_lists_files(spec, kind, earlier=split.earlier, group=split.group, skip_broken=skip_broken)
    raw = SPECS[kind].load(Request(kind, rest, image_size, split, log, skip_broken))
    dataset = ImageDataset(spec, raw.title, raw.class_names, **raw.sets, known_as=raw.known_as)
    if split.fold is None:
        return dataset
    number, folds = split.fold
    return list(kfold(dataset, folds, split.seed))[number - 1]


def check_files(spec: str, group: str | None = None, skip_broken: bool = False) -> None:
    """Checks that a spec is known, that its form is right and that its image files exist, without reading them.

    Args:
        spec: As for `load_dataset`.
        group: As for `Split`.
        skip_broken: As for `load_dataset`.

    Raises:
        DataError: If the spec is unknown or has another form, a file is missing, or an image has no group.
    """
    kind, rest = _parse(complete_spec(spec))
    form = SPECS[kind]
    _check_lists_files(spec, kind, group=group, skip_broken=skip_broken)
    if form.list_files is None:
        form.check(kind, rest)
        return
    _, _, listings = form.list_files(rest)
    if group is not None:
        check_groups({name: with_groups(listing, group) for name, listing in listings.items()})


def check_images(spec: str) -> None:
    """Checks as `check_files` does, and that a spec names images, not rows of numbers.

    Raises:
        DataError: If not.
    """
    check_files(spec)
    form = form_of(spec)
    if form is not None and form.is_table:
        raise DataError(f"Expected a data set of images. Received: {spec}, a table.")


def _check_lists_files(spec: str, kind: str, **needed: object) -> None:
    """Checks that a data set consists of files if an argument needs them."""
    for name, value in needed.items():
        if value and SPECS[kind].list_files is None:
            raise DataError(f"{name}: expected images in files: a folder, a table or lists. Received: {spec}.")


def form_of(spec: str) -> SpecForm | None:
    """Returns the kind of data set that a spec names; None if it is unknown."""
    return SPECS.get(complete_spec(spec).partition(":")[0])


def complete_spec(spec: str) -> str:
    """Returns the spec that a path alone stands for, such as `"folder:my_photos"`; any other spec is unchanged.

    Args:
        spec: A spec, or the path of a folder of images, of a table of labels, or of an `.npz` file.
    """
    if spec.partition(":")[0] in SPECS:
        return spec
    path = path_of(spec)
    if path.is_dir():
        return f"folder:{spec}"
    suffix = path.suffix.lower()
    kind = "csv" if suffix in label_tables.SUFFIXES else "npz" if suffix == ".npz" else None
    return f"{kind}:{spec}" if kind and path.is_file() else spec


def _parse(spec: str) -> tuple[str, str]:
    kind, _, rest = spec.partition(":")
    if kind not in SPECS:
        if os.sep in spec or "/" in spec:
            raise DataError(f"{spec} does not exist. Give the path of a folder of images, or another data set.")
        raise DataError(unknown("data set", kind, SPECS))
    return kind, rest
