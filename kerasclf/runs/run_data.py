"""Loads the images of a run: those of a job, and those that a finished run has used. Needs no TensorFlow."""

from pathlib import Path

import numpy as np

from kerasclf.data import ImageDataset
from kerasclf.data.snapshot import read_snapshot
from kerasclf.data.views import View
from kerasclf.errors import DataError, FolderError, KerasclfError
from kerasclf.log import Log
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.job import Job
from kerasclf.runs.run_folder import RunFolder


def load_data(job: Job, log: Log) -> ImageDataset:
    """Loads the images of a run from their snapshot or by their spec.

    Raises:
        FolderError: If they have changed since the study was started.
    """
    if job.snapshot and Path(job.snapshot).exists():  # On another machine the file may be missing.
        dataset = read_snapshot(Path(job.snapshot))
    else:
        dataset = job.experiment.dataset(log)
        if dataset.manifest["hash"] != job.manifest:
            raise FolderError(
                f"The images of {job.experiment.data} have changed since the study was started. Start it again."
            )
    return job.view.of(dataset) if job.view else dataset


def dataset_of_run(run: RunFolder, log: Log, remedy: str = "Restore them.") -> ImageDataset:
    """Returns the three sets of a run, as it saw them.

    Args:
        run: The run.
        log: Receives progress messages.
        remedy: What the message of an error says to do.

    Raises:
        DataError: If the images cannot be read any more, or have changed.
    """
    description = run.description()
    experiment = Experiment.from_dict(description["experiment"])
    try:
        dataset = experiment.dataset(log)
    except (KerasclfError, OSError) as error:
        raise DataError(
            f"The images of the run, {experiment.data}, cannot be read: {str(error).rstrip('.')}. {remedy}"
        ) from error
    if view := description.get("view"):
        dataset = View.from_dict(view).of(dataset)
    if len(dataset.train) != description["data"]["images"]["train"] or not _same_test_images(run, dataset):
        raise DataError(f"The images of the run, {experiment.data}, have changed since it ended. {remedy}")
    return dataset


def _same_test_images(run: RunFolder, dataset: ImageDataset) -> bool:
    """Returns whether the labels of the test images are those that the run predicted, in their order."""
    if not len(dataset.test):
        return True
    try:
        labels = run.predictions()[0]
    except FileNotFoundError:
        return True
    return np.array_equal(labels, dataset.test.labels)
