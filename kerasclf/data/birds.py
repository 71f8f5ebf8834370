"""Caltech-UCSD Birds 200, the edition of 2010, as it is unpacked (Welinder et al. 2010; non-commercial research)."""

from pathlib import Path

from kerasclf.data.folders import Listing, list_files
from kerasclf.errors import DataError

TITLE = "Caltech-UCSD Birds 200 (2010)"
IMAGE_SIZE = (224, 224)  # the images' own sizes differ; this is what backbones were trained with
_CLASSES = 200

HOW_TO_GET = (
    "Get images.tgz and lists.tgz of Caltech-UCSD Birds 200 (the edition of 2010, not 2011) from "
    "http://www.vision.caltech.edu/visipedia-data/CUB-200/ and unpack both into one folder PATH, so that there are "
    "PATH/images/, PATH/lists/train.txt and PATH/lists/test.txt; then give --data birds:PATH."
)


def list_birds(root: Path) -> tuple[tuple[str, ...], dict[str, Listing]]:
    """Finds the images of a folder as the archives of 2010 unpack to, divided as its lists say.

    Returns:
        The names of the 200 species, and the listings "train" and "test".

    Raises:
        DataError: Something is missing; the message says where to get it.
    """
    images, lists = root / "images", root / "lists"
    for needed in (images, lists / "train.txt", lists / "test.txt"):
        if not needed.exists():
            raise DataError(f"{needed} does not exist. {HOW_TO_GET}")
    names, listings = list_files(images, lists / "train.txt", lists / "test.txt")
    if len(names) != _CLASSES:
        raise DataError(f"Expected {_CLASSES} species in {lists}. Received: {len(names)}. {HOW_TO_GET}")
    return names, listings
