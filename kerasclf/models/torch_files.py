"""Reads the tensors of a PyTorch file: safetensors, which need no PyTorch, or .pth, which do."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from kerasclf.errors import KerasclfError

TORCH_FORMS = (".safetensors", ".pth", ".pt")


def read_torch_file(path: Path) -> dict[str, NDArray[Any]]:
    """Returns the tensors of a file by name.

    Args:
        path: A .safetensors file, or a .pth or .pt file, of which only weights are read (no code is run).

    Raises:
        KerasclfError: The file cannot be read; the message names the tensor that is cut off.
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
    except (SafetensorError, OSError, TypeError) as error:
        raise KerasclfError(f"{path} cannot be read: {_first_cut_off(path) or error}.") from error


def _first_cut_off(path: Path) -> str:
    """Says which tensor a truncated file no longer holds whole; nothing where it is not truncated."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        header = file.read(min(length, size))
    if 8 + length > size:
        return f"it is cut off in its header, before the first tensor ({size:,} bytes); fetch it again"
    try:
        places = {name: place["data_offsets"] for name, place in json.loads(header).items() if name != "__metadata__"}
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
    cut = [(end, name) for name, (_, end) in places.items() if 8 + length + end > size]
    if not cut:
        return ""
    end, name = min(cut)
    return f"it is cut off in tensor {name!r}, which ends at byte {8 + length + end:,} of {size:,}; fetch it again"


def _read_pickled(path: Path) -> dict[str, NDArray[Any]]:
    try:
        import torch
    except ImportError as error:
        raise KerasclfError(
            f"{path.name} is a file of PyTorch's own form, which only PyTorch reads: pip install torch. "
            "A .safetensors file of the same weights needs no PyTorch."
        ) from error
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        return {name: tensor.detach().numpy() for name, tensor in held.items()}
    except Exception as error:  # torch raises whatever its unpickler, its zip reader or a stranger's object do
        raise KerasclfError(f"{path} cannot be read as PyTorch weights alone: {error}") from error


def as_float32(name: str, tensor: NDArray[Any], path: Path) -> NDArray[np.float32]:
    """Returns a tensor as it is, or says that it has another dtype."""
    if tensor.dtype != np.float32:
        raise KerasclfError(f"{path}: tensor {name!r}: expected float32. Received: {tensor.dtype}.")
    return tensor
