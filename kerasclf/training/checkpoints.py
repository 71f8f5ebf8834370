"""Checkpoints on disk: what a training needs to go on after an epoch as if it had never stopped."""

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
from kerasclf.files import read_arrays, sync_folder, write_arrays
from kerasclf.log import Log

# Raised whenever a checkpoint of before could no longer be taken up.
FORMAT = 1
# The last one, and the one before in case the disk spoils it.
_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training at an epoch's end.

    Args:
        epoch: Finished epochs.
        arrays: Weights, optimizer and seed generators by name.
        state: Callbacks, history and the like as plain JSON types.
    """

    epoch: int
    arrays: dict[str, NDArray[Any]]
    state: dict[str, Any]


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint atomically, then removes those before the last two.

    Raises:
        OSError: The disk is full or the folder cannot be written to; earlier checkpoints stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = {"format": FORMAT, "epoch": checkpoint.epoch, "state": checkpoint.state}
    handle, name = tempfile.mkstemp(dir=folder, prefix=".epoch-")
    try:
        with os.fdopen(handle, "wb") as file:
            write_arrays(file, checkpoint.arrays, held)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(folder / f"epoch-{checkpoint.epoch:05}.npz")
    except BaseException:
        # A full disk must not keep the half of it.
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(folder)
    for old in [*_newest_first(folder)[_KEPT:], *folder.glob(".epoch-*")]:  # and what a killed process left
        old.unlink()


def latest_checkpoint(folder: Path, log: Log) -> Checkpoint | None:
    """Reads the newest checkpoint that is whole, or returns None where there is none.

    Args:
        folder: Where `write_checkpoint` wrote.
        log: Is told of each one that is damaged.

    Raises:
        TrainingError: It was written in another format.
    """
    for path in _newest_first(folder):
        try:
            return _read(path)
        except TrainingError:
            raise
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            log(f"{path} is damaged ({error or type(error).__name__}); the one before is used.")
    return None


def finished_epochs(folder: Path) -> int:
    """Returns how many epochs the newest checkpoints of all phases below a folder have behind them."""
    return sum(_epoch_of(found[0]) for phase in folder.glob("phase-*") if (found := _newest_first(phase)))


def _epoch_of(path: Path) -> int:
    return int(path.stem.removeprefix("epoch-"))


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.npz"), reverse=True)


def _read(path: Path) -> Checkpoint:
    arrays, held = read_arrays(path)
    if held["format"] != FORMAT:
        raise TrainingError(
            f"{path} was written by another version of kerasclf (checkpoint format {held['format']}, here {FORMAT}). "
            f"Go on with that version, or remove {path.parent.parent} to start this run over."
        )
    return Checkpoint(held["epoch"], arrays, held["state"])
