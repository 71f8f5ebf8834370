"""`export_model`: a model in another form, proved to predict the same. Nothing is left of an export that fails."""

import os
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import kerasclf
from kerasclf.errors import ParityError
from kerasclf.files.new_folder import new_folder
from kerasclf.files.reading import file_digest
from kerasclf.files.writing import write_json
from kerasclf.inference.export.artifact_converters import Conversion, convert
from kerasclf.inference.export.artifact_runtimes import Artifact, keras_predict, read_in_batches
from kerasclf.inference.export.artifacts import (
    EXPORT_FILE,
    EXPORT_FILES,
    FIT_KEY,
    NAMES_KEY,
    TARGETS,
    ArtifactFile,
    check_request,
    check_source,
)
from kerasclf.inference.export.exportable import exportable
from kerasclf.inference.export.latency import Latency, Predict, measure_latency, measure_throughput
from kerasclf.inference.export.parity import Limits, Parity, compare
from kerasclf.inference.export.proof_images import ProofImages
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.log import Log
from kerasclf.machine.resources import processor_name, usable_cores

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
        accuracy_loss: The largest accepted loss of accuracy, as a share. Images with another class are then accepted.
            None for the limits of the target and precision.
        overwrite: Whether an exported model in `out` is replaced. A folder with other files is refused.
    """

    target: str
    out: Path
    precision: str = "float32"
    tolerance: float | None = None
    accuracy_loss: float | None = None
    overwrite: bool = False

    @property
    def limits(self) -> Limits:
        """The accepted differences."""
        own = TARGETS[self.target].limits[self.precision]
        return Limits(
            own.probability if self.tolerance is None else self.tolerance,
            own.accuracy if self.accuracy_loss is None else self.accuracy_loss,
            own.changed if self.accuracy_loss is None else 1.0,
        )

    def check(self) -> None:
        """Checks the request.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        check_request(self.target, self.precision, self.out, self.overwrite, self.tolerance, self.accuracy_loss)


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
        images_per_second: Speed of both in batches.
    """

    file: ArtifactFile
    source: ArtifactFile
    rebuilt_from: str | None
    images: ProofImages
    parity: Parity
    latency: tuple[Latency, Latency]
    images_per_second: tuple[float, float]

    @property
    def slower(self) -> dict[str, float]:
        """How many times as long as the model itself the exported one takes, for `"one image"` and for `"batches"`.

        A speed at which it is not slower is left out.
        """
        (before, after), (rate_before, rate_after) = self.latency, self.images_per_second
        times = {"one image": after.median / before.median, "batches": rate_before / rate_after}
        return {how: value for how, value in times.items() if value > 1}


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
        ParityError: If the predictions differ by more than the request accepts.
        KerasclfError: If the model cannot be exported; the message names the layer.
        FolderError: If the folder cannot be written.
    """
    request.check()
    check_source(trained.path, request.out)
    model, rebuilt_from = exportable(trained.model)
    if rebuilt_from:
        log(f"rebuilt in float32: the model is in {rebuilt_from}")
    count = _CALIBRATION_IMAGES if request.precision == "int8" else 0
    conversion = Conversion(
        model, trained.class_names, request.target, request.precision, images.calibration(count), trained.image_fit
    )
    with new_folder(request.out, EXPORT_FILES if request.overwrite else ()) as folder:
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
    models = [reference, artifact.predict]
    timed = images.take(_TIMED_IMAGES)
    before, after = measure_latency(models, timed.images.read(np.arange(len(timed))))
    rate_before, rate_after = measure_throughput(models, next(read_in_batches(timed)))
    return Exported(
        file=artifact.file,
        source=ArtifactFile("keras", trained.path),
        rebuilt_from=None,
        images=images,
        parity=compare(images.proof.labels, first, second),
        latency=(before, after),
        images_per_second=(rate_before, rate_after),
    )


# What accepts a difference beyond each limit.
_ADVICE = {
    "probability": "A larger `tolerance` accepts it.",
    "accuracy": "A larger `accuracy_loss` accepts it.",
    "changed": "An `accuracy_loss` accepts changed classes.",
}


def _check_parity(exported: Exported, request: ExportRequest) -> None:
    if exceeded := request.limits.exceeded(exported.parity):
        differences = "; ".join(text for _, text in exceeded)
        advice = " ".join(dict.fromkeys(_ADVICE[limit] for limit, _ in exceeded))
        raise ParityError(
            f"{TARGETS[request.target].title} in {request.precision} predicts otherwise: {differences}. Nothing was "
            f"written. {advice}"
        )


def _record(exported: Exported, request: ExportRequest, trained: TrainedModel) -> dict[str, Any]:
    """Returns the contents of export.json."""
    before, after = exported.latency
    needed = TARGETS[request.target].needed(request.precision)
    return {
        "model": os.path.relpath(trained.path.absolute(), request.out.absolute()),
        "model_sha256": file_digest(trained.path),
        "target": request.target,
        "precision": request.precision,
        "rebuilt_from": exported.rebuilt_from,
        NAMES_KEY: list(trained.class_names),
        "image_shape": list(trained.image_shape),
        FIT_KEY: trained.image_fit,
        "proof": {
            "data": exported.images.data,
            "set": exported.images.name,
            "limits": asdict(request.limits),
            **asdict(exported.parity),
        },
        "bytes": {"keras": exported.source.size, "exported": exported.file.size},
        "ms_per_image": {"keras": asdict(before), "exported": asdict(after)},
        "images_per_second": dict(zip(("keras", "exported"), exported.images_per_second, strict=True)),
        "slower": exported.slower,
        "machine": {"processor": processor_name(), "cores": usable_cores()},
        "packages": {
            "kerasclf": kerasclf.__version__,
            **{name: metadata.version(name) for name in ("keras", "tensorflow", *needed)},
        },
    }
