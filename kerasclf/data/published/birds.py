"""Caltech-UCSD Birds 200, edition of 2010, in the layout of its archives (Welinder et al. 2010).

The images are for non-commercial research.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from kerasclf.data.dataset import Subset
from kerasclf.data.folders import list_files
from kerasclf.data.listings import Listing
from kerasclf.data.published.known_sets import divided
from kerasclf.errors import DataError

TITLE = "Caltech-UCSD Birds 200 (2010)"
IMAGE_SIZE = (224, 224)  # the images differ in size; backbones were trained at this one
SIZES = 3_000, 3_033  # training and test images
# The names of all images in the archives.
NAMES_DIGEST = "44614fa9979f9fc7638242a434f9bd62cdc9e68ae645e669f3129cfb686c8f85"
_CLASSES = 200

HOW_TO_GET = (
    "Get images.tgz and lists.tgz of Caltech-UCSD Birds 200 (the edition of 2010, not 2011) from "
    "http://www.vision.caltech.edu/visipedia-data/CUB-200/ and unpack both into one folder PATH. It then holds "
    "PATH/images/, PATH/lists/train.txt and PATH/lists/test.txt. Give birds:PATH as `data`."
)


def list_birds(root: Path) -> tuple[tuple[str, ...], dict[str, Listing]]:
    """Lists the images below a folder with the unpacked archives of 2010, divided by their own lists.

    Args:
        root: Folder that holds images/, lists/train.txt and lists/test.txt.

    Returns:
        The names of the 200 species, and the listings "train" and "test".

    Raises:
        DataError: If a file or folder is missing; the message says where to get it.
    """
    images, lists = root / "images", root / "lists"
    for path in (images, lists / "train.txt", lists / "test.txt"):
        if not path.exists():
            raise DataError(f"{path} does not exist. {HOW_TO_GET}")
    names, listings = list_files(images, lists / "train.txt", lists / "test.txt")
    if len(names) != _CLASSES:
        raise DataError(f"Expected {_CLASSES} species in {lists}. Received: {len(names)}. {HOW_TO_GET}")
    return names, listings


def are_all(sets: Mapping[str, Subset]) -> bool:
    """Returns whether the sets hold all images of the archives, in the published numbers.

    The names of the files and their species decide. The pixels depend on the decoder of JPEG and on the resizing.
    """
    outside, test = divided(sets)
    if (sum(map(len, outside)), sum(map(len, test))) != SIZES:
        return False
    names, species = list[str](), set[tuple[str, int]]()
    for subset in [*outside, *test]:
        paths = [PurePath(name) for name in subset.names]
        names += [f"{path.parent.name}/{path.name}" for path in paths]
        species |= set(zip([path.parent.name for path in paths], subset.labels.tolist(), strict=True))
    return len(species) == _CLASSES and names_digest(names) == NAMES_DIGEST


def names_digest(names: Iterable[str]) -> str:
    """Returns a digest of the names of images, each `SPECIES/FILE`, in any order."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
