"""Writing so that a reader finds a whole file or none. Needs no TensorFlow."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

# Of the JSON among the arrays of a file; checkpoints of earlier versions have it under this name.
_DESCRIBED = "state.json"


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically, as UTF-8 with Unix line ends, making its folder where needed."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, raw: bytes) -> None:
    """Writes a file atomically, making its folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Writes plain JSON types atomically, indented for a reader."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Reads what `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_arrays(file: IO[bytes], arrays: Mapping[str, NDArray[Any]], described: Any) -> None:
    """Writes arrays and what is to be said of them, as plain JSON types, into an open .npz file."""
    members: dict[str, Any] = {**arrays, _DESCRIBED: np.frombuffer(json.dumps(described).encode(), np.uint8)}
    np.savez(file, **members)


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], Any]:
    """Reads what `write_arrays` wrote; checks each array against its checksum and unpickles nothing."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, json.loads(arrays.pop(_DESCRIBED).tobytes())


def sync_folder(path: Path) -> None:
    """Makes sure that renames inside a folder outlast a power cut; Windows does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keras_home() -> Path:
    """Returns the folder in which Keras caches what it downloads."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
