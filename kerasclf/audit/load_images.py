"""Loads a data set for an audit: with the file of each image, without broken files, and with groups that straddle."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kerasclf.audit.file_facts import size_of_all
from kerasclf.audit.pooled_images import PooledImages
from kerasclf.data.dataset import SETS, ImageDataset
from kerasclf.data.decode import read_image
from kerasclf.data.groups import check_groups
from kerasclf.data.known_sets import recognise
from kerasclf.data.listings import Listing, read_listings
from kerasclf.data.spec_kinds import Size, with_groups
from kerasclf.data.specs import check_images, complete_spec, form_of, load_dataset
from kerasclf.data.splits import Split, make_sets
from kerasclf.errors import DataError
from kerasclf.log import Log

# Images of several sizes are resized to this, as `kerasclf train` does.
_SIZE = (224, 224)


@dataclass(frozen=True)
class LoadedImages:
    """The images of a data set, and the files that cannot be read.

    Args:
        images: The images, in the sets that a training uses.
        broken: Reason by path of each broken file.
    """

    images: PooledImages
    broken: Mapping[str, str] = field(default_factory=dict)


def check_auditable(spec: str, group: str | None = None) -> None:
    """Checks that a data set is known, has images, and that its files exist. Reads none of them.

    Raises:
        DataError: If not.
    """
    check_images(spec)
    if group is not None:
        Split(group=group)
        form = form_of(spec)
        if form is not None and form.list_files is None:
            raise DataError(f"group: expected images in files: a folder, a table or lists. Received: {spec}.")


def load_images(spec: str, image_size: Size | None, log: Log, group: str | None = None) -> LoadedImages:
    """Loads a data set in the sets that a training would use.

    Args:
        spec: The data set, as `load_dataset` takes it.
        image_size: Height and width to resize to, in pixels; None keeps the size that all files share, up to 224×224
            pixels, and otherwise takes 224×224.
        log: Receives progress messages, one line each.
        group: A pattern that finds the group of an image in its name, as `Split` takes it; None for none.

    Raises:
        DataError: If the images cannot be used.
    """
    form = form_of(spec)
    if form is None or form.list_files is None:
        return LoadedImages(PooledImages(load_dataset(spec, image_size=image_size, log=log)))
    spec = complete_spec(spec)
    root, class_names, listings = form.list_files(spec.partition(":")[2])
    if group is not None:
        listings = {name: with_groups(listing, group) for name, listing in listings.items()}
    if image_size is None:
        image_size = _common_size([file for listing in listings.values() for file in listing.files])
    divided = _divided(listings, class_names)
    read = read_listings(divided, image_size, log, skip_broken=True)
    known = recognise(read)
    files, broken = list[Path](), dict[str, str]()
    for name in SETS:
        kept = set(read[name].names)
        for image, file in zip(divided[name].names, divided[name].files, strict=True):
            if image in kept:
                files.append(file)
            else:
                broken[str(file)] = _reason(file)
    dataset = ImageDataset(
        spec,
        known.title if known else f"images of {root.name}",
        class_names,
        read["train"],
        read["validation"],
        read["test"],
    )
    return LoadedImages(PooledImages(dataset, tuple(files)), broken)


def _common_size(files: Sequence[Path]) -> Size:
    size = size_of_all(files)
    return _SIZE if size is None or math.prod(size) > math.prod(_SIZE) else size


def _divided(listings: dict[str, Listing], class_names: tuple[str, ...]) -> dict[str, Listing]:
    """Returns the sets that a training uses. Where it would refuse groups that straddle sets, they stay there."""
    try:
        check_groups(listings)
    except DataError:
        groups = {file: group for one in listings.values() for file, group in zip(one.files, one.groups, strict=True)}
        plain = {name: replace(listing, groups=()) for name, listing in listings.items()}
        return {
            name: replace(listing, groups=tuple(groups[file] for file in listing.files))
            for name, listing in make_sets(plain, Split(), class_names).items()
        }
    return make_sets(listings, Split(), class_names)


def _reason(file: Path) -> str:
    """Returns why a file cannot be read."""
    try:
        read_image(file)
    except DataError as error:
        return str(error)
    return "it could not be read before"
