"""Changes of ONNX files with the tools of ONNX and ONNX Runtime. Needs no TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

_WITH_WEIGHTS = ("Conv", "Gemm", "MatMul")


def replace_erfc(path: Path) -> None:
    """Computes erfc(x), which ONNX lacks, as 1 - erf(x). It is a part of Keras' GELU, and so of ConvNeXt.

    The difference is below the rounding of GELU in float32.
    """
    network = onnx.load(path)
    nodes = list(network.graph.node)
    if not any(node.op_type == "Erfc" for node in nodes):
        return
    one = f"{path.stem}_one"
    network.graph.initializer.append(helper.make_tensor(one, onnx.TensorProto.FLOAT, (), [1.0]))
    del network.graph.node[:]
    for node in nodes:
        network.graph.node.extend(_with_erf(node, one) if node.op_type == "Erfc" else [node])
    onnx.save(network, path)


def _with_erf(node: Any, one: str) -> list[Any]:
    (given,), (output,) = node.input, node.output
    between = f"{output}_erf"
    return [helper.make_node("Erf", [given], [between]), helper.make_node("Sub", [one, between], [output])]


def quantize(path: Path, images: NDArray[np.uint8]) -> None:
    """Quantises a network to int8.

    Args:
        path: The file, which is replaced.
        images: The images that decide the ranges, shape (n, height, width, channels).
    """
    prepared = path.with_name(f"prepared-{path.name}")
    # Its shapes are static but for the batch: symbolic shapes, which need sympy, tell nothing more.
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        path,
        _Reader(images),
        per_channel=True,
        nodes_to_exclude=_kept_in_float(onnx.load(prepared, load_external_data=False)),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()


def _kept_in_float(network: onnx.ModelProto) -> list[str]:
    """Returns the nodes that are faster and more exact in float32: those on pixels, and softmax.

    ONNX Runtime computes a sum over three channels several times as slowly in int8, and gives probabilities in steps
    of 1/256. Pixels are all values before the first layer with weights. Nodes are in the order of computation.
    """
    constants = {constant.name for constant in network.graph.initializer}
    kept, pixels = [], {image.name for image in network.graph.input}
    for node in network.graph.node:
        given = set(node.input) - constants - {""}
        on_pixels = bool(given) and given <= pixels and node.op_type not in _WITH_WEIGHTS
        if on_pixels:
            pixels.update(node.output)
        if on_pixels or node.op_type == "Softmax":
            kept.append(node.name)
    return kept


class _Reader(CalibrationDataReader):
    """Gives the calibration images one by one."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self._left = iter(images)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        image = next(self._left, None)
        return None if image is None else {"image": image[None]}


def halve(path: Path) -> None:
    """Stores and computes a network in float16. Its input and output keep their types."""
    onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=True), path)


def add_metadata(path: Path, texts: dict[str, str]) -> None:
    """Writes texts by name into the metadata of a network."""
    network = onnx.load(path)
    helper.set_model_props(network, texts)
    onnx.save(network, path)
