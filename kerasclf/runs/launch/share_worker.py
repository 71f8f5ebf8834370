"""The process in which another worker than the first trains its share of a run. It writes no run folder.

    python -m kerasclf.machine.child_process PARENT kerasclf.runs.launch.share_worker

It reads a job as one line of JSON, answers "ready" when it has loaded the images, and waits for "go". Then it trains
until it is ended.
"""

import json
import os
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerasclf.data import ImageDataset
from kerasclf.errors import FolderError, KerasclfError
from kerasclf.machine.cluster import Cluster, join, launched
from kerasclf.networks.network_source import use_search_path
from kerasclf.quiet import quiet_tensorflow
from kerasclf.runs.engines.worker import limit_threads
from kerasclf.runs.job import Job
from kerasclf.runs.launch.together import GIVE_UP_S
from kerasclf.runs.run_data import load_data


def main() -> None:
    """Trains the share of this worker."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(kind: str, **values: Any) -> None:
        out.write(json.dumps({"kind": kind, **values}) + "\n")
        out.flush()

    request = json.loads(sys.stdin.readline())
    use_search_path(request["search_path"])
    job = replace(Job.from_dict(request["job"]), path=Path(request["path"]), halt=None, followers=(), profile=False)
    try:
        dataset = _load(job)
        answer("ready")
        sys.stdin.readline()
        _train(job, dataset)
        answer("trained")
    except _RefusedError as refused:
        answer("refused", message=str(refused))
    except FolderError as error:  # a disk of this machine, of which the others may know nothing
        answer("failed", message=str(error))
    except Exception as error:
        traceback.print_exc()
        # Worker 0 has met the same error and says so, or another worker has ended and is named. Both end this process.
        time.sleep(GIVE_UP_S)
        answer("failed", message=f"{type(error).__name__}: {error}")
    sys.stdin.readline()  # This process is ended by its parent, when all others have finished, too.


class _RefusedError(Exception):
    """The run cannot start on this machine."""


def _load(job: Job) -> ImageDataset:
    """Returns the images of a run, the same as those of worker 0."""
    quiet_tensorflow(devices=False)
    limit_threads(job.threads)
    from kerasclf.training.distributed.multiworker import check_gpus

    try:
        check_gpus(_workers())
        return load_data(job, print)
    except FolderError as error:
        raise _RefusedError(
            f"Expected the images of worker 0 at {job.experiment.data}. Received others: their manifests differ. Copy "
            "the images of worker 0 to this machine."
        ) from error
    except (KerasclfError, OSError) as error:
        raise _RefusedError(str(error)) from error


def _workers() -> Cluster:
    workers = launched()
    assert workers is not None, "kerasclf launch starts this process"
    return workers


def _train(job: Job, dataset: ImageDataset) -> None:
    from kerasclf.training.train import train

    join(_workers())
    recipe = job.experiment.recipe(job.seed)
    trained = train(dataset, recipe, checkpoints=job.run.checkpoints, also_cache=job.also_cache)
    if len(dataset.test):
        trained.extract_together(dataset.test)


if __name__ == "__main__":
    main()
