"""What a `.keras` file says of its classes, images and calibration: written with it, read without TensorFlow.

A .keras file is a zip archive. Keras writes its version and a date into the member metadata.json, and ignores whatever
else stands there. kerasclf adds the class names in the order of the outputs. Keras alone reads them:

    keras.saving.KerasFileEditor("model.keras").metadata["class_names"]

So does the standard library:

    json.loads(zipfile.ZipFile("model.keras").read("metadata.json"))["class_names"]

"image_fit" is the way in which images fill their size (`kerasclf.data.pixels.image_fit`). A calibrated model also has
its "calibration" (`kerasclf.inference.calibration.model_calibration`).

No other place serves as well. Keras drops attributes of a model and unknown fields of its configuration. None of its
layers holds names without computing something, and string tensors stop XLA. For a member of its own in the archive,
Keras unpacks the whole archive to the disk whenever it loads the model.

A model that Keras itself loads and saves again has no class names any more. Save it with `save_model`.
"""

import copy
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from zipfile import BadZipFile, ZipFile

from kerasclf.data.pixels.image_fit import Fit, known_fit
from kerasclf.errors import DataError, FolderError
from kerasclf.files.new_folder import working_folder
from kerasclf.files.reading import read_json
from kerasclf.files.writing import replaced
from kerasclf.schema import check_schema

if TYPE_CHECKING:
    import keras

MODEL = "model.keras"
CLASSES = "classes.json"
_DESCRIPTION = "experiment.json"
_METADATA = "metadata.json"
_KEY = "class_names"
_CALIBRATION = "calibration"
_FIT = "image_fit"
# The names of ten thousand classes take far less.
_MAX_BYTES = 8 << 20


class _Described(TypedDict):
    """The part of experiment.json that is needed here."""

    class_names: list[str]


def save_model(
    model: "keras.Model",
    path: Path,
    class_names: Sequence[str],
    calibration: Mapping[str, Any] | None = None,
    fit: Fit = "squash",
) -> None:
    """Saves a model together with the names of its classes. The file appears whole or not at all.

    Args:
        model: From images to class probabilities.
        path: The file, ending in .keras.
        class_names: Names of the classes, in the order of the model's outputs.
        calibration: Its calibration, as plain JSON types; None for a network as trained.
        fit: How its images fill their size (see `kerasclf.data.pixels.image_fit`). New images are read alike.
    """
    added: dict[str, Any] = {_KEY: list(class_names), _FIT: fit}
    if calibration is not None:
        added[_CALIBRATION] = dict(calibration)
    with working_folder(path) as folder, replaced(path) as partial:
        plain = folder / path.name
        model.save(plain)
        _copy_archive(plain, partial, added)


def read_class_names(path: Path) -> tuple[str, ...]:
    """Returns the class names of a model, in the order of its outputs; empty if they are unknown.

    They are inside the file. Runs of earlier versions have them in a file beside it.

    Args:
        path: The .keras file.

    Raises:
        FolderError: If the file is damaged, or holds anything but names there.
    """
    names = _read_metadata(path).get(_KEY)
    if names is not None:
        check_schema(names, list[str], f"{_KEY} in {path}")
    if names:
        return tuple(names)
    beside = path.with_name(CLASSES)
    if beside.is_file():
        names = read_json(beside)
        check_schema(names, list[str], beside)
        return tuple(names)
    described = path.with_name(_DESCRIPTION)
    if described.is_file():
        plain = read_json(described)
        check_schema(plain, _Described, described)
        return tuple(plain["class_names"])
    return ()


def read_fit(path: Path) -> Fit:
    """Returns how the images of a model fill their size: `"squash"` if the file does not say.

    Args:
        path: The .keras file.

    Raises:
        FolderError: If the file is damaged, or names no known fit.
    """
    try:
        return known_fit(_read_metadata(path).get(_FIT, "squash"))
    except DataError as error:
        raise FolderError(f"{path} cannot be used: {error}") from None


def read_calibration_data(path: Path) -> Any:
    """Returns the calibration in the metadata of a model, unchecked; None if it has none."""
    return _read_metadata(path).get(_CALIBRATION)


def _copy_archive(source: Path, target: Path, added: dict[str, Any]) -> None:
    """Copies a .keras file with more metadata. A member of a zip archive cannot be changed in place."""
    with ZipFile(source) as old, ZipFile(target, "w") as new:
        for member in old.infolist():
            if member.filename == _METADATA:
                new.writestr(_METADATA, json.dumps({**json.loads(old.read(member)), **added}))
                continue
            with old.open(member) as read, new.open(copy.copy(member), "w") as write:
                shutil.copyfileobj(read, write, 1 << 20)


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        with ZipFile(path) as archive:
            if _METADATA not in archive.namelist():
                return {}
            if archive.getinfo(_METADATA).file_size > _MAX_BYTES:
                raise ValueError(f"expected at most {_MAX_BYTES:,} bytes in {_METADATA}")
            metadata = json.loads(archive.read(_METADATA))
    except BadZipFile:
        raise FolderError(f"{path} cannot be loaded as a model: it is damaged, or no .keras file.") from None
    except Exception as error:  # a damaged archive can raise nearly any exception
        raise FolderError(f"{path} cannot be read: {str(error).rstrip('.') or type(error).__name__}.") from error
    return metadata if isinstance(metadata, dict) else {}
