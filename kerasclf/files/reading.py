"""Reading of text, JSON and TOML that may come from a stranger. Does not use TensorFlow.

Sizes are bounded, and a file of another form raises `FolderError`.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kerasclf.errors import FolderError

# The package writes far smaller files. Larger ones would take seconds and much memory.
_MAX_TEXT_BYTES = 8 << 20
_MAX_LEVELS = 50
_MAX_INTEGER = 2**63


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


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
