"""Files of arrays, and the size to which an archive unpacks. Imports NumPy only for arrays, and unpickles nothing."""

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kerasclf.errors import FolderError
from kerasclf.files.reading import check_regular

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Name of the JSON description among the arrays of a file. Checkpoints of earlier versions use it too.
_DESCRIPTION = "state.json"
# A file of weights may announce this many times its own size, or this many bytes in any case.
_MAX_EXPANSION = 10
_SMALL_BYTES = 100 << 20


def write_arrays(file: IO[bytes], arrays: "Mapping[str, NDArray[Any]]", described: Any) -> None:
    """Writes arrays and their description into an open .npz file.

    Args:
        file: The file, open for writing.
        arrays: Arrays by name.
        described: Description in plain JSON types.
    """
    import numpy as np

    members: dict[str, Any] = {**arrays, _DESCRIPTION: np.frombuffer(json.dumps(described).encode(), np.uint8)}
    np.savez(file, **members)


def read_arrays(path: Path, most: int | None = None) -> "tuple[dict[str, NDArray[Any]], Any]":
    """Reads a file of `write_arrays`, checks each array against its checksum, and unpickles nothing.

    Args:
        path: The file.
        most: Maximum size of all arrays together, in bytes; None for files that this machine wrote itself.

    Returns:
        The arrays by name, and the description.

    Raises:
        FileNotFoundError: If there is no such file.
        FolderError: If the file is damaged or larger.
    """
    arrays = read_npz(path, most)
    try:
        return arrays, json.loads(arrays.pop(_DESCRIPTION).tobytes())
    except (KeyError, ValueError, RecursionError) as error:
        raise FolderError(f"{path} cannot be read as arrays: its description is damaged.") from error


def read_npz(path: Path, most: int | None = None) -> "dict[str, NDArray[Any]]":
    """Reads the arrays of an .npz file by name; see `read_arrays`."""
    check_regular(path)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if most is not None and sum(member.file_size for member in members) > most:
                raise ValueError(f"expected at most {most:,} bytes when unpacked")
            return {member.filename.removesuffix(".npy"): _read_array(archive, member) for member in members}
    except (FileNotFoundError, NotADirectoryError):
        raise
    except Exception as error:  # a damaged archive can raise nearly any exception
        reason = str(error).rstrip(".") or type(error).__name__
        raise FolderError(f"{path} cannot be read as arrays: {reason}.") from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> "NDArray[Any]":
    """Reads an array after a check that its header announces as many bytes as the file holds."""
    import numpy as np

    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        announced, held = math.prod(shape) * dtype.itemsize, member.file_size - stream.tell()
        if dtype.hasobject or min(shape, default=0) < 0 or announced != held:
            raise ValueError(f"{member.filename} announces {announced:,} bytes and holds {held:,}")
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def check_unpacked_size(path: Path) -> None:
    """Checks that a zip archive, such as a model, does not unpack to far more than its own size.

    Raises:
        FolderError: If it does, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception as error:  # a damaged archive can raise nearly any exception
        raise FolderError(f"{path} cannot be read: {str(error).rstrip('.') or type(error).__name__}.") from error
    if unpacked > plausible_bytes(path):
        raise FolderError(f"{path} cannot be read: it would unpack to {unpacked:,} bytes.")


def plausible_bytes(path: Path) -> int:
    """Returns how many bytes of weights a file of its size may announce. Weights are hardly ever compressed."""
    return max(_SMALL_BYTES, _MAX_EXPANSION * path.stat().st_size)
