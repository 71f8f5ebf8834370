"""Reading and writing of text, JSON, TOML and arrays. Does not use TensorFlow, and imports NumPy only for arrays.

Writing is atomic: a reader finds a whole file or none. Reading expects files of a stranger: sizes are bounded, nothing
is unpickled, and a file of another form raises `FolderError`.
"""

import contextlib
import glob
import hashlib
import json
import math
import os
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kerasclf.errors import FolderError
from kerasclf.temporary import lock_file, remove_abandoned_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Name of the JSON description among the arrays of a file. Checkpoints of earlier versions use it too.
_DESCRIPTION = "state.json"
# Start of the name of a file or folder that is not complete yet.
PARTIAL = ".partial-"
# The package writes far smaller files. Larger ones would take seconds and much memory.
_MAX_TEXT_BYTES = 8 << 20
_MAX_LEVELS = 50
# A file of weights may announce this many times its own size, or this many bytes in any case.
_MAX_EXPANSION = 10
_SMALL_BYTES = 100 << 20
_MAX_INTEGER = 2**63


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
    for abandoned in path.parent.glob(f"{PARTIAL}????????-{glob.escape(path.name)}"):
        remove_abandoned_file(abandoned)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL, suffix=f"-{path.name}")
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
    return path.name.startswith(PARTIAL)


def write_json(path: Path, value: Any) -> None:
    """Writes plain JSON types atomically, indented."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path, most: int = _MAX_TEXT_BYTES) -> Any:
    """Reads a JSON file: text, numbers, lists and objects, of at most `most` bytes.

    Raises:
        FileNotFoundError: If there is no such file.
        FolderError: If the file cannot be read, or is no such JSON.
    """
    return _read_plain(path, most, "JSON", lambda text: json.loads(text, object_pairs_hook=_without_duplicates))


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a TOML file of the types that JSON has, of bounded size; raises the errors of `read_json`."""
    return _read_plain(path, _MAX_TEXT_BYTES, "TOML", tomllib.loads)  # type: ignore[no-any-return]


def read_bytes(path: Path, most: int) -> bytes:
    """Reads a regular file of at most `most` bytes; raises the errors of `read_json`."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(raw) > most:
        raise FolderError(f"{path} cannot be read: expected at most {most:,} bytes.")
    return raw


def check_regular(path: Path) -> None:
    """Checks that a path is no folder, pipe or device; does nothing if it does not exist.

    Raises:
        FolderError: If it is. Reading a pipe waits for ever.
    """
    try:
        irregular = path.exists() and not path.is_file()
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error.strerror or error}.") from error
    if irregular:
        raise FolderError(f"{path} cannot be read: expected a regular file.")


def _read_plain(path: Path, most: int, form: str, parse: Callable[[str], Any]) -> Any:
    raw = read_bytes(path, most)
    try:
        plain = parse(raw.decode())
        _check_plain(plain)
    except (ValueError, RecursionError) as error:
        reason = str(error).rstrip(".")
        raise FolderError(f"{path} cannot be read: it is not valid {form}: {reason}.") from None
    return plain


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"expected each name once. Received {name!r} twice")
        found[name] = value
    return found


def _check_plain(value: Any, level: int = 0) -> None:
    """Checks that a parsed value holds what every later step can handle.

    Raises:
        ValueError: If it is nested too deep, or holds a huge integer, a date, or text that is no Unicode.
    """
    if level > _MAX_LEVELS:
        raise ValueError(f"expected at most {_MAX_LEVELS} levels")
    if isinstance(value, str):
        value.encode()  # a lone surrogate cannot be written anywhere
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_plain(name, level)
            _check_plain(item, level + 1)
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, level + 1)
    elif isinstance(value, int):
        if abs(value) >= _MAX_INTEGER:
            raise ValueError("expected integers below 2**63")
    elif not isinstance(value, float | None):
        raise ValueError(f"expected text, numbers, true or false. Received: {value}")


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


def sync_folder(path: Path) -> None:
    """Makes renames inside a folder survive a power cut. Windows needs no such call."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Makes the contents of a file survive a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keras_home() -> Path:
    """Returns the folder in which Keras caches downloads: $KERAS_HOME, or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()


def data_home() -> Path | None:
    """Returns the folder of the user's own copies of data sets, $KERASCLF_DATA; None if it is not set."""
    path = os.environ.get("KERASCLF_DATA")
    return Path(path).expanduser() if path else None
