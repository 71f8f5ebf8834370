"""Checkpoints on disk: the state from which a training resumes after an epoch."""

import contextlib
import os
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kerasclf.errors import TrainingError
from kerasclf.files.arrays import read_arrays, write_arrays
from kerasclf.files.writing import sync_folder
from kerasclf.log import Log

# Increase it whenever older checkpoints can no longer be resumed.
FORMAT = 1
# The last checkpoint, and the one before it in case the last one is damaged.
_NUMBER_ON_DISK = 2


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training at the end of an epoch.

    Args:
        epoch: Number of finished epochs.
        arrays: Weights, optimizer variables and seed generators by name.
        state: State of the callbacks, history and flags as plain JSON types.
    """

    epoch: int
    arrays: dict[str, NDArray[Any]]
    state: dict[str, Any]


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint atomically, then removes all but the last two.

    Raises:
        OSError: If the disk is full or the folder cannot be written to. Earlier checkpoints stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    header = {"format": FORMAT, "epoch": checkpoint.epoch, "state": checkpoint.state}
    handle, name = tempfile.mkstemp(dir=folder, prefix=".epoch-")
    try:
        with os.fdopen(handle, "wb") as file:
            write_arrays(file, checkpoint.arrays, header)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(folder / f"epoch-{checkpoint.epoch:05}.npz")
    except BaseException:
        # Do not leave half a checkpoint on a full disk.
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(folder)
    for old in [*_newest_first(folder)[_NUMBER_ON_DISK:], *folder.glob(".epoch-*")]:  # left by killed processes
        old.unlink()


def latest_checkpoint(folder: Path, log: Log) -> Checkpoint | None:
    """Returns the newest undamaged checkpoint, or None if there is none.

    Args:
        folder: Folder of the checkpoints.
        log: Receives a message for each damaged checkpoint.

    Raises:
        TrainingError: If the checkpoint has another format.
    """
    for path in _newest_first(folder):
        try:
            return _read(path)
        except TrainingError:
            raise
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            log(f"{path} is damaged ({str(error) or type(error).__name__}). Using the checkpoint before it.")
    return None


def phase_folder(checkpoints: Path, phase: int) -> Path:
    """Returns the folder with the checkpoints of one phase, from 1."""
    return checkpoints / f"phase-{phase}"


def finished_epochs(folder: Path) -> int:
    """Returns the number of finished epochs: the sum over the newest checkpoints of all phases in a folder."""
    return sum(map(newest_epoch, folder.glob("phase-*")))


def newest_epoch(folder: Path) -> int:
    """Returns the number of finished epochs of one phase; 0 without a checkpoint in its folder."""
    found = _newest_first(folder)
    return _epoch_of(found[0]) if found else 0


def has_stopped(folder: Path) -> bool:
    """Returns whether early stopping has ended a phase, by the newest checkpoint in its folder."""
    newest = latest_checkpoint(folder, log=lambda line: None)
    return newest is not None and bool(newest.state["stopped"])


def _epoch_of(path: Path) -> int:
    return int(path.stem.removeprefix("epoch-"))


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.npz"), reverse=True)


def _read(path: Path) -> Checkpoint:
    arrays, header = read_arrays(path)
    if header["format"] != FORMAT:
        raise TrainingError(
            f"Expected checkpoint format {FORMAT}. Received: format {header['format']} in {path}, written by another "
            f"version of kerasclf. Resume with that version, or remove {path.parent.parent} to restart this run."
        )
    return Checkpoint(header["epoch"], arrays, header["state"])
