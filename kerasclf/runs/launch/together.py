"""A run that all workers of `kerasclf launch` train together: the part of the process that writes the run folder."""

import contextlib
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kerasclf.errors import KerasclfError
from kerasclf.log import Log
from kerasclf.machine.cluster import NO_WORKERS, Cluster, join, launched, leave
from kerasclf.runs.job import Job
from kerasclf.runs.launch.connection import SILENCE_S, GoneError, connect

# Seconds after which an error of TensorFlow is reported as it is, if no worker has ended.
GIVE_UP_S = SILENCE_S + 10
_CONNECT_S = 10.0
_SHARED = ("auto", "multiworker")


@contextlib.contextmanager
def together(job: Job, log: Log) -> Iterator[Job]:
    """Lets the other workers train a run, too, if `kerasclf launch` has started this command.

    They receive the job and the checkpoints so far. The block begins when all of them have loaded the same images. If
    a worker ends within it, the command is ended from outside.

    Args:
        job: The run.
        log: Receives a message.

    Yields:
        The job as this process must train it. It shares no epochs with other runs.

    Raises:
        KerasclfError: If the strategy of the run needs workers that are not there, or cannot use them.
    """
    workers = launched()
    check_strategy(job.experiment.train.strategy, workers)
    if workers is None:
        yield job
        return
    with _started(job, workers, log):
        join(workers)
        try:
            yield replace(job, followers=())
        except Exception as error:
            # TensorFlow reports the end of another worker as an error of its own. Worker 0 finds out which worker it
            # was, names it, and ends this process meanwhile.
            if type(error).__module__.startswith("tensorflow"):
                time.sleep(GIVE_UP_S)
            raise
        finally:
            leave()


def check_strategy(strategy: str, workers: Cluster | None) -> None:
    """Checks that a strategy uses the workers that there are.

    Args:
        strategy: The strategy of a run.
        workers: The workers of `kerasclf launch`; None without it.

    Raises:
        KerasclfError: If it does not.
    """
    if strategy == "multiworker" and workers is None:
        raise KerasclfError(NO_WORKERS)
    if workers is not None and strategy not in _SHARED:
        raise KerasclfError(
            f"strategy: expected 'auto' or 'multiworker' with {len(workers.addresses)} workers of kerasclf launch. "
            f"Received: {strategy!r}, which uses one machine alone."
        )


@contextlib.contextmanager
def _started(job: Job, workers: Cluster, log: Log) -> Iterator[None]:
    """Starts a run on the other workers. The end of the connection is the end of the run."""
    from kerasclf.training.distributed.multiworker import note_mended_keras

    try:
        connection = connect(workers.leader, _CONNECT_S)
        with tempfile.TemporaryDirectory() as folder:
            connection.send("run", file=pack_checkpoints(job, Path(folder)), job=job.to_dict())
            while connection.receive().kind != "go":
                pass
    except GoneError as error:
        raise KerasclfError(f"The other workers cannot start the run: {error}.") from error
    note_mended_keras(log)
    log(f"{len(workers.addresses)} workers train together: {', '.join(workers.addresses)}")
    try:
        yield
    finally:
        connection.close()


def pack_checkpoints(job: Job, folder: Path) -> Path:
    """Returns a ZIP file of the checkpoints of a run, which the other workers resume from, too."""
    packed = folder / "checkpoints.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(job.run.checkpoints.glob("phase-*/epoch-*.npz")):
            archive.write(path, path.relative_to(job.run.checkpoints).as_posix())
    return packed


def unpack_checkpoints(packed: Path, folder: Path) -> None:
    """Unpacks what `pack_checkpoints` has packed into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
