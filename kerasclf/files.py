"""Atomic writing of text, JSON and arrays: a reader finds a whole file or none. Does not use TensorFlow."""

import contextlib
import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.temporary import lock_file, remove_abandoned_file

# Name of the JSON description among the arrays of a file. Checkpoints of earlier versions use it too.
_DESCRIPTION = "state.json"
# Start of the name of a file that is not complete yet.
_PARTIAL = ".partial-"


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically, as UTF-8 with Unix line ends. Creates its folder if needed."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, raw: bytes) -> None:
    """Writes a file atomically. Creates its folder if needed."""
    with replaced(path) as partial:
        partial.write_bytes(raw)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yields the path of a temporary file, which gets the given path when the block succeeds. Creates its folder.

    It also removes the temporary files of earlier processes that were killed while they wrote the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in path.parent.glob(f"{_PARTIAL}????????-{glob.escape(path.name)}"):
        remove_abandoned_file(abandoned)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PARTIAL, suffix=f"-{path.name}")
    partial = Path(name)
    try:
        with os.fdopen(handle, "rb"):
            lock_file(handle)
            yield partial
            os.fsync(handle)
        partial.chmod(0o644)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def is_partial(path: Path) -> bool:
    """Returns whether a path is one of the temporary files of `replaced`."""
    return path.name.startswith(_PARTIAL)


def write_json(path: Path, value: Any) -> None:
    """Writes plain JSON types atomically, indented."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_arrays(file: IO[bytes], arrays: Mapping[str, NDArray[Any]], described: Any) -> None:
    """Writes arrays and their description into an open .npz file.

    Args:
        file: The file, open for writing.
        arrays: Arrays by name.
        described: Description in plain JSON types.
    """
    members: dict[str, Any] = {**arrays, _DESCRIPTION: np.frombuffer(json.dumps(described).encode(), np.uint8)}
    np.savez(file, **members)


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], Any]:
    """Reads a file of `write_arrays`, checks each array against its checksum, and unpickles nothing.

    Returns:
        The arrays by name, and the description.
    """
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, json.loads(arrays.pop(_DESCRIPTION).tobytes())


def sync_folder(path: Path) -> None:
    """Makes renames inside a folder survive a power cut. Windows needs no such call."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keras_home() -> Path:
    """Returns the folder in which Keras caches downloads: $KERAS_HOME, or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
