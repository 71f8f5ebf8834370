"""Loads a data set for an audit: with the file of each image, without broken files, and with groups that straddle."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kerasclf.audit.file_facts import size_of_all
from kerasclf.audit.pooled_images import PooledImages
from kerasclf.data.dataset import SETS
from kerasclf.data.groups import check_groups
from kerasclf.data.listings import Listing
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.spec_kinds import Size
from kerasclf.data.specs import check_images, check_lists_files, form_of, list_sets, load_dataset, load_files
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
        check_lists_files(spec, group=group)
        list_sets(spec, group, skip_broken=True)


def load_images(
    spec: str, image_size: Size | None, log: Log, group: str | None = None, fit: Fit = "squash"
) -> LoadedImages:
    """Loads a data set in the sets that a training would use.

    Args:
        spec: The data set, as `load_dataset` takes it.
        image_size: Height and width to resize to, in pixels; None keeps the size that all files share, up to 224×224
            pixels, and otherwise takes 224×224.
        log: Receives progress messages, one line each.
        group: A pattern that finds the group of an image in its name, as `Split` takes it; None for none.
        fit: How an image of another aspect ratio fills the size, as `load_dataset` takes it.

    Raises:
        DataError: If the images cannot be used.
    """
    form = form_of(spec)
    if form is None or form.list_files is None:
        return LoadedImages(PooledImages(load_dataset(spec, image_size=image_size, fit=fit, log=log)))
    if image_size is None:
        image_size = _common_size([file for listing in list_sets(spec).values() for file in listing.files])
    dataset, files, broken = load_files(
        spec, split=Split(group=group), image_size=image_size, fit=fit, skip_broken=True, divide=_divided, log=log
    )
    of_all = tuple(file for name in SETS for file in files[name])
    return LoadedImages(PooledImages(dataset, of_all), {str(file): str(error) for file, error in broken.items()})


def _common_size(files: Sequence[Path]) -> Size:
    size = size_of_all(files)
    return _SIZE if size is None or math.prod(size) > math.prod(_SIZE) else size


def _divided(listings: dict[str, Listing], split: Split, class_names: tuple[str, ...]) -> dict[str, Listing]:
    """Returns the sets that a training uses. Where it would refuse groups that straddle sets, they stay there."""
    try:
        check_groups(listings)
    except DataError:
        groups = {file: group for one in listings.values() for file, group in zip(one.files, one.groups, strict=True)}
        # A set that is drawn here cuts no group: the parts of a group in two sets count as two.
        parts = {
            name: replace(listing, groups=tuple(f"{name}/{group}" for group in listing.groups))
            for name, listing in listings.items()
        }
        return {
            name: replace(listing, groups=tuple(groups[file] for file in listing.files))
            for name, listing in make_sets(parts, split, class_names).items()
        }
    return make_sets(listings, split, class_names)
