"""`RunFolder`: the files of one run on disk. Needs no TensorFlow."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset
from kerasclf.errors import FolderError
from kerasclf.files import file_digest, read_json, sync_folder, write_json
from kerasclf.runs.examples import Examples, read_examples
from kerasclf.runs.experiment import Experiment
from kerasclf.training.checkpoints import finished_epochs

DESCRIPTION = "experiment.json"
EXAMPLES = "examples.npz"
_FAILURE = "failed.json"
_RESULT = "result"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder; it exists only when the run is complete."""

    path: Path

    @property
    def complete(self) -> bool:
        return self.path.is_dir()

    @property
    def partial(self) -> Path:
        """Where the run is made: checkpoints, log, and the reason where it failed."""
        return self.path.with_name(f"{self.path.name}.partial")

    @property
    def checkpoints(self) -> Path:
        """Where the run keeps its state at each epoch's end."""
        return self.partial / "checkpoints"

    def begin_result(self) -> Path:
        """Returns an empty folder for the run's files."""
        folder = self.partial / _RESULT
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def take_result(self) -> None:
        """Makes the folder of `begin_result`, now that all its files are whole, the run's own; atomic."""
        (self.partial / _RESULT).replace(self.path)
        sync_folder(self.path.parent)

    @property
    def log_file(self) -> Path:
        """What libraries print while the run is made in a process of its own."""
        return self.partial / "log.txt"

    def epochs_done(self) -> int:
        """Returns how many epochs are finished of a run that is not complete."""
        return finished_epochs(self.checkpoints)

    @property
    def failure(self) -> str | None:
        """Why the run failed when it was tried last, or None."""
        noted = self.partial / _FAILURE
        return str(read_json(noted)["message"]) if noted.exists() else None

    def note_failure(self, message: str) -> None:
        """Keeps the reason of a failure beside the log."""
        write_json(self.partial / _FAILURE, {"message": message})

    def forget_failure(self) -> None:
        """Lets the run be tried again, from its last checkpoint."""
        (self.partial / _FAILURE).unlink(missing_ok=True)

    def check(self, experiment: Experiment, seed: int) -> None:
        """Makes sure that the folder holds what a run left there, unchanged.

        Raises:
            FolderError: A file is missing or was changed since; the message names it.
        """
        remedy = "Put it back, or remove the folder to have the run made again; the other runs are kept."
        try:
            description = self.description()
            digests = description["files"]
            same = Experiment.from_dict(description["experiment"]) == experiment and description["seed"] == seed
        except (OSError, ValueError, KeyError) as error:
            raise FolderError(f"{self.path / DESCRIPTION} cannot be read ({error}). {remedy}") from error
        if not same:
            raise FolderError(f"{self.path / DESCRIPTION} tells of another experiment or seed. {remedy}")
        for name, digest in digests.items():
            file = self.path / name
            if not file.is_file():
                raise FolderError(f"{file} is missing. {remedy}")
            if file_digest(file) != digest:
                raise FolderError(f"{file} was changed after the run had ended. {remedy}")

    def history(self) -> pd.DataFrame:
        """Returns a row an epoch."""
        return pd.read_csv(self.path / "history.csv")

    def metrics(self) -> dict[str, Any]:
        """Returns the figures of the run."""
        return read_json(self.path / "metrics.json")  # type: ignore[no-any-return]

    def environment(self) -> dict[str, Any]:
        """Returns versions and hardware."""
        return read_json(self.path / "environment.json")  # type: ignore[no-any-return]

    def description(self) -> dict[str, Any]:
        """Returns the experiment, its seed, and what it was run on."""
        return read_json(self.path / DESCRIPTION)  # type: ignore[no-any-return]

    def predictions(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Returns the test images' labels and their probabilities, shape (n, classes)."""
        table = pd.read_csv(self.path / "predictions.csv", dtype={"image": str})
        return table["label"].to_numpy(np.int64), table.drop(columns=["image", "label"]).to_numpy(np.float64)

    def examples(self) -> Examples | None:
        """Returns thumbnails of the images the run got most wrong; None of a run made before there were any."""
        path = self.path / EXAMPLES
        return read_examples(path) if path.exists() else None


def seal(folder: Path, description: dict[str, Any]) -> None:
    """Writes what a run is into its folder, last of all its files, with the SHA-256 of each of the others."""
    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir())}
    write_json(folder / DESCRIPTION, {**description, "files": digests})


def write_predictions(
    path: Path, subset: Subset, probabilities: NDArray[np.float32], class_names: tuple[str, ...]
) -> None:
    """Writes a line an image: its name, its label, and a column p_CLASS of probability for each class."""
    table = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in class_names])
    table.insert(0, "label", subset.labels)
    table.insert(0, "image", subset.names)
    # Nine digits give a float32 back exactly.
    table.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
