"""The kinds of data sets: the form of their specs, and how each is loaded. `SPECS` lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from kerasclf.data import label_tables, npz_sets, shapes
from kerasclf.data.dataset import Subset
from kerasclf.data.earlier_sets import read_earlier_sets
from kerasclf.data.folders import list_files, list_folder
from kerasclf.data.listings import Listing, ReadImages, read_listings, with_groups
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.published import birds, digits, tabular_sets
from kerasclf.data.published.keras_sets import check_classes, load_keras_set, resized
from kerasclf.data.published.known_sets import recognise
from kerasclf.data.spec_paths import path_of, split_paths
from kerasclf.data.splits import Split, make_sets
from kerasclf.errors import DataError
from kerasclf.files.home_folders import data_home
from kerasclf.log import Log
from kerasclf.values import whole_number

Size = tuple[int, int]
# Root folder, class names, and the listing of each set.
Listed = tuple[Path, tuple[str, ...], dict[str, Listing]]
Divide = Callable[[dict[str, Listing], Split, tuple[str, ...]], dict[str, Listing]]


@dataclass(frozen=True)
class _Raw:
    """The title, class names and sets of a data set, and the spec of the published one that it is.

    Images of files also have their files by set, and the error of each broken file that was left out.
    """

    title: str
    class_names: tuple[str, ...]
    sets: dict[str, Subset]
    known_as: str | None = None
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    broken: Mapping[Path, DataError] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """The arguments of `load_dataset`, with the spec divided at its first colon.

    `divide` divides listed files into sets, as `make_sets` does.
    """

    kind: str
    rest: str
    image_size: Size | None
    split: Split
    log: Log
    skip_broken: bool = False
    fit: Fit = "squash"
    divide: Divide = make_sets

    @property
    def spec(self) -> str:
        return f"{self.kind}:{self.rest}" if self.rest else self.kind

    def read(self, listings: dict[str, Listing]) -> ReadImages:
        """Reads the listed images as the arguments say."""
        return read_listings(listings, self.image_size, self.log, self.skip_broken, self.fit)


def _wrong_form(kind: str, rest: str) -> DataError:
    return DataError(f"Expected {SPECS[kind].form}. Received: {kind}:{rest}.")


def _check_no_rest(kind: str, rest: str) -> None:
    if rest:
        raise _wrong_form(kind, rest)


class SpecForm(NamedTuple):
    """One kind of data set.

    Args:
        form: Form of the spec, for error messages.
        load: Loads the data set.
        list_files: Lists its files without reading them; None if there are no files to list.
        check: Checks the part of the spec after its first colon, if there are no files to list.
        size: Height and width of its images, in pixels, if all have one size.
        is_table: Whether it has rows of numbers instead of images.
    """

    form: str
    load: Callable[[Request], _Raw]
    list_files: Callable[[str], Listed] | None = None
    check: Callable[[str, str], object] = _check_no_rest
    size: Size | None = None
    is_table: bool = False


def _check_keras(kind: str, rest: str) -> None:
    if rest and whole_number(rest) is None:
        raise _wrong_form(kind, rest)
    check_classes(kind, int(rest) if rest else None)
    data_home()  # raises an error if it is mistyped


def _read_wine(kind: str, rest: str) -> tabular_sets.Table:
    if not rest:
        raise DataError(f"Expected {SPECS[kind].form}. {tabular_sets.HOW_TO_GET_WINE}")
    return tabular_sets.read_wine(path_of(rest))


def _check_iris(kind: str, rest: str) -> None:
    if rest not in ("", "4"):
        raise _wrong_form(kind, rest)


def _load_keras(request: Request) -> _Raw:
    _check_keras(request.kind, request.rest)
    found = load_keras_set(request.kind, int(request.rest) if request.rest else None, request.log)
    sets = make_sets(found.sets, request.split, found.class_names)
    if request.image_size is not None:
        sets = {name: resized(subset, request.image_size, request.fit) for name, subset in sets.items()}
    return _Raw(found.title, found.class_names, sets, found.known_as)


def _list_folder(rest: str) -> Listed:
    if not rest:
        raise _wrong_form("folder", rest)
    root = path_of(rest)
    return root, *list_folder(root)


def _list_table(rest: str) -> Listed:
    table = label_tables.parse_label_table(rest)
    return table.path, *label_tables.list_label_table(table)


def _load_table_of_labels(request: Request) -> _Raw:
    request.log(label_tables.describe_columns(label_tables.parse_label_table(request.rest)))
    return _load_files(request)


def _path_of_npz(kind: str, rest: str) -> Path:
    if not rest:
        raise _wrong_form(kind, rest)
    return path_of(rest)


def _check_npz(kind: str, rest: str) -> None:
    npz_sets.check_npz(_path_of_npz(kind, rest))


def _load_npz(request: Request) -> _Raw:
    path = _path_of_npz(request.kind, request.rest)
    found = npz_sets.read_npz_sets(path, sizes_differ=request.image_size is not None)
    sets = make_sets(found.sets, request.split, found.class_names)
    if request.image_size is not None:
        sets = {name: resized(subset, request.image_size, request.fit) for name, subset in sets.items()}
    known = recognise(sets)
    title = known.title if known else f"images of {path.name}"
    return _Raw(title, found.class_names, sets, known.spec if known else None)


def _list_lists(rest: str) -> Listed:
    fields = split_paths(rest)
    if len(fields) != 3 or not all(fields):
        raise _wrong_form("list", rest)
    root, train, test = (path_of(field) for field in fields)
    return root, *list_files(root, train, test)


def _list_birds(rest: str) -> Listed:
    if not rest:
        own = " For your own folder birds, give folder:birds." if Path("birds").is_dir() else ""
        raise DataError(f"Expected {SPECS['birds'].form}. {birds.HOW_TO_GET}{own}")
    root = path_of(rest)
    return root, *birds.list_birds(root)


def _load_files(request: Request) -> _Raw:
    find_files = SPECS[request.kind].list_files
    assert find_files is not None
    root, names, listings = find_files(request.rest)
    title, split = f"images of {root.name}", request.split
    if split.group is not None:
        listings = {name: with_groups(listing, split.group, request.skip_broken) for name, listing in listings.items()}
    if split.earlier is not None:
        earlier = read_earlier_sets(Path(split.earlier))
        labels, names = earlier.find_classes(request.spec, names), earlier.class_names
        listings = {name: replace(listing, labels=labels[listing.labels]) for name, listing in listings.items()}
        found = request.read(listings).sets
        return _recognised(
            _Raw(title, names, make_sets(earlier.keep(found, request.spec, split, request.log), split, names))
        )
    # Sets come first: images that are left out are not read, and a class that is too small is found at once.
    read = request.read(request.divide(listings, split, names))
    return _recognised(_Raw(title, names, read.sets, files=read.files, broken=read.broken))


def _recognised(raw: _Raw) -> _Raw:
    """Returns a data set with the title and the spec of the published one that it is, if it is one."""
    if birds.are_all(raw.sets):
        return replace(raw, title=birds.TITLE, known_as="birds")
    known = recognise(raw.sets)
    return raw if known is None else replace(raw, title=known.title, known_as=known.spec)


def _load_birds(request: Request) -> _Raw:
    if request.image_size is None:
        request = replace(request, image_size=birds.IMAGE_SIZE)
    return replace(_load_files(request), title=birds.TITLE)


def _draw_shapes(request: Request) -> _Raw:
    _check_no_rest(request.kind, request.rest)
    # Sets come first: only the images that they need are drawn.
    scenes = make_sets(shapes.scenes(), request.split, shapes.CLASS_NAMES)
    size = (32, 32) if request.image_size is None else request.image_size
    sets = {name: subset.draw(size) for name, subset in scenes.items()}
    return _Raw("shapes (synthetic, not photographs)", shapes.CLASS_NAMES, sets, request.spec)


def _load_digits(request: Request) -> _Raw:
    _check_no_rest(request.kind, request.rest)
    names, subset = digits.load_digits(request.image_size, request.fit)
    return _Raw(digits.TITLE, names, make_sets({"train": subset}, request.split, names), request.spec)


def _load_wine(request: Request) -> _Raw:
    return _load_table(request, "red wine quality", _read_wine(request.kind, request.rest))


def _load_iris(request: Request) -> _Raw:
    _check_iris(request.kind, request.rest)
    raw = _load_table(request, "iris", tabular_sets.load_iris())
    return replace(raw, class_names=(*raw.class_names, "none")) if request.rest else raw


def _draw_points(request: Request) -> _Raw:
    _check_no_rest(request.kind, request.rest)
    return _load_table(request, "points (synthetic)", tabular_sets.draw_points())


def _load_table(request: Request, title: str, table: tabular_sets.Table) -> _Raw:
    if request.image_size is not None:
        raise DataError(f"image_size: expected None for {request.kind}, a table. Received: {request.image_size}.")
    if request.fit != "squash":
        raise DataError(f"fit: expected 'squash' for {request.kind}, a table. Received: {request.fit!r}.")
    names, subset = table
    return _Raw(title, names, make_sets({"train": subset}, request.split, names), request.spec)


# A new kind of data set needs one entry here.
SPECS: dict[str, SpecForm] = {
    "cifar100": SpecForm(
        "cifar100, or cifar100:N for the first N classes", _load_keras, check=_check_keras, size=(32, 32)
    ),
    "cifar10": SpecForm(
        "cifar10, or cifar10:N for the first N classes", _load_keras, check=_check_keras, size=(32, 32)
    ),
    "mnist": SpecForm("mnist, or mnist:N for the first N classes", _load_keras, check=_check_keras, size=(28, 28)),
    "folder": SpecForm(
        "folder:PATH with PATH/CLASS/image.jpg or PATH/{train,valid,test}/CLASS/image.jpg", _load_files, _list_folder
    ),
    "csv": SpecForm(label_tables.FORM, _load_table_of_labels, _list_table),
    "npz": SpecForm(npz_sets.FORM, _load_npz, check=_check_npz),
    "list": SpecForm("list:ROOT:TRAIN.txt:TEST.txt with one CLASS/file per line", _load_files, _list_lists),
    "birds": SpecForm(
        "birds:PATH with the images and lists of Caltech-UCSD Birds 200 (2010) below PATH", _load_birds, _list_birds
    ),
    "digits": SpecForm("digits, from scikit-learn (no download)", _load_digits, size=(8, 8)),
    "shapes": SpecForm("shapes, synthetic images (no download)", _draw_shapes, size=(32, 32)),
    "wine": SpecForm(
        "wine:PATH, where PATH is the file winequality-red.csv", _load_wine, check=_read_wine, is_table=True
    ),
    "iris": SpecForm(
        "iris, from scikit-learn (no download), or iris:4 with a fourth, empty class",
        _load_iris,
        check=_check_iris,
        is_table=True,
    ),
    "points": SpecForm("points, synthetic points in the plane (no download)", _draw_points, is_table=True),
}
