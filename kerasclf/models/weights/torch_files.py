"""Reads the tensors of PyTorch's files. Reading .pth needs PyTorch; reading safetensors does not."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from kerasclf.errors import KerasclfError, in_short
from kerasclf.files.arrays import check_unpacked_size
from kerasclf.networks.network_checks import TORCH_FORMS

# The limit of the format itself.
_MAX_HEADER_BYTES = 100_000_000


def read_torch_file(path: Path) -> dict[str, NDArray[Any]]:
    """Returns the tensors of a file by name. No code in the file is run.

    Args:
        path: A .safetensors, .pth or .pt file.

    Raises:
        KerasclfError: If the file cannot be read; the message names the first truncated tensor.
    """
    if not path.is_file():
        raise KerasclfError(f"weights: expected a file. Received: {str(path)!r}, which does not exist.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix in TORCH_FORMS:
        return _read_pickled(path)
    raise KerasclfError(f"weights: expected a file {', '.join(TORCH_FORMS)}. Received: {str(path)!r}.")


def _read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in list(file.keys())}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise KerasclfError(f"{path} cannot be read: {_truncation(path) or error}.") from error


def _truncation(path: Path) -> str:
    """Returns a message that names the first truncated tensor of a file; empty if it is complete."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        header = file.read(min(length, size, _MAX_HEADER_BYTES))
    if 8 + length > size:
        return f"it is truncated in its header, before the first tensor ({size:,} bytes). Download it again"
    try:
        offsets = {name: entry["data_offsets"] for name, entry in json.loads(header).items() if name != "__metadata__"}
        cut = [(end, name) for name, (_, end) in offsets.items() if 8 + length + end > size]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""  # it is damaged in another way
    if not cut:
        return ""
    end, name = min(cut)
    return (
        f"it is truncated in tensor {in_short(name)}: expected {8 + length + end:,} bytes, received {size:,}. "
        "Download it again"
    )


def _read_pickled(path: Path) -> dict[str, NDArray[Any]]:
    if zipfile.is_zipfile(path):
        check_unpacked_size(path)
    try:
        import torch
    except ImportError as error:
        raise KerasclfError(
            f"{path.name} has a format that only PyTorch reads. Install it (pip install torch), or give a .safetensors "
            "file of the same weights."
        ) from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        wrong = [name for name in state if not isinstance(name, str)]
        if wrong:
            raise ValueError(f"expected names of tensors. Received: {in_short(wrong[0])}")
        return {name: tensor.detach().numpy() for name, tensor in state.items()}
    except Exception as error:  # torch passes on any error of its unpickler and its zip reader
        raise KerasclfError(f"{path} cannot be read as PyTorch's weights: {error or type(error).__name__}.") from error


def as_float32(name: str, tensor: NDArray[Any], path: Path) -> NDArray[np.float32]:
    """Returns a tensor unchanged after checking its dtype.

    Args:
        name: Name of the tensor, for the message.
        tensor: The tensor.
        path: Its file, for the message.

    Raises:
        KerasclfError: If the tensor is not float32.
    """
    if tensor.dtype != np.float32:
        raise KerasclfError(f"{path}: tensor {name!r}: expected float32. Received: {tensor.dtype}.")
    return tensor
