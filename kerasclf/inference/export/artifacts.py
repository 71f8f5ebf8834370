"""`TARGETS`: the forms in which a model is exported, with their quantisations. Needs no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypedDict

from kerasclf.errors import FolderError, KerasclfError, Problems, did_you_mean
from kerasclf.extras import install_command
from kerasclf.files.new_folder import already_exists, check_place, check_replaceable
from kerasclf.files.reading import check_regular, file_digest, read_json
from kerasclf.inference.export.parity import Limits
from kerasclf.networks.model_file import MODEL
from kerasclf.schema import check_schema
from kerasclf.wording import in_words

Precision = Literal["float32", "float16", "int8"]

EXPORT_FILE = "export.json"
# Name of the class names inside an artifact.
NAMES_KEY = "class_names"
# Name of the way in which images fill their size, inside an artifact, and its file in an archive.
FIT_KEY = "image_fit"
FIT_FILE = "image_fit.txt"


@dataclass(frozen=True)
class Target:
    """A form of exported models.

    Args:
        title: Its name in messages.
        file: Name of the exported file or folder.
        packages: Modules that it needs.
        extra: The extra of kerasclf that installs them; empty if every installation has them.
        limits: The differences that are accepted, for each precision that exists.
        int8_packages: Further modules that int8 needs, of the extra `export`.
    """

    title: str
    file: str
    packages: tuple[str, ...]
    extra: str
    limits: Mapping[str, Limits]
    int8_packages: tuple[str, ...] = ()

    def needed(self, precision: str = "float32") -> dict[str, str]:
        """Returns the modules that the form needs in a precision, with the extras that install them."""
        needed = dict.fromkeys(self.packages, self.extra)
        return needed | (dict.fromkeys(self.int8_packages, "export") if precision == "int8" else {})

    def missing(self, precision: str = "float32") -> str | None:
        """Returns the message if a package is missing, otherwise None. An exported int8 model runs without NNCF."""
        absent = {name: extra for name, extra in self.needed(precision).items() if util.find_spec(name) is None}
        if not absent:
            return None
        verb = "is" if len(absent) == 1 else "are"
        kind = " in int8" if set(absent) & set(self.int8_packages) else ""
        return (
            f"{self.title}{kind} needs {in_words(list(absent))}, which {verb} not installed. Install what is missing: "
            f"{install_command(*sorted(set(absent.values())))}."
        )


def _limits(**values: Limits) -> Mapping[str, Limits]:
    return MappingProxyType(values)


_FLOAT32 = Limits(probability=1e-4)
_FLOAT16 = Limits(probability=0.02)
# docs/export.md has the measurements behind these.
_INT8 = Limits(accuracy=0.01, changed=0.1)


TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "onnx": Target(
            "ONNX",
            "model.onnx",
            ("tf2onnx", "onnx", "onnxruntime"),
            "export",
            _limits(float32=_FLOAT32, float16=_FLOAT16, int8=_INT8),
        ),
        "openvino": Target(
            "OpenVINO",
            "model.xml",
            ("openvino",),
            "openvino",
            _limits(float32=_FLOAT32, float16=_FLOAT16, int8=_INT8),
            int8_packages=("nncf",),
        ),
        "tflite": Target(
            "LiteRT",
            "model.tflite",
            ("ai_edge_litert",),
            "export",
            _limits(float32=_FLOAT32, float16=_FLOAT16, int8=_INT8),
        ),
        "savedmodel": Target("SavedModel", "saved_model", (), "", _limits(float32=_FLOAT32)),
    }
)


# All files and folders of exported models, whatever their form: no others are replaced by a new one.
EXPORT_FILES = frozenset({EXPORT_FILE, "model.bin", *(target.file for target in TARGETS.values())})


class ArtifactFile(NamedTuple):
    """A model on disk that can be computed.

    Args:
        kind: A key of `TARGETS`, or `"keras"`.
        path: Its file, or the folder of a SavedModel.
    """

    kind: str
    path: Path

    @property
    def size(self) -> int:
        """Its size in bytes, weights in a file of their own included."""
        if self.path.is_dir():
            return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())
        weights = self.path.with_suffix(".bin")
        has_weights = self.kind == "openvino" and weights.is_file()
        return self.path.stat().st_size + (weights.stat().st_size if has_weights else 0)


class ExportRecord(TypedDict):
    """The part of export.json that is read again."""

    model: str
    model_sha256: str
    target: str
    precision: str


def check_request(
    target: str,
    precision: str,
    out: Path | None,
    overwrite: bool,
    tolerance: float | None = None,
    accuracy_loss: float | None = None,
) -> None:
    """Checks how to export a model.

    Args:
        target: A key of `TARGETS`.
        precision: `"float32"`, or a quantisation.
        out: The new folder; None if it is not known.
        overwrite: Whether an exported model in `out` is replaced.
        tolerance: The largest accepted difference of a probability; None for that of the target and precision.
        accuracy_loss: The largest accepted loss of accuracy, as a share; None for the limits of the target.

    Raises:
        KerasclfError: If something cannot be used; the message lists all problems.
    """
    problems = Problems()
    with problems.collect():
        _check_precision(target, precision)
    if tolerance is not None and not 0 <= tolerance <= 1:
        problems.add(f"tolerance: expected a difference of probabilities, 0 to 1. Received: {tolerance}.")
    if accuracy_loss is not None and not 0 <= accuracy_loss <= 1:
        problems.add(f"accuracy_loss: expected a share, 0 to 1. Received: {accuracy_loss}.")
    if missing := TARGETS[target].missing(precision):
        problems.add(missing)
    if out is not None:
        with problems.collect():
            _check_out(out, overwrite)
    problems.raise_all("The model cannot be exported")


def check_source(model: Path, out: Path) -> None:
    """Checks that a model does not lie in the folder of its exported form, which replaces all that lies there.

    Raises:
        FolderError: If it does.
    """
    if model.resolve().is_relative_to(out.resolve()):
        raise FolderError(f"out: expected a folder without the model itself. Received: {out}, which holds {model}.")


def _check_precision(target: str, precision: str) -> None:
    """Checks that a target has a precision.

    Raises:
        KerasclfError: If it has not; the message lists those that exist.
    """
    own = TARGETS[target]
    if precision not in own.limits:
        others = [name for name, other in TARGETS.items() if precision in other.limits]
        quantised = [repr(name) for name in own.limits if name != "float32"]
        has = f"expected {' or '.join(quantised)} for" if quantised else "there is none for"
        raise KerasclfError(
            f"quantize: {has} {own.title}. Received: {precision!r}, which exists for {in_words(others)}."
        )


def default_out(model: Path, target: str, precision: str) -> Path:
    """Returns the folder of an exported model, beside the model.

    Example:
        >>> from pathlib import Path
        >>> from kerasclf.inference.export.artifacts import default_out
        >>> default_out(Path("run/model.keras"), "onnx", "int8").as_posix()
        'run/model-onnx-int8'
    """
    return model.with_name("-".join([model.stem, target, *([] if precision == "float32" else [precision])]))


def find_artifact(path: Path) -> ArtifactFile | None:
    """Returns the exported model at a path: its folder, or its file; None if there is none.

    A `.keras` file is one of the kind `"keras"`.
    """
    if path.suffix == ".keras" and path.is_file():
        return ArtifactFile("keras", path)
    for kind, target in TARGETS.items():
        for found in (path / target.file, path):
            is_model = (found / "saved_model.pb").is_file() if kind == "savedmodel" else found.is_file()
            if is_model and (found != path or kind == "savedmodel" or path.suffix == Path(target.file).suffix):
                return ArtifactFile(kind, found)
    return None


def read_record(path: Path) -> ExportRecord | None:
    """Returns how a model was exported; None if no export.json is beside it.

    Args:
        path: The file of the exported model.

    Raises:
        FolderError: If export.json is damaged.
    """
    file = path.parent / EXPORT_FILE
    if not file.is_file():
        return None
    record: Any = read_json(file)
    check_schema(record, ExportRecord, file)
    return ExportRecord(**{name: record[name] for name in ExportRecord.__annotations__})  # type: ignore[typeddict-item]


def source_model(path: Path, record: ExportRecord) -> Path | None:
    """Returns the model that was exported, if it is still there."""
    model = (path.parent / record["model"]).resolve()
    return model if model.suffix == Path(MODEL).suffix and model.is_file() else None


def is_outdated(path: Path, record: ExportRecord) -> bool:
    """Returns whether the model has changed since it was exported. A model that is gone has not changed."""
    model = source_model(path, record)
    if model is None:
        return False
    check_regular(model)
    return file_digest(model) != record["model_sha256"]


def _check_out(out: Path, overwrite: bool) -> None:
    """Checks that a folder may be written.

    Raises:
        FolderError: If the permission is missing, or it exists and holds more than an exported model to replace.
    """
    if not out.exists():
        check_place(out)
        return
    if not (out / EXPORT_FILE).is_file():
        raise FolderError(f"out: expected a new folder. Received: {out}, which exists and holds no exported model.")
    if not overwrite:
        raise FolderError(already_exists(out, "or `overwrite`"))
    check_replaceable(out, EXPORT_FILES, "out")


def unknown_artifact(path: Path) -> str:
    """Returns the message for a path without a model."""
    expected = "an exported model, or a .keras file"
    if not path.exists():
        return f"Expected {expected}. Received: {path}, which does not exist."
    hint = did_you_mean(path.suffix, [Path(target.file).suffix for target in TARGETS.values()])
    return f"Expected {expected}. Received: {path}.{hint if path.suffix else ''}"
