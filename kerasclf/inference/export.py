"""`export_model`: a model in another form, proved to predict the same. Nothing is left of an export that fails."""

import os
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import kerasclf
from kerasclf.errors import ParityError
from kerasclf.files import file_digest, write_json
from kerasclf.inference.artifact_converters import Conversion, convert
from kerasclf.inference.artifact_runtimes import Artifact, keras_predict, read_in_batches
from kerasclf.inference.artifacts import EXPORT_FILE, NAMES_KEY, TARGETS, ArtifactFile, check_request
from kerasclf.inference.exportable import exportable
from kerasclf.inference.latency import Latency, Predict, measure_latency
from kerasclf.inference.parity import Parity, compare
from kerasclf.inference.proof_images import ProofImages
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.log import Log
from kerasclf.machine import processor_name, usable_cores
from kerasclf.new_folder import new_folder

_CALIBRATION_IMAGES = 200
_TIMED_IMAGES = 50


@dataclass(frozen=True)
class ExportRequest:
    """How to export a model.

    Args:
        target: A key of `TARGETS`.
        out: The new folder of the exported model.
        precision: `"float32"`, or a quantisation that the target has.
        tolerance: The largest accepted difference of a probability; None for that of the target and precision.
        overwrite: Whether an exported model in `out` is replaced.
    """

    target: str
    out: Path
    precision: str = "float32"
    tolerance: float | None = None
    overwrite: bool = False

    @property
    def accepted(self) -> float:
        """The largest accepted difference of a probability."""
        return TARGETS[self.target].tolerances[self.precision] if self.tolerance is None else self.tolerance


@dataclass(frozen=True)
class Exported:
    """An exported model with its proof.

    Args:
        file: Where it is.
        source: The model that was exported.
        rebuilt_from: The precision of a model that was rebuilt in float32; None for one in float32.
        images: The images of the proof.
        parity: The differences of its predictions.
        latency: Milliseconds per image of the model itself, computed by TensorFlow, and of the exported one.
    """

    file: ArtifactFile
    source: ArtifactFile
    rebuilt_from: str | None
    images: ProofImages
    parity: Parity
    latency: tuple[Latency, Latency]


def export_model(
    trained: TrainedModel, request: ExportRequest, images: ProofImages, log: Log = lambda line: None
) -> Exported:
    """Exports a model, and proves that it predicts the same.

    The exported model takes raw uint8 pixels, gives probabilities, and holds the class names. Both models predict the
    images. A file export.json beside the exported model says what came out.

    Args:
        trained: The model.
        request: The form, and where to write it.
        images: Images with labels, and training images for int8.
        log: Receives progress messages.

    Raises:
        ParityError: If a probability differs by more than the tolerance.
        KerasclfError: If the model cannot be exported; the message names the layer.
        FolderError: If the folder cannot be written.
    """
    check_request(request.target, request.precision, request.tolerance, request.out, request.overwrite)
    model, rebuilt_from = exportable(trained.model)
    if rebuilt_from:
        log(f"rebuilt in float32: the model is in {rebuilt_from}")
    count = _CALIBRATION_IMAGES if request.precision == "int8" else 0
    conversion = Conversion(model, trained.class_names, request.target, request.precision, images.calibration(count))
    with new_folder(request.out, overwrite=request.overwrite) as folder:
        artifact = convert(conversion, folder)
        log(f"proof: {images.described()}")
        exported = _prove(artifact, keras_predict(model), trained, images)
        exported = replace(exported, rebuilt_from=rebuilt_from)
        _check_parity(exported, request)
        write_json(folder / EXPORT_FILE, _record(exported, request, trained))
    final = ArtifactFile(request.target, request.out / TARGETS[request.target].file)
    return replace(exported, file=final)


def _prove(artifact: Artifact, reference: Predict, trained: TrainedModel, images: ProofImages) -> Exported:
    batches = ((reference(batch), artifact.predict(batch)) for batch in read_in_batches(images.proof))
    first, second = (np.concatenate(rows) for rows in zip(*batches, strict=True))
    timed = images.take(_TIMED_IMAGES)
    before, after = measure_latency([reference, artifact.predict], timed.images.read(np.arange(len(timed))))
    return Exported(
        artifact.file,
        ArtifactFile("keras", trained.path),
        None,
        images,
        compare(images.proof.labels, first, second),
        (before, after),
    )


def _check_parity(exported: Exported, request: ExportRequest) -> None:
    parity, title = exported.parity, TARGETS[request.target].title
    if not parity.largest <= request.accepted:
        raise ParityError(
            f"{title} in {request.precision} predicts otherwise: a probability differs by {parity.largest:.3g}, and "
            f"{parity.changed:,} of {parity.images:,} images have another class. The tolerance is "
            f"{request.accepted:g}. Nothing was written. A larger `tolerance` accepts it."
        )


def _record(exported: Exported, request: ExportRequest, trained: TrainedModel) -> dict[str, Any]:
    """Returns the contents of export.json."""
    before, after = exported.latency
    return {
        "model": os.path.relpath(trained.path.absolute(), request.out.absolute()),
        "model_sha256": file_digest(trained.path),
        "target": request.target,
        "precision": request.precision,
        "rebuilt_from": exported.rebuilt_from,
        NAMES_KEY: list(trained.class_names),
        "image_shape": list(trained.image_shape),
        "proof": {
            "data": exported.images.data,
            "set": exported.images.name,
            "tolerance": request.accepted,
            **asdict(exported.parity),
        },
        "bytes": {"keras": exported.source.size, "exported": exported.file.size},
        "ms_per_image": {"keras": asdict(before), "exported": asdict(after)},
        "machine": {"processor": processor_name(), "cores": usable_cores()},
        "packages": {
            "kerasclf": kerasclf.__version__,
            **{name: metadata.version(name) for name in ("keras", "tensorflow", *TARGETS[request.target].packages)},
        },
    }
