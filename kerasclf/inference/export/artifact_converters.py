"""Converts models into other forms with Keras' own export and the converters of each form."""

import contextlib
import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.data.pixels.image_fit import Fit
from kerasclf.errors import KerasclfError
from kerasclf.inference.export.artifact_runtimes import Artifact, load_runtime
from kerasclf.inference.export.artifacts import FIT_FILE, FIT_KEY, NAMES_KEY, TARGETS, ArtifactFile
from kerasclf.networks.model_file import CLASSES
from kerasclf.quiet import without_stderr
from kerasclf.transfer.compute_engines import import_openvino

# Settings of a layer that do not decide whether a converter knows it.
_SIZES = ("name", "filters", "units")

# How ONNX Runtime, OpenVINO and LiteRT name the operations that they lack.
_OPERATIONS = re.compile(r"No Op registered for \w+|No conversion rule found for [^\n]+|Custom ops: [^\n]+")


@dataclass(frozen=True)
class Conversion:
    """A model to convert.

    Args:
        model: From raw uint8 images to probabilities, in float32.
        class_names: Names of its classes.
        target: A key of `TARGETS`.
        precision: A precision of the target.
        calibration: Training images that decide the ranges of int8, uint8 of shape (n, height, width, channels).
        fit: How its images fill their size.
    """

    model: keras.Model
    class_names: Sequence[str]
    target: str
    precision: str
    calibration: NDArray[np.uint8]
    fit: Fit = "squash"

    @property
    def names(self) -> str:
        """The class names as JSON."""
        return json.dumps(list(self.class_names))

    def export(self, path: Path, form: str, **settings: Any) -> None:
        """Lets Keras convert the model."""
        _make_statistics_constant(self.model)
        image = self.model.inputs[0]
        signature = [tf.TensorSpec((None, *image.shape[1:]), image.dtype, name="image")]
        self.model.export(str(path), format=form, verbose=False, input_signature=signature, **settings)


def convert(conversion: Conversion, folder: Path) -> Artifact:
    """Writes a model in another form into a folder, opens it, and checks that it computes an image.

    Args:
        conversion: The model, and the form.
        folder: An existing folder.

    Raises:
        KerasclfError: If the converter or the runtime lacks something; the message names the layer.
    """
    try:
        return _converted(conversion, folder)
    except OSError:
        raise  # the disk is full
    except Exception as error:  # each converter raises errors of its own
        layer = _layer_to_blame(conversion, folder)
        title, reason = TARGETS[conversion.target].title, _reason(error)
        where = f"the layer {layer} cannot be exported" if layer else "this model cannot be exported"
        raise KerasclfError(f"to: {where} to {title}: {reason} Use another target.") from error


def _make_statistics_constant(model: keras.Model) -> None:
    """Makes arrays of the mean and variance of normalisation: a tensor would become a second input of the artifact."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)


def _converted(conversion: Conversion, folder: Path) -> Artifact:
    file = ArtifactFile(conversion.target, folder / TARGETS[conversion.target].file)
    with _quiet():
        _CONVERTERS[conversion.target](conversion, file.path)
        artifact = Artifact.open(file)
        artifact.predict(np.zeros((1, *artifact.image_shape), np.uint8))
    return artifact


def _to_onnx(conversion: Conversion, path: Path) -> None:
    from kerasclf.inference.export import onnx_changes

    with _optimised_in_place():
        conversion.export(path, "onnx")
    onnx_changes.replace_erfc(path)
    if conversion.precision == "int8":
        onnx_changes.quantize(path, conversion.calibration)
    if conversion.precision == "float16":
        onnx_changes.halve(path)
    onnx_changes.add_metadata(path, {NAMES_KEY: conversion.names, FIT_KEY: conversion.fit})


@contextlib.contextmanager
def _optimised_in_place() -> Iterator[None]:
    """Lets tf2onnx optimise a network in place. Otherwise it holds about sixty copies of the weights, and takes longer.

    It copies the network before each of its steps, and writes the weights into their message after each: the message
    frees no memory. The copy would replace a network that a step has damaged. Here, that is an error. The weights are
    written once more when the steps are done.
    """
    from tf2onnx import optimizer
    from tf2onnx.graph import Graph

    optimize, write = optimizer.optimize_graph, Graph.update_proto

    def in_place(graph: Any, catch_errors: bool = True, **settings: Any) -> Any:
        Graph.update_proto = lambda self, storage=None: None
        try:
            return optimize(graph, catch_errors=False, **settings)
        finally:
            Graph.update_proto = write

    optimizer.optimize_graph = in_place
    try:
        yield
    finally:
        optimizer.optimize_graph = optimize


def _to_openvino(conversion: Conversion, path: Path) -> None:
    openvino = import_openvino()
    plain = path.with_name(f"plain-{path.name}")
    conversion.export(plain, "openvino")
    network = openvino.Core().read_model(plain)
    if conversion.precision == "int8":
        network = _quantized_openvino(network, conversion.calibration)
    network.set_rt_info(conversion.names, ["kerasclf", NAMES_KEY])
    network.set_rt_info(conversion.fit, ["kerasclf", FIT_KEY])
    openvino.save_model(network, path, compress_to_fp16=conversion.precision == "float16")
    del network  # it maps the file of the weights
    for file in (plain, plain.with_suffix(".bin")):
        file.unlink()


def _quantized_openvino(network: Any, images: NDArray[np.uint8]) -> Any:
    """Returns a network of OpenVINO in int8.

    Args:
        network: The network.
        images: The images that decide the ranges, shape (n, height, width, channels).
    """
    logger = logging.getLoggerClass()
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    logging.setLoggerClass(logger)  # NNCF's import sets a class of its own for the loggers of all packages
    # The default, the mean over images of the smallest and largest value, cuts off values of about half of them.
    ranges = nncf.AdvancedQuantizationParameters(activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX)
    given = nncf.Dataset([image[None] for image in images])
    return nncf.quantize(network, given, subset_size=len(images), advanced_parameters=ranges)


def _to_tflite(conversion: Conversion, path: Path) -> None:
    # Keras also allows operations of TensorFlow, which LiteRT alone cannot compute.
    allowed: dict[str, Any] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    settings: dict[str, Any] = {"target_spec": allowed}
    if conversion.precision != "float32":
        settings["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if conversion.precision == "float16":
        allowed["supported_types"] = [tf.float16]
    if conversion.precision == "int8":
        settings["representative_dataset"] = lambda: ([image[None]] for image in conversion.calibration)
    conversion.export(path, "litert", **settings)
    # The standard place of labels in a .tflite file: a zip archive at its end, which runtimes skip.
    with ZipFile(path, "a") as archive:
        archive.writestr(CLASSES, conversion.names)
        archive.writestr(FIT_FILE, conversion.fit)


def _to_saved_model(conversion: Conversion, path: Path) -> None:
    conversion.export(path, "tf_saved_model")
    assets = path / "assets"
    assets.mkdir(exist_ok=True)
    (assets / CLASSES).write_text(conversion.names, encoding="utf-8")
    (assets / FIT_FILE).write_text(conversion.fit, encoding="utf-8")


_CONVERTERS: dict[str, Callable[[Conversion, Path], None]] = {
    "onnx": _to_onnx,
    "openvino": _to_openvino,
    "tflite": _to_tflite,
    "savedmodel": _to_saved_model,
}


def _layer_to_blame(conversion: Conversion, folder: Path) -> str | None:
    """Returns the first layer that cannot be converted on its own, with its type; None if all can."""
    tried = set()
    for layer in conversion.model._flatten_layers():
        if isinstance(layer, keras.layers.InputLayer | keras.Model):
            continue
        kind = _kind(layer)
        if kind in tried:
            continue
        tried.add(kind)
        try:
            part = keras.Model(layer.input, layer.output)
        except (AttributeError, ValueError):
            continue  # a layer inside another one, or that is called several times, has no single input
        if len(part.inputs) == len(part.outputs) == 1 and not _converts(conversion, part, folder):
            return f"{layer.name!r} ({type(layer).__name__})"
    return None


def _kind(layer: keras.Layer) -> str:
    """Returns a text that layers share if a converter treats them alike."""
    config = {name: value for name, value in layer.get_config().items() if name not in _SIZES}
    return json.dumps([type(layer).__name__, config], default=str, sort_keys=True)


def _converts(conversion: Conversion, part: keras.Model, folder: Path) -> bool:
    """Returns whether a part of the network can be converted in float32, and opened."""
    names, path = ("part",), folder / f"part-{TARGETS[conversion.target].file}"
    alone = Conversion(part, names, conversion.target, "float32", conversion.calibration[:0])
    try:
        with _quiet():
            _CONVERTERS[conversion.target](alone, path)
            load_runtime(ArtifactFile(conversion.target, path))
    except OSError:
        raise
    except Exception:  # each converter raises errors of its own
        return False
    return True


def _reason(error: BaseException) -> str:
    """Returns the reason of a converter or runtime in a sentence, without the path of a temporary file."""
    text = str(error.__cause__ or error)
    if named := _OPERATIONS.search(text):
        return f"{named[0].strip()}."
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].rstrip(".")[:200] + "."


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides what converters print and log. Their errors are raised."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), without_stderr(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
