"""Prepares the followers of a run. Needs TensorFlow."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from kerasclf.errors import FolderError
from kerasclf.files.locks import hold
from kerasclf.log import Log
from kerasclf.runs.inputs import RunInputs, inputs_of
from kerasclf.runs.job import Job
from kerasclf.runs.run_data import load_data

if TYPE_CHECKING:
    from kerasclf.training.resuming.followers import Follower, Leading


@contextlib.contextmanager
def held_followers(job: Job, inputs: RunInputs, log: Log) -> Iterator["Leading"]:
    """Holds the folders of the runs that train as this one does, while it trains for them.

    It leaves out a run that another process is making, or that was started with other inputs. Such a run trains alone.

    Args:
        job: The leader.
        inputs: Its inputs.
        log: Receives progress messages.
    """
    from kerasclf.training.resuming.followers import Leading

    with contextlib.ExitStack() as stack:
        found = []
        for follower in job.followers:
            with contextlib.suppress(FolderError):
                if not follower.run.complete and _is_alike(follower, inputs, stack):
                    found.append(_prepared(follower, job, log))
        yield Leading(job.run.name, tuple(found))


def _is_alike(follower: Job, inputs: RunInputs, stack: contextlib.ExitStack) -> bool:
    """Holds the folder of a follower and returns whether its inputs are those of the leader, but for the images."""
    stack.enter_context(hold(follower.run.partial))
    own = inputs_of(replace(follower, threads=inputs.threads))
    return replace(own, manifest="", notes=()) == replace(inputs, manifest="", notes=())


def _prepared(follower: Job, leader: Job, log: Log) -> "Follower":
    from kerasclf.training.resuming.followers import Follower

    same = follower.watched == leader.watched
    return Follower(
        name=follower.run.name,
        train=follower.experiment.train,
        checkpoints=follower.run.checkpoints,
        validation=None if same else load_data(follower, log).validation,
        augment_validation=follower.experiment.augment_validation,
    )
