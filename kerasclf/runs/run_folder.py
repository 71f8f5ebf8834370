"""`RunFolder`: the files of one run on disk. Needs no TensorFlow."""

import csv
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import FolderError, in_short
from kerasclf.files.reading import file_digest, read_json
from kerasclf.files.writing import sync_file, sync_folder, write_json
from kerasclf.networks.model_file import MODEL
from kerasclf.runs.examples import Examples, read_examples
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_records import RunDescription, RunEnvironment
from kerasclf.schema import MAX_VALUE, check_schema
from kerasclf.training.resuming.checkpoints import finished_epochs

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = "experiment.json"
EXAMPLES = "examples.npz"
PREDICTIONS = "predictions.csv"
VALIDATION_PREDICTIONS = "validation_predictions.csv"
EARLIER_PREDICTIONS = "earlier_predictions.csv"
_FAILURE = "failed.json"
_RESULT = "result"
_PROFILE = "profile"
# A confusion matrix of more classes does not fit into the memory of a laptop.
MAX_CLASSES = 10_000

Record = TypeVar("Record")


def manifest_file(folder: Path, digest: str) -> Path:
    """Returns the file that lists the images of runs, in the folder of their study.

    Args:
        folder: Folder of the study, search or training.
        digest: Hash of the manifest.
    """
    return folder / f"data-{digest[:8]}.json"


class _Failure(TypedDict):
    """The contents of failed.json."""

    message: str


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run. It exists only when the run is complete.

    Args:
        path: Path of the folder.
    """

    path: Path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def name(self) -> str:
        """Its name within a study: experiment, hash and seed."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def complete(self) -> bool:
        return self.path.is_dir()

    @property
    def partial(self) -> Path:
        """The folder of the incomplete run: checkpoints, log, and the reason of a failure."""
        return self.path.with_name(f"{self.path.name}.partial")

    @property
    def study_path(self) -> Path:
        """The folder of its study: OUT, where the run is OUT/runs/EXPERIMENT/seed-N."""
        return self.path.absolute().parents[2]

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints, one at the end of each epoch."""
        return self.partial / "checkpoints"

    @property
    def profile(self) -> Path:
        """The folder of the profile, if the run made one. It is no part of the result."""
        return self.path / _PROFILE

    @property
    def partial_profile(self) -> Path:
        """The folder of the profile during the run."""
        return self.partial / _PROFILE

    def begin_result(self) -> Path:
        """Returns a new, empty folder for the files of the run."""
        folder = self.partial / _RESULT
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def take_result(self) -> None:
        """Turns the folder of `begin_result` into the run folder, atomically, when all its files are complete."""
        (self.partial / _RESULT).replace(self.path)
        sync_folder(self.path.parent)

    @property
    def log_file(self) -> Path:
        """The output of libraries during a run in a process of its own."""
        return self.partial / "log.txt"

    def epochs_done(self) -> int:
        """Returns the number of finished epochs of an incomplete run."""
        return finished_epochs(self.checkpoints)

    @property
    def failure(self) -> str | None:
        """The reason if the run failed last time, otherwise None."""
        recorded = self.partial / _FAILURE
        if not recorded.exists():
            return None
        return str(_read_checked(recorded, _Failure)["message"])

    def note_failure(self, message: str) -> None:
        """Records the reason of a failure, next to the log."""
        write_json(self.partial / _FAILURE, {"message": message})

    def forget_failure(self) -> None:
        """Removes the record of a failure. The next start resumes the run from its last checkpoint."""
        (self.partial / _FAILURE).unlink(missing_ok=True)

    def check(self, experiment: Experiment, seed: int, needs_model: bool = True) -> None:
        """Checks that the folder holds the unchanged files of a complete run.

        Args:
            experiment: The experiment of the run.
            seed: The seed of the run.
            needs_model: Whether its model must be there. Results copied from another machine may come without.

        Raises:
            FolderError: If a file is missing or was changed. The message names it.
        """
        remedy = "Restore it, or remove the run folder to repeat this run. The other runs stay."
        try:
            description = self.description()
            same = Experiment.from_dict(description["experiment"]) == experiment and description["seed"] == seed
        except (OSError, ValueError) as error:
            raise FolderError(f"{self.path / DESCRIPTION} cannot be read ({error}). {remedy}") from error
        if not same:
            raise FolderError(f"{self.path / DESCRIPTION} describes another experiment or seed. {remedy}")
        for name, digest in description["files"].items():
            file = self.path / name
            if name == MODEL and not needs_model and not file.exists():
                continue
            if not file.is_file():
                raise FolderError(f"{file} is missing. {remedy}")
            if file_digest(file) != digest:
                raise FolderError(f"{file} was changed after the end of the run. {remedy}")

    def history(self) -> "pd.DataFrame":
        """Returns the history, one row per epoch.

        Raises:
            FolderError: If the file is no table of numbers with one row per epoch.
        """
        from kerasclf.runs.run_tables import read_history

        return read_history(self.path / "history.csv")

    def metrics(self) -> dict[str, Any]:
        """Returns the metrics of the run; see `kerasclf.runs.metrics.run_metrics`.

        Raises:
            FolderError: If the file holds anything but finite numbers by name.
        """
        path = self.path / "metrics.json"
        metrics: dict[str, Any] = read_json(path)
        check_schema(metrics, dict[str, float], path)
        for name, value in metrics.items():
            is_share = name.endswith(("accuracy", "macro_f1"))
            if not (0 <= value <= 1 + 1e-6 if is_share else abs(value) <= MAX_VALUE):
                expected = "a share from 0 to 1" if is_share else f"at most {MAX_VALUE:g}"
                raise FolderError(f"{path} cannot be read: {in_short(name)}: expected {expected}. Received: {value}.")
        return metrics

    def environment(self) -> RunEnvironment:
        """Returns versions and hardware."""
        return _read_checked(self.path / "environment.json", RunEnvironment)

    def description(self) -> RunDescription:
        """Returns the experiment, its seed, and the data of the run.

        Raises:
            FolderError: If the file does not describe a run, or names files elsewhere.
        """
        path = self.path / DESCRIPTION
        description = _read_checked(path, RunDescription)
        # The first digits of the manifest become the name of a file, too.
        for key, names in (("files", description["files"]), ("manifest", [description["data"]["manifest"]])):
            elsewhere = [name for name in names if name in ("", "..") or set(name) & set("/\\:\0")]
            if elsewhere:
                raise FolderError(f"{path} cannot be read: {key}: expected names. Received: {in_short(elsewhere[0])}.")
        if not 1 <= len(description["class_names"]) <= MAX_CLASSES:
            raise FolderError(f"{path} cannot be read: class_names: expected 1 to {MAX_CLASSES:,} classes.")
        return description

    def predictions(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Returns the labels of the test images, shape (n,), and their class probabilities, shape (n, classes).

        Raises:
            FolderError: If the file is no table of images of the run's classes with their probabilities.
        """
        from kerasclf.runs.run_tables import read_predictions

        return read_predictions(self.path / PREDICTIONS, self.description()["class_names"])

    def validation_predictions(self) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Returns labels and class probabilities of the validation images; None if the run kept none.

        Raises:
            FolderError: As for `predictions`.
        """
        from kerasclf.runs.run_tables import read_predictions

        path = self.path / VALIDATION_PREDICTIONS
        return read_predictions(path, self.description()["class_names"]) if path.exists() else None

    def earlier_probabilities(self) -> NDArray[np.float64] | None:
        """Returns the class probabilities of the model that the run continued; None if it continued none.

        Raises:
            FolderError: As for `predictions`.
        """
        from kerasclf.runs.run_tables import read_predictions

        path = self.path / EARLIER_PREDICTIONS
        return read_predictions(path, self.description()["class_names"])[1] if path.exists() else None

    def test_images(self) -> str:
        """Returns a hash of the names and labels of the test images. Runs on the same images have the same."""
        with (self.path / PREDICTIONS).open(newline="", encoding="utf-8") as file:
            rows = [row[:2] for row in csv.reader(file)]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def examples(self) -> Examples | None:
        """Returns the thumbnails of the most confident errors; None for a run of a version without them."""
        path = self.path / EXAMPLES
        return read_examples(path) if path.exists() else None


def _read_checked(path: Path, schema: type[Record]) -> Record:
    plain: Record = read_json(path)
    check_schema(plain, schema, path)
    return plain


def seal(folder: Path, description: dict[str, Any]) -> None:
    """Writes the description of a run, with the SHA-256 of each file that its folder holds by then. Call it last."""
    digests = {}
    for path in sorted(folder.iterdir()):
        sync_file(path)  # The checkpoints will be removed, so the result must be on the disk.
        digests[path.name] = file_digest(path)
    write_json(folder / DESCRIPTION, {**description, "files": digests})
