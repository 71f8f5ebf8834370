"""`RunFolder`: the files of one run on disk. Needs no TensorFlow."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset
from kerasclf.errors import FolderError
from kerasclf.files import file_digest, read_json, sync_folder, write_json
from kerasclf.runs.examples import Examples, read_examples
from kerasclf.runs.experiment import Experiment
from kerasclf.training.checkpoints import finished_epochs

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = "experiment.json"
CLASSES = "classes.json"
EXAMPLES = "examples.npz"
_FAILURE = "failed.json"
_RESULT = "result"


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
    def complete(self) -> bool:
        return self.path.is_dir()

    @property
    def partial(self) -> Path:
        """The folder of the incomplete run: checkpoints, log, and the reason of a failure."""
        return self.path.with_name(f"{self.path.name}.partial")

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints, one at the end of each epoch."""
        return self.partial / "checkpoints"

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
        return str(read_json(recorded)["message"]) if recorded.exists() else None

    def note_failure(self, message: str) -> None:
        """Records the reason of a failure, next to the log."""
        write_json(self.partial / _FAILURE, {"message": message})

    def forget_failure(self) -> None:
        """Removes the record of a failure. The next start resumes the run from its last checkpoint."""
        (self.partial / _FAILURE).unlink(missing_ok=True)

    def check(self, experiment: Experiment, seed: int) -> None:
        """Checks that the folder holds the unchanged files of a complete run.

        Args:
            experiment: The experiment of the run.
            seed: The seed of the run.

        Raises:
            FolderError: If a file is missing or was changed. The message names it.
        """
        remedy = "Restore it, or remove the run folder to repeat this run. The other runs stay."
        try:
            description = self.description()
            digests = description["files"]
            same = Experiment.from_dict(description["experiment"]) == experiment and description["seed"] == seed
        except (OSError, ValueError, KeyError) as error:
            raise FolderError(f"{self.path / DESCRIPTION} cannot be read ({error}). {remedy}") from error
        if not same:
            raise FolderError(f"{self.path / DESCRIPTION} describes another experiment or seed. {remedy}")
        for name, digest in digests.items():
            file = self.path / name
            if not file.is_file():
                raise FolderError(f"{file} is missing. {remedy}")
            if file_digest(file) != digest:
                raise FolderError(f"{file} was changed after the end of the run. {remedy}")

    def history(self) -> "pd.DataFrame":
        """Returns the history, one row per epoch."""
        import pandas as pd

        return pd.read_csv(self.path / "history.csv")

    def metrics(self) -> dict[str, Any]:
        """Returns the metrics of the run; see `kerasclf.runs.metrics.run_metrics`."""
        return read_json(self.path / "metrics.json")  # type: ignore[no-any-return]

    def environment(self) -> dict[str, Any]:
        """Returns versions and hardware."""
        return read_json(self.path / "environment.json")  # type: ignore[no-any-return]

    def description(self) -> dict[str, Any]:
        """Returns the experiment, its seed, and the data of the run."""
        return read_json(self.path / DESCRIPTION)  # type: ignore[no-any-return]

    def predictions(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Returns the labels of the test images, shape (n,), and their class probabilities, shape (n, classes)."""
        import pandas as pd

        # Names are skipped: a class called "nan" or "1" would not stay a text. Older folders have no names of classes.
        numbers = pd.read_csv(self.path / "predictions.csv", usecols=lambda name: name == "label" or name[:2] == "p_")
        return numbers.pop("label").to_numpy(np.int64), numbers.to_numpy(np.float64)

    def examples(self) -> Examples | None:
        """Returns the thumbnails of the most confident errors; None for a run of a version without them."""
        path = self.path / EXAMPLES
        return read_examples(path) if path.exists() else None


def seal(folder: Path, description: dict[str, Any]) -> None:
    """Writes the description of a run into its folder, with the SHA-256 of each other file.

    Call it last: the digests cover the files that exist then.
    """
    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir())}
    write_json(folder / DESCRIPTION, {**description, "files": digests})


def write_predictions(
    path: Path, subset: Subset, probabilities: NDArray[np.float32], class_names: tuple[str, ...]
) -> None:
    """Writes predictions.csv, one line per image.

    Its columns: the name of the image, its label, the names of its `true` and its `predicted` class, and the
    probability p_CLASS of each class.

    Args:
        path: File to write.
        subset: The images.
        probabilities: Their class probabilities, shape (n, classes).
        class_names: Names of the classes.
    """
    import pandas as pd

    table = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in class_names])
    names = np.array(class_names, object)
    before = {
        "image": subset.names,
        "label": subset.labels,
        "true": names[subset.labels],
        "predicted": names[probabilities.argmax(axis=1)],
    }
    for position, (name, values) in enumerate(before.items()):
        table.insert(position, name, values)
    # Nine digits restore a float32 exactly.
    table.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
