"""Loads the images of a run."""

from pathlib import Path

from kerasclf.data import ImageDataset
from kerasclf.data.snapshot import read_snapshot
from kerasclf.errors import FolderError
from kerasclf.log import Log
from kerasclf.runs.job import Job


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
