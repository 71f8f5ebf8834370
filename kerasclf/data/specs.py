"""`load_dataset`: loads a data set by its spec."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kerasclf.data import table_files
from kerasclf.data.dataset import ImageDataset
from kerasclf.data.folds import kfold
from kerasclf.data.groups import check_groups
from kerasclf.data.listings import Listing, with_groups
from kerasclf.data.pixels.decode import MAX_PIXELS
from kerasclf.data.pixels.image_fit import Fit, known_fit
from kerasclf.data.spec_kinds import SPECS, Divide, Request, Size, SpecForm
from kerasclf.data.spec_paths import path_of
from kerasclf.data.splits import Split, make_sets
from kerasclf.errors import DataError, close_names, did_you_mean, in_short
from kerasclf.files.cache_folders import image_cache_bytes
from kerasclf.log import Log


def load_dataset(
    spec: str,
    *,
    split: Split | None = None,
    image_size: Size | None = None,
    fit: Fit = "squash",
    skip_broken: bool = False,
    log: Log = lambda line: None,
) -> ImageDataset:
    """Loads a data set by its spec and divides it into training, validation and test sets.

    Args:
        spec: Name of the data set. Images: `"cifar100:25"` (the first 25 classes), `"cifar100"`, `"cifar10"`,
            `"mnist"`, `"folder:PATH"` (PATH/CLASS/image.jpg, or PATH/{train,valid,test}/CLASS/image.jpg),
            `"csv:FILE"` (a row per image, see `kerasclf.data.label_tables`), `"npz:FILE"` (arrays, see
            `kerasclf.data.npz_sets`), `"list:ROOT:TRAIN.txt:TEST.txt"` (one CLASS/file per line), `"birds:PATH"` (see
            `kerasclf.data.published.birds`), `"digits"` (scikit-learn's), `"shapes"` (synthetic, see
            `kerasclf.data.shapes`). The path of a folder, a table or an `.npz` file needs no prefix. Rows of numbers
            (see `kerasclf.data.published.tabular_sets`): `"wine:PATH"`, `"iris"`, `"points"`.
        split: How to divide images that the data set does not divide itself; None for `Split()`.
        image_size: Height and width to resize images to, or to draw shapes at, in pixels; None keeps the original size.
        fit: How an image of another aspect ratio fills `image_size`: `"squash"` stretches it, `"crop"` keeps its
            middle, `"pad"` adds a black border (see `kerasclf.data.pixels.image_fit`).
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
    return load_files(spec, split=split, image_size=image_size, fit=fit, skip_broken=skip_broken, log=log).dataset


class LoadedFiles(NamedTuple):
    """A data set and the files that it was read from.

    Args:
        dataset: The data set.
        files: File of each image by set; empty for images without files.
        broken: The error of each file that was left out.
    """

    dataset: ImageDataset
    files: Mapping[str, tuple[Path, ...]]
    broken: Mapping[Path, DataError]


def load_files(
    spec: str,
    *,
    split: Split | None = None,
    image_size: Size | None = None,
    fit: Fit = "squash",
    skip_broken: bool = False,
    divide: Divide = make_sets,
    log: Log = lambda line: None,
) -> LoadedFiles:
    """Loads a data set as `load_dataset` does, and says which files its images are.

    Args:
        spec: As for `load_dataset`, as the other arguments.
        split: How to divide the images.
        image_size: Height and width, in pixels.
        fit: How an image of another aspect ratio fills `image_size`.
        skip_broken: Whether to leave out image files that cannot be read.
        divide: Divides listed files into sets, as `make_sets` does.
        log: Receives progress messages.
    """
    split = Split() if split is None else split
    if image_size is not None and (len(image_size) != 2 or min(image_size) < 1 or math.prod(image_size) > MAX_PIXELS):
        raise DataError(
            f"image_size: expected (height, width) of 1 to {MAX_PIXELS:,} pixels, or None. Received: {image_size}."
        )
    known_fit(fit)
    spec = complete_spec(spec)
    kind, rest = _parse(spec)
    check_lists_files(spec, earlier=split.earlier, group=split.group, skip_broken=skip_broken)
    raw = SPECS[kind].load(
        Request(
            kind=kind,
            rest=rest,
            image_size=image_size,
            split=split,
            log=log,
            skip_broken=skip_broken,
            fit=fit,
            divide=divide,
        )
    )
    dataset = ImageDataset(spec, raw.title, raw.class_names, **raw.sets, known_as=raw.known_as)
    if split.fold is not None:
        number, folds = split.fold
        dataset = list(kfold(dataset, folds, split.seed))[number - 1]
    return LoadedFiles(dataset, raw.files, raw.broken)


def check_files(spec: str, group: str | None = None, skip_broken: bool = False) -> None:
    """Checks that a spec is known, that its form is right and that its image files exist, without reading them.

    Args:
        spec: As for `load_dataset`.
        group: As for `Split`.
        skip_broken: As for `load_dataset`.

    Raises:
        DataError: If the spec is unknown or has another form, a file is missing, or an image has no group. Also if
            `KERASCLF_IMAGE_CACHE_GB`, which limits the prepared images of files, is no number.
    """
    kind, rest = _parse(complete_spec(spec))
    form = SPECS[kind]
    check_lists_files(spec, group=group, skip_broken=skip_broken)
    if form.list_files is None:
        form.check(kind, rest)
        return
    image_cache_bytes()
    listings = list_sets(spec, group, skip_broken)
    if group is not None:
        check_groups(listings)


def list_sets(spec: str, group: str | None = None, skip_broken: bool = False) -> dict[str, Listing]:
    """Lists the files of the sets that a data set names, without reading images.

    Args:
        spec: The data set, which has files.
        group: As for `Split`.
        skip_broken: As for `load_dataset`.

    Raises:
        DataError: If a file is missing, or an image has no group.
    """
    kind, rest = _parse(complete_spec(spec))
    find_files = SPECS[kind].list_files
    assert find_files is not None
    _, _, listings = find_files(rest)
    if group is None:
        return listings
    return {name: with_groups(listing, group, skip_broken) for name, listing in listings.items()}


def check_images(spec: str) -> None:
    """Checks as `check_files` does, and that a spec names images, not rows of numbers.

    Raises:
        DataError: If not.
    """
    check_files(spec)
    form = form_of(spec)
    if form is not None and form.is_table:
        raise DataError(f"Expected a data set of images. Received: {spec}, a table.")


def check_lists_files(spec: str, **needed: object) -> None:
    """Checks that a data set consists of files if an argument needs them."""
    form = form_of(spec)
    for name, value in needed.items():
        if value and form is not None and form.list_files is None:
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
    kind = "csv" if suffix in table_files.SUFFIXES else "npz" if suffix == ".npz" else None
    return f"{kind}:{spec}" if kind and path.is_file() else spec


def _parse(spec: str) -> tuple[str, str]:
    kind, _, rest = spec.partition(":")
    if kind in SPECS:
        return kind, rest
    path = path_of(spec)
    if path.is_file():
        raise DataError(
            f"Expected a folder of images, a table ({', '.join(table_files.SUFFIXES)}) or an .npz file. "
            f"Received: {spec}, a file of another kind."
        )
    beside = _data_in(path.parent)
    if os.sep in spec or "/" in spec:
        near = [str(path.with_name(name)) for name in close_names(path.name, beside)]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{spec} does not exist.{hint} Give the path of a folder of images, or another data set.")
    raise DataError(
        f"Unknown data set {in_short(kind)}, and there is no folder or file of this name."
        f"{did_you_mean(kind, [*SPECS, *beside])} Known: {', '.join(SPECS)}, and the paths of folders, tables and .npz "
        "files."
    )


def _data_in(folder: Path) -> list[str]:
    """Returns the names of the folders, tables and `.npz` files in a folder; nothing if it cannot be read."""
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
    return [path.name for path in found if complete_spec(str(path)) != str(path)]
