"""Tables on disk of known image files: their headers, or the keys of their prepared pixels.

A file is recognised by its path, size and times. A changed file is thus another file, and its old record is not used.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# `check` is a sum over the other fields: a damaged record is not used.
RECORD = np.dtype(
    [
        ("file", "V16"),
        ("key", "V16"),
        ("height", "<u4"),
        ("width", "<u4"),
        ("grey", "<u4"),
        ("crc", "<u4"),
        ("check", "<u8"),
    ]
)
_FACTORS = np.array([3, 5, 7, 11, 13, 17], np.uint64) ** np.uint64(19)  # odd, so no bit is lost
# Stands for a file that cannot be looked at. No table has it.
_NOTHING = bytes(16)
# Files that a thread looks at in one go.
_AT_ONCE = 256


class KnownFile(NamedTuple):
    """A file as it is now.

    Args:
        identity: A hash of its path, size and times, 16 bytes; empty if the file cannot be looked at.
        size: Its size in bytes.
    """

    identity: bytes
    size: int


def look_at(files: Sequence[Path]) -> list[KnownFile]:
    """Returns each file as it is now, without opening it. Threads help where the disk or the network is slow."""
    parts = [files[start : start + _AT_ONCE] for start in range(0, len(files), _AT_ONCE)]
    with ThreadPoolExecutor() as pool:
        return [known for part in pool.map(_look_at, parts) for known in part]


def _look_at(files: Sequence[Path]) -> list[KnownFile]:
    return [_known(path) for path in files]


def _known(path: Path) -> KnownFile:
    try:
        found = path.stat()
        # The last time is that of any change to the file; a copy can keep the other one.
        named = f"{path.absolute()}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ctime_ns}"
        return KnownFile(hashlib.blake2b(os.fsencode(named), digest_size=16).digest(), found.st_size)
    except (OSError, ValueError):  # reading it says why
        return KnownFile(b"", 0)


class RowIndex:
    """Finds rows by values of 16 bytes; the last of equal rows counts. A million rows take 24 MB, in a dict 180 MB.

    Args:
        values: A value for each row.
        rows: The rows to find, in their order.
    """

    def __init__(self, values: NDArray[np.void], rows: NDArray[np.int64]) -> None:
        own = np.ascontiguousarray(values[rows]).view("S16")
        order = np.argsort(own, kind="stable")
        self._values, self._rows = own[order], rows[order]

    def find(self, values: Sequence[bytes]) -> NDArray[np.int64]:
        """Returns the row of each value; -1 for an unknown one."""
        if not len(self._rows):
            return np.full(len(values), -1)
        wanted = np.frombuffer(b"".join(value or _NOTHING for value in values), "S16")
        places = np.searchsorted(self._values, wanted, side="right") - 1
        return np.where(self._values[places] == wanted, self._rows[places], -1)


class FileTable:
    """A table of records, which is only appended to. The last record of a file counts.

    Args:
        path: The table. A missing or unreadable one is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = _read(path)
        self.undamaged = np.flatnonzero(_check(self.records) == self.records["check"])
        self._files = RowIndex(self.records["file"], self.undamaged)

    def __len__(self) -> int:
        return len(self.records)

    def rows(self, identities: Sequence[bytes]) -> NDArray[np.int64]:
        """Returns the row of each file; -1 for an unknown one."""
        return self._files.find(identities)

    def keys(self, rows: NDArray[np.int64]) -> list[str]:
        """Returns the key in each row, as `Subset.keys` has it; empty for the row -1."""
        raw = self.records["key"][rows].tobytes() if len(self) else b""
        return [raw[16 * i : 16 * i + 16].hex() if row >= 0 else "" for i, row in enumerate(rows.tolist())]


def make_records(identities: Sequence[bytes]) -> NDArray[np.void]:
    """Returns records of files whose other fields are zero."""
    records = np.zeros(len(identities), RECORD)
    records["file"] = np.frombuffer(b"".join(identities), "V16")
    return records


def append_records(path: Path, records: NDArray[np.void]) -> None:
    """Appends records to a table, which need not exist.

    Raises:
        OSError: If the disk is full or read-only.
    """
    records["check"] = _check(records)
    with path.open("ab") as file:
        file.truncate(file.tell() // RECORD.itemsize * RECORD.itemsize)  # a killed process may have left half of one
        file.write(records.tobytes())


def _read(path: Path) -> NDArray[np.void]:
    try:
        raw = path.read_bytes()
    except OSError:
        raw = b""
    return np.frombuffer(raw[: len(raw) // RECORD.itemsize * RECORD.itemsize], RECORD)


def _check(records: NDArray[np.void]) -> NDArray[np.uint64]:
    words = np.ascontiguousarray(records).view(np.uint64).reshape(-1, RECORD.itemsize // 8)
    # One more than the sum: a record of zeros is damaged, too.
    return (words[:, :-1] * _FACTORS).sum(axis=1, dtype=np.uint64) + np.uint64(1)
