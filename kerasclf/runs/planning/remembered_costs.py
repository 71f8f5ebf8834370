"""Remembers on disk what training steps cost on this machine, for later plans. Needs no TensorFlow."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypedDict, get_type_hints

from kerasclf.errors import FolderError
from kerasclf.files.cache_folders import cache_root
from kerasclf.files.reading import read_json
from kerasclf.files.writing import is_partial, write_json
from kerasclf.schema import check_schema, matches
from kerasclf.training.rehearsal_result import Rehearsal
from kerasclf.values import digest_of

# Increase it whenever the same settings cost something else, or are measured in another way.
FORMAT = 6
# Maximum number of measurements, of about two kilobytes each. The one used longest ago is removed first.
_MOST = 1000


class _Contents(TypedDict):
    """The contents of a file: the settings, what they cost, and a hash of both."""

    about: dict[str, Any]
    measured: dict[str, Any]
    hash: str


@dataclass(frozen=True)
class RememberedCosts:
    """The measurements of one machine, a file each.

    Args:
        machine: Everything besides the experiment that decides what a step costs. A difference in any of it leads to
            other files.
    """

    machine: Mapping[str, Any]

    def name(self, settings: Mapping[str, Any]) -> str:
        """Returns the name of the measurement of some settings."""
        return digest_of(self._about(settings))[:16]

    def find(self, settings: Mapping[str, Any]) -> Rehearsal | None:
        """Returns what some settings cost; None if that is unknown, or its file is damaged."""
        path, about = _path(self.name(settings)), self._about(settings)
        try:
            held = read_json(path)
            check_schema(held, _Contents, path)
        except (OSError, FolderError):
            return None
        if held["about"] != about or held["hash"] != digest_of([about, held["measured"]]):
            return None
        measured = _read(held["measured"])
        if measured is None or not _is_valid(measured):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return measured

    def keep(self, settings: Mapping[str, Any], measured: Rehearsal) -> None:
        """Writes what some settings cost, unless that will change or cannot be written."""
        if not _is_valid(measured):
            return
        plain, about = asdict(measured), self._about(settings)
        with contextlib.suppress(OSError):  # A plan must not fail because the disk is full.
            contents = {"about": about, "measured": plain, "hash": digest_of([about, plain])}
            write_json(_path(self.name(settings)), contents)
            _remove(remembered_files()[_MOST:])

    def _about(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"format": FORMAT, "machine": dict(self.machine), "settings": dict(settings)}


def forget(names: Iterable[str]) -> None:
    """Removes measurements, which are then made anew."""
    _remove(map(_path, names))


def remembered_files() -> list[Path]:
    """Returns the files of all measurements, the last used one first."""
    files = [path for path in (cache_root() / "costs").glob("*.json") if not is_partial(path)]
    return sorted(files, key=_used, reverse=True)


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed by another process
        return 0.0


def _path(name: str) -> Path:
    return cache_root() / "costs" / f"{name}.json"


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def _read(plain: dict[str, Any]) -> Rehearsal | None:
    hints = get_type_hints(Rehearsal)
    if plain.keys() != {field.name for field in fields(Rehearsal)}:
        return None
    return Rehearsal(**plain) if all(matches(plain[name], hint) for name, hint in hints.items()) else None


def _is_valid(measured: Rehearsal) -> bool:
    """Returns whether the cached activations of the measurement exist: computing missing ones takes time, once."""
    return not measured.extraction_s and (not measured.cache or Path(measured.cache).exists())
