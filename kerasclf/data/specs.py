"""`load_dataset(spec)`: from the name of a data set to its three parts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from kerasclf.data import birds, digits, shapes, tables
from kerasclf.data.dataset import ArrayImages, ImageDataset, Subset
from kerasclf.data.decode import resize_images
from kerasclf.data.folders import Listing, list_files, list_folder, read_listings
from kerasclf.data.folds import kfold
from kerasclf.data.keras_sets import KERAS_SETS, load_keras_set
from kerasclf.data.splits import Split, make_sets
from kerasclf.errors import DataError, unknown
from kerasclf.log import Log

Size = tuple[int, int]
# A root folder, the classes' names, and what was found below it, by part.
Listed = tuple[Path, tuple[str, ...], dict[str, Listing]]

SPEC_FORMS = {
    "cifar100": "cifar100 or cifar100:N, the first N classes",
    "cifar10": "cifar10 or cifar10:N",
    "mnist": "mnist or mnist:N",
    "folder": "folder:PATH with PATH/CLASS/image.jpg, or PATH/{train,valid,test}/CLASS/image.jpg",
    "list": "list:ROOT:TRAIN.txt:TEST.txt, one CLASS/file a line",
    "birds": "birds:PATH, with the images and lists of Caltech-UCSD Birds 200 (2010) below PATH",
    "digits": "digits, those of scikit-learn, nothing to download",
    "shapes": "shapes, drawn here, nothing to download",
    "wine": "wine:PATH, the file winequality-red.csv",
    "iris": "iris, from scikit-learn, nothing to download; iris:4 with a fourth class that no flower has",
    "points": "points in the plane, drawn here, nothing to download",
}


_INSTEAD = "Using the drawn data set 'shapes' instead; published figures are not comparable with these."
_DIGITS_INSTEAD = "Using the digits of scikit-learn instead (8×8 pixels)."
_OWN_FOLDER = "This study is for images of one's own: give them with --data folder:PATH, PATH/CLASS/image.jpg."
# Large enough for the networks that look at birds, small enough for a laptop.
_SHAPES_FOR_BIRDS = (96, 96)


@dataclass(frozen=True)
class _Raw:
    """A data set with its three parts, before it gets its spec."""

    title: str
    class_names: tuple[str, ...]
    sets: dict[str, Subset]


@dataclass(frozen=True)
class _Request:
    """What `load_dataset` was asked for, its spec taken apart."""

    kind: str
    rest: str
    image_size: Size | None
    split: Split
    log: Log

    def refusal(self) -> DataError:
        return _refusal(self.kind, self.rest)


class Choice(NamedTuple):
    """The data set that a study will use, what to tell the user about it, and the size to draw it at."""

    spec: str
    notice: str
    image_size: Size | None = None


def load_dataset(
    spec: str, *, split: Split | None = None, image_size: Size | None = None, log: Log = lambda line: None
) -> ImageDataset:
    """Loads a data set by its spec and divides it into train, validation and test.

    Args:
        spec: `"cifar100:25"` (the first 25 classes), `"cifar100"`, `"cifar10"`, `"mnist"`, `"folder:PATH"`
            (PATH/CLASS/image.jpg, or PATH/{train,valid,test}/CLASS/image.jpg),
            `"list:ROOT:TRAIN.txt:TEST.txt"` (one CLASS/file a line), `"birds:PATH"` (see `kerasclf.data.birds`),
            `"digits"` (scikit-learn's), `"shapes"` (drawn, see `kerasclf.data.shapes`), or the rows of a table (see
            `kerasclf.data.tables`): `"wine:PATH"`, `"iris"`, `"points"`.
        split: How to divide what the data set does not divide itself; `Split()` where None.
        image_size: Height and width to resize images to, or to draw shapes at; None keeps the images' own.
        log: Called with a line of progress while many files are read.

    Returns:
        The data set, uint8 pixels 0–255, images of shape (height, width, channels); rows are float32 (1, 1, features).

    Raises:
        DataError: The spec is unknown, or its images, labels or lists cannot be used.
    """
    split = split or Split()
    kind, rest = _taken_apart(spec)
    raw = _LOADERS[kind](_Request(kind, rest, image_size, split, log))
    dataset = ImageDataset(spec, raw.title, raw.class_names, **raw.sets)
    return dataset if split.fold is None else _fold(dataset, split)


def check_files(spec: str) -> None:
    """Checks what a spec says of files without reading an image: that the spec is known and the files are there.

    Raises:
        DataError: It is not, or they are not.
    """
    kind, rest = _taken_apart(spec)
    if kind in _LISTED:
        _LISTED[kind](rest)


def default_dataset(preferred: str) -> Choice:
    """Returns `preferred` where it can be had, and else, with a notice, other digits for digits, `shapes` for the rest.

    Raises:
        DataError: Nothing can stand in for it.
    """
    kind, _, rest = preferred.partition(":")
    if kind == "birds":
        return Choice("shapes", f"{birds.HOW_TO_GET}\n{_INSTEAD}", _SHAPES_FOR_BIRDS)
    if kind == "folder" and not rest:
        return Choice("shapes", f"{_OWN_FOLDER}\n{_INSTEAD}", _SHAPES_FOR_BIRDS)
    if kind == "wine" and not rest:
        raise DataError(f"This study has no data of its own. {tables.HOW_TO_GET_WINE}")
    if kind not in KERAS_SETS:
        return Choice(preferred, "")
    known = KERAS_SETS[kind]
    if known.is_at_hand():
        try:
            load_keras_set(kind, int(rest) if rest else None)
            return Choice(preferred, "")
        except DataError:
            pass  # a damaged cache, or a network that answers and does not deliver
    spec, instead = ("digits", _DIGITS_INSTEAD) if kind == "mnist" else ("shapes", _INSTEAD)
    return Choice(
        spec, f"{known.title} is neither cached ({known.path}) nor can it be fetched from {known.host}.\n{instead}"
    )


def _taken_apart(spec: str) -> tuple[str, str]:
    kind, _, rest = spec.partition(":")
    if kind not in SPEC_FORMS:
        hint = f" For a folder of images: folder:{spec}." if Path(spec).expanduser().is_dir() else ""
        raise DataError(unknown("data set", kind, SPEC_FORMS) + hint)
    return kind, rest


def _refusal(kind: str, rest: str) -> DataError:
    return DataError(f"Expected {SPEC_FORMS[kind]}. Received: {kind}:{rest}.")


def _fold(dataset: ImageDataset, split: Split) -> ImageDataset:
    assert split.fold is not None
    number, folds = split.fold
    return list(kfold(dataset, folds, split.seed))[number - 1]


def _load_keras(request: _Request) -> _Raw:
    known = KERAS_SETS[request.kind]
    if request.rest and not request.rest.isdecimal():
        raise request.refusal()
    names, sets = load_keras_set(request.kind, int(request.rest) if request.rest else None)
    title = f"{known.title}, {request.rest} classes" if request.rest else known.title
    divided = make_sets(sets, request.split, names)
    if request.image_size is not None:
        divided = {name: _resized(subset, request.image_size) for name, subset in divided.items()}
    return _Raw(title, names, divided)


def _list_folder(rest: str) -> Listed:
    if not rest:
        raise _refusal("folder", rest)
    root = Path(rest).expanduser()
    return root, *list_folder(root)


def _list_list(rest: str) -> Listed:
    fields = rest.split(":")
    if len(fields) != 3 or not all(fields):
        raise _refusal("list", rest)
    root, train, test = (Path(field).expanduser() for field in fields)
    return root, *list_files(root, train, test)


def _list_birds(rest: str) -> Listed:
    if not rest:
        raise DataError(f"Expected {SPEC_FORMS['birds']}. {birds.HOW_TO_GET}")
    root = Path(rest).expanduser()
    return root, *birds.list_birds(root)


def _load_listed(request: _Request) -> _Raw:
    return _read(*_LISTED[request.kind](request.rest), request)


def _load_birds(request: _Request) -> _Raw:
    sized = replace(request, image_size=request.image_size or birds.IMAGE_SIZE)
    return replace(_load_listed(sized), title=birds.TITLE)


def _read(root: Path, names: tuple[str, ...], listings: dict[str, Listing], request: _Request) -> _Raw:
    # Parts come first: nobody wants to wait for images that are then left out, or for a class that is too small.
    sets = make_sets(listings, request.split, names)
    return _Raw(f"images of {root.name}", names, read_listings(sets, request.image_size, request.log))


def _draw(request: _Request) -> _Raw:
    if request.rest:
        raise request.refusal()
    # Parts come first: only what is wanted is drawn.
    sets = make_sets(shapes.scenes(), request.split, shapes.CLASS_NAMES)
    size = request.image_size or (32, 32)
    drawn = {name: subset.draw(size) for name, subset in sets.items()}
    return _Raw("shapes (drawn, not photographs)", shapes.CLASS_NAMES, drawn)


def _resized(subset: Subset, size: Size) -> Subset:
    array = subset.images.array
    assert array is not None
    return Subset(ArrayImages(resize_images(array, size)), subset.labels, subset.names)


def _load_digits(request: _Request) -> _Raw:
    if request.rest:
        raise request.refusal()
    names, subset = digits.load_digits(request.image_size)
    return _Raw(digits.TITLE, names, make_sets({"train": subset}, request.split, names))


def _load_wine(request: _Request) -> _Raw:
    _refuse_size(request)
    if not request.rest:
        raise DataError(f"Expected {SPEC_FORMS['wine']}. {tables.HOW_TO_GET_WINE}")
    names, subset = tables.read_wine(Path(request.rest).expanduser())
    return _Raw("red wine quality", names, make_sets({"train": subset}, request.split, names))


def _load_iris(request: _Request) -> _Raw:
    _refuse_size(request)
    if request.rest not in ("", "4"):
        raise request.refusal()
    names, subset = tables.load_iris()
    sets = make_sets({"train": subset}, request.split, names)
    return _Raw("iris", (*names, "none") if request.rest else names, sets)


def _draw_points(request: _Request) -> _Raw:
    _refuse_size(request)
    if request.rest:
        raise request.refusal()
    names, subset = tables.draw_points()
    return _Raw("points (drawn)", names, make_sets({"train": subset}, request.split, names))


def _refuse_size(request: _Request) -> None:
    if request.image_size is not None:
        raise DataError(f"{request.kind} holds rows of a table; image_size is for images.")


# What finds the files of those that are files, and reads none of them.
_LISTED: dict[str, Callable[[str], Listed]] = {"folder": _list_folder, "list": _list_list, "birds": _list_birds}

_LOADERS: dict[str, Callable[[_Request], _Raw]] = {
    **dict.fromkeys(KERAS_SETS, _load_keras),
    "folder": _load_listed,
    "list": _load_listed,
    "birds": _load_birds,
    "digits": _load_digits,
    "shapes": _draw,
    "wine": _load_wine,
    "iris": _load_iris,
    "points": _draw_points,
}
