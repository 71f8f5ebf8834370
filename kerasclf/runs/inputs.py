"""The inputs that a run must find again when it resumes: recorded at its start, compared at every later start."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from kerasclf.errors import FolderError
from kerasclf.files import file_digest, read_json, write_json
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.job import Job
from kerasclf.runs.run_folder import RunFolder
from kerasclf.schema import check_schema

_INPUTS = "inputs.json"


class _Recorded(TypedDict):
    """The contents of inputs.json."""

    manifest: str
    weights: NotRequired[str | None]
    threads: NotRequired[int | None]


@dataclass(frozen=True)
class RunInputs:
    """The inputs of a run beyond its experiment and seed.

    Args:
        manifest: Hash of the images.
        weights: SHA-256 of the file with the pretrained weights; None if they come from no file.
        threads: CPU threads; None for all. A run keeps the number it started with, because sums in another order
            end in other digits.
    """

    manifest: str
    weights: str | None = None
    threads: int | None = None


def weights_digest(experiment: Experiment) -> str | None:
    """Returns the SHA-256 of the file with an experiment's pretrained weights; None if there is no such file."""
    if experiment.transfer is None:
        return None
    path = Path(experiment.transfer.weights).expanduser()
    return file_digest(path) if path.is_file() else None


def inputs_of(job: Job) -> RunInputs:
    """Returns the inputs of a run: those it started with, or those of the job, which it then records.

    Raises:
        FolderError: If the run was started with other images or other weights.
    """
    inputs = RunInputs(job.manifest, weights_digest(job.experiment), job.threads)
    recorded = check_inputs(job.run, job.experiment, inputs)
    if recorded is not None:
        return recorded
    write_json(job.run.partial / _INPUTS, asdict(inputs))
    return inputs


def check_inputs(run: RunFolder, experiment: Experiment, inputs: RunInputs) -> RunInputs | None:
    """Returns the inputs that an incomplete run started with; None if it has not started.

    Raises:
        FolderError: If they are other images or other weights than now. Nothing is changed.
    """
    path = run.partial / _INPUTS
    if not path.exists():
        return None
    plain: dict[str, Any] = read_json(path)
    check_schema(plain, _Recorded, path)
    recorded = RunInputs(plain["manifest"], plain.get("weights"), plain.get("threads"))
    remedy = f"Restore them, remove {run.partial} to start the run again, or give another folder as `out`."
    if recorded.manifest != inputs.manifest:
        raise FolderError(
            f"{run.partial} holds a run that was started with other images: {experiment.data} has changed. {remedy}"
        )
    if recorded.weights != inputs.weights:
        weights = "the file" if experiment.transfer is None else experiment.transfer.weights
        raise FolderError(
            f"{run.partial} holds a run that was started with other weights: {weights} has changed. {remedy}"
        )
    return recorded
