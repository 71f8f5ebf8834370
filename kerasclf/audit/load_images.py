"""Loads a data set for an audit, with the file of each image."""

import math
from collections.abc import Mapping
from pathlib import Path

from kerasclf.audit.file_facts import size_of_all
from kerasclf.audit.pooled_images import PooledImages
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
    files = _files_of(spec)
    if files and image_size is None:
        image_size = size_of_all(list(files.values()))
        if image_size is None or math.prod(image_size) > math.prod(_SIZE):
            image_size = _SIZE
    return PooledImages(load_dataset(spec, image_size=image_size, log=log), files)


def _files_of(spec: str) -> Mapping[str, Path]:
    """Returns the file of each image by its name; nothing for images without files."""
    form = form_of(spec)
    if form is None or form.list_files is None:
        return {}
    _, _, listings = form.list_files(spec.partition(":")[2])
    return {file.relative_to(listing.root).as_posix(): file for listing in listings.values() for file in listing.files}
