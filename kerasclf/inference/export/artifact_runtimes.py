"""Opens exported models in the runtimes that compute them: ONNX Runtime, OpenVINO, LiteRT and TensorFlow."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset
from kerasclf.data.pixels.image_fit import Fit, known_fit
from kerasclf.errors import DataError, KerasclfError
from kerasclf.files.reading import read_bytes, read_json
from kerasclf.inference.export.artifacts import FIT_FILE, FIT_KEY, NAMES_KEY, TARGETS, ArtifactFile
from kerasclf.inference.export.latency import Predict
from kerasclf.inference.read_ahead import batch_size
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.machine.resources import usable_cores
from kerasclf.networks.model_file import CLASSES
from kerasclf.quiet import without_stderr
from kerasclf.schema import check_schema
from kerasclf.transfer.compute_engines import import_openvino, tensorflow_compute

# The names of ten thousand classes take far less.
_MAX_BYTES = 8 << 20


class Opened(NamedTuple):
    """A model in its runtime, and the declarations of its file.

    Args:
        predict: Computes a batch.
        names: Class names as JSON; None if the file has none.
        shape: Shape of an image. A size that is not fixed is no integer.
        dtype: Type of the input.
        fit: How images fill their size; None if the file does not say.
    """

    predict: Predict
    names: str | None
    shape: tuple[Any, ...]
    dtype: str
    fit: str | None = None


@dataclass(frozen=True)
class Artifact:
    """An exported model, ready to predict.

    Args:
        file: Where it is.
        class_names: Names of its classes, in the order of its outputs.
        image_shape: Height, width and channels of its images.
        predict: From raw uint8 images, shape (n, height, width, channels), to probabilities, shape (n, classes).
        image_fit: How its images fill their height and width.
    """

    file: ArtifactFile
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    predict: Predict
    image_fit: Fit = "squash"

    @classmethod
    def open(cls, file: ArtifactFile) -> "Artifact":
        """Opens an exported model or a `.keras` file on all cores of the CPU.

        Raises:
            KerasclfError: If its runtime is not installed or cannot load it, or it is not one that kerasclf exported.
        """
        if file.kind == "keras":
            trained = TrainedModel.read(file.path)
            predict = keras_predict(trained.model)
            return cls(file, trained.class_names, trained.image_shape, predict, trained.image_fit)
        opened = load_runtime(file)
        names, shape = _names(opened, file.path), _shape(opened, file.path)
        return cls(file, names, shape, opened.predict, _fit(opened, file.path))


def load_runtime(file: ArtifactFile) -> Opened:
    """Loads a model into the runtime of its form, whatever its inputs and outputs.

    Raises:
        KerasclfError: If the runtime is not installed or cannot load it.
    """
    target = TARGETS[file.kind]
    if missing := target.missing():
        raise KerasclfError(missing)
    try:
        with without_stderr():
            return _RUNTIMES[file.kind](file.path)
    except Exception as error:  # each runtime raises errors of its own
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise KerasclfError(f"{file.path} cannot be loaded as a model of {target.title}: {reason}.") from error


def keras_predict(model: keras.Model) -> Predict:
    """Returns a function that computes a Keras model with TensorFlow."""
    compute = tensorflow_compute(model)
    return lambda images: np.asarray(next(iter(compute(iter([images]))))[0], np.float32)


def read_in_batches(subset: Subset) -> Iterator[NDArray[np.uint8]]:
    """Yields all images of a set, batch by batch."""
    size = batch_size(subset.images.shape)  # type: ignore[arg-type]
    for start in range(0, len(subset), size):
        yield subset.images.read(np.arange(start, min(start + size, len(subset))))


def _open_onnx(path: Path) -> Opened:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3  # errors
    # Processors without VNNI would saturate the sum of two products of eight bits, without an error.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    metadata = session.get_modelmeta().custom_metadata_map
    return Opened(
        lambda images: np.asarray(session.run(None, {image.name: images})[0], np.float32),
        metadata.get(NAMES_KEY),
        tuple(image.shape[1:]),
        image.type.removeprefix("tensor(").removesuffix(")"),
        metadata.get(FIT_KEY),
    )


def _open_openvino(path: Path) -> Opened:
    openvino = import_openvino()
    core = openvino.Core()
    network = core.read_model(path)
    places = [["kerasclf", key] for key in (NAMES_KEY, FIT_KEY)]
    names, fit = (network.get_rt_info(one).astype(str) if network.has_rt_info(one) else None for one in places)
    settings = {
        # OpenVINO would compute in bfloat16 on some processors, and the probabilities would depend on the machine.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": usable_cores(),
    }
    compiled = core.compile_model(network, "CPU", settings)
    (image,) = network.inputs
    shape = tuple(size.get_length() if size.is_static else None for size in list(image.partial_shape)[1:])
    kind = {"u8": "uint8", "f32": "float32"}.get(image.element_type.get_type_name(), "another type")
    return Opened(lambda images: np.array(compiled(images)[0], np.float32), names, shape, kind, fit)


def _open_litert(path: Path) -> Opened:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=usable_cores())
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.allocate_tensors()
    held = [tuple(image["shape"])]

    def predict(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if held[0] != images.shape:
            interpreter.resize_tensor_input(image["index"], images.shape)
            interpreter.allocate_tensors()
            held[0] = images.shape
        interpreter.set_tensor(image["index"], images)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(output["index"]), np.float32)

    shape = tuple(map(int, image["shape"][1:]))
    names, fit = (_text_in_archive(path, member) for member in (CLASSES, FIT_FILE))
    return Opened(predict, names, shape, np.dtype(image["dtype"]).name, fit)


def _text_in_archive(path: Path, member: str) -> str | None:
    """Returns the text of a member of the zip archive at the end of a file, if there is one."""
    try:
        with ZipFile(path) as archive:
            return archive.read(member).decode() if archive.getinfo(member).file_size <= _MAX_BYTES else None
    except (BadZipFile, KeyError, ValueError):
        return None


def _open_saved_model(path: Path) -> Opened:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]
    ((name, image),) = serve.structured_input_signature[1].items()

    def predict(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert loaded is not None  # it holds the variables
        (rows,) = serve(**{name: tf.constant(images)}).values()
        return np.asarray(rows, np.float32)

    names, fit = path / "assets" / CLASSES, path / "assets" / FIT_FILE
    text = json.dumps(read_json(names)) if names.is_file() else None
    fit_text = read_bytes(fit, _MAX_BYTES).decode(errors="replace") if fit.is_file() else None
    return Opened(predict, text, tuple(image.shape[1:]), image.dtype.name, fit_text)


_RUNTIMES: dict[str, Callable[[Path], Opened]] = {
    "onnx": _open_onnx,
    "openvino": _open_openvino,
    "tflite": _open_litert,
    "savedmodel": _open_saved_model,
}


def _names(opened: Opened, path: Path) -> tuple[str, ...]:
    if opened.names is None:
        raise KerasclfError(f"Expected a model that kerasclf exported. Received: {path}, without class names.")
    try:
        names = json.loads(opened.names)
    except ValueError:
        names = None
    check_schema(names, list[str], f"{NAMES_KEY} in {path}")
    return tuple(names)


def _fit(opened: Opened, path: Path) -> Fit:
    """Returns how images fill their size. A file of an earlier version does not say it."""
    try:
        return known_fit(opened.fit or "squash")
    except DataError as error:
        raise KerasclfError(f"{path} cannot be used: {error}") from None


def _shape(opened: Opened, path: Path) -> tuple[int, int, int]:
    if opened.dtype != "uint8" or len(opened.shape) != 3 or not all(isinstance(size, int) for size in opened.shape):
        raise KerasclfError(
            "Expected a model of raw pixels, uint8 from 0 to 255, of shape (height, width, channels). Received: "
            f"{path} with {opened.dtype} of shape {opened.shape}."
        )
    height, width, channels = opened.shape
    return height, width, channels
