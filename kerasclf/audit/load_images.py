"""Loads a data set for an audit, with the file of each image."""

import math
from collections.abc import Mapping
from pathlib import Path

from kerasclf.audit.file_facts import size_of_all
from kerasclf.audit.pooled_images import PooledImages
from kerasclf.data.dataset import SETS, ImageDataset
from kerasclf.data.listings import Listing
from kerasclf.data.specs import Size, check_files, form_of, load_dataset
from kerasclf.errors import DataError
from kerasclf.log import Log

# Images of several sizes are resized to this, as `kerasclf train` does.
_SIZE = (224, 224)


def check_auditable(spec: str) -> None:
    """Checks that a data set is known, has images, and that its files exist. Reads none of them.

    Raises:
        DataError: If not.
    """
    check_files(spec)
    form = form_of(spec)
    if form is not None and form.is_table:
        raise DataError(f"Expected a data set of images. Received: {spec}, a table.")


def load_images(spec: str, image_size: Size | None, log: Log) -> PooledImages:
    """Loads a data set in the sets that a training would use.

    Args:
        spec: The data set, as `load_dataset` takes it.
        image_size: Height and width to resize to, in pixels; None keeps the size that all files share, up to 224×224
            pixels, and otherwise takes 224×224.
        log: Receives progress messages, one line each.

    Raises:
        DataError: If the images cannot be used.
    """
    listings = _listings_of(spec)
    files = [file for listing in listings.values() for file in listing.files]
    if files and image_size is None:
        image_size = size_of_all(files)
        if image_size is None or math.prod(image_size) > math.prod(_SIZE):
            image_size = _SIZE
    dataset = load_dataset(spec, image_size=image_size, log=log)
    return PooledImages(dataset, _files_of(dataset, listings) if files else ())


def _listings_of(spec: str) -> Mapping[str, Listing]:
    """Returns the files of each set that the data set has; nothing for images without files."""
    form = form_of(spec)
    if form is None or form.list_files is None:
        return {}
    return form.list_files(spec.partition(":")[2])[2]


def _files_of(dataset: ImageDataset, listings: Mapping[str, Listing]) -> tuple[Path, ...]:
    """Returns the file of each image, set by set. A set that the data set lacks is a part of its training set."""
    found: list[Path] = []
    for name in SETS:
        listing = listings.get(name, listings["train"])
        by_name = {file.relative_to(listing.root).as_posix(): file for file in listing.files}
        found += [by_name[image] for image in dataset.subset(name).names]
    return tuple(found)
