"""Shared beginnings: runs that train alike are one training with several results. Needs no TensorFlow.

Runs of one trajectory differ only in where they end and in which images they watch. The longest of them leads: it
trains, and the others follow. When the own end of a follower is reached, the leader writes the checkpoint that the
follower would have written there. The follower starts when the leader has ended, resumes from that checkpoint and
writes its results. A leader that stops early hands its last state over, and the next run leads the rest.

Whatever goes wrong, a follower without a checkpoint trains alone, with the same result.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasclf.data.data_flaws import flaws_beyond_data
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.job import Job
from kerasclf.runs.progress import SilentRunListener
from kerasclf.training.resuming.checkpoints import has_stopped, phase_folder
from kerasclf.values import digest_of


def digests_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Returns a hash of each set of images, by the name of the set; empty for a set without images.

    Args:
        manifest: The manifest of a data set (see `ImageDataset.manifest`).
    """
    return {name: digest_of(listing) if listing["labels"] else "" for name, listing in manifest["sets"].items()}


def trajectory_of(experiment: Experiment, seed: int, digests: Mapping[str, str]) -> str:
    """Returns a key that is equal for runs that train alike up to the end of the shorter one.

    Args:
        experiment: The experiment.
        seed: Seed of the run.
        digests: Hashes of its sets of images; see `digests_of`.
    """
    plain = experiment.to_dict()
    plain["train"].pop("early_stopping")
    if not experiment.train.schedule.spans_phase:
        plain["train"].pop("epochs")
    plain.pop("augment_validation")
    plain["flaws"] = flaws_beyond_data(experiment.flaws)  # The flaws of data show in the sets themselves.
    seen = [digests["train"], bool(digests["validation"])]
    if _watching_matters(experiment):
        seen.append(watched_by(experiment, digests))
    if "statistics_of_all" in experiment.flaws:
        seen.append(dict(digests))
    return digest_of([plain, seed, seen])


def watched_by(experiment: Experiment, digests: Mapping[str, str]) -> str:
    """Returns a key that is equal for runs whose epochs are evaluated on the same validation images."""
    return digest_of([digests["validation"], experiment.augment_validation])


def _watching_matters(experiment: Experiment) -> bool:
    """Returns whether the validation set changes the weights, or cannot be evaluated beside that of a leader."""
    train = experiment.train
    averaged = train.ema_momentum is not None  # They are in the model only while Keras itself evaluates it.
    return train.schedule.follows_validation or averaged or bool(experiment.earlier_phases)


def shared_epochs(jobs: Sequence[Job]) -> dict[str, int]:
    """Returns the number of epochs that other runs will train, by the title of the run, if no run stops early."""
    saved = dict[str, int]()
    for group in _groups(jobs):
        leader = _leader(group)
        saved |= {job.title: job.experiment.epochs - job.run.epochs_done() for job in group if job is not leader}
    return {title: epochs for title, epochs in saved.items() if epochs > 0}


class SharedRuns(SilentRunListener):
    """Runs in an order in which followers wait for their leader. An engine takes those of a study (see `Jobs`).

    It must also be told which runs end or fail.

    Args:
        jobs: The runs.
    """

    def __init__(self, jobs: Sequence[Job] = ()) -> None:
        self._number = 0
        self._ready: deque[Job] = deque()
        self._leading: dict[str, Job] = {}  # the leaders that have not ended, by title
        self.add(jobs)

    def add(self, jobs: Sequence[Job]) -> None:
        """Adds runs that start after those before. They share nothing with these."""
        self._number += len(jobs)
        for group in _groups(jobs):
            self._ready.extend(self._startable(group))

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[Job | None]:
        while self._ready or self._leading:
            yield self.take()

    def take(self, can_start: Callable[[Job], bool] = lambda job: True) -> Job | None:
        """Returns the next run that can start now; None if there is none.

        Args:
            can_start: Returns whether nothing else keeps a run from starting.
        """
        job = next(filter(can_start, self._ready), None)
        if job is not None:
            self._ready.remove(job)
        return job

    def put_back(self, job: Job) -> None:
        """Takes a run back that must be repeated, with its followers."""
        self._ready.append(job)

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        self.release(title)

    def failed_run(self, title: str, message: str) -> None:
        self.release(title)

    def release(self, title: str) -> None:
        """Lets the followers of a run start: it has ended, or will never start."""
        if title in self._leading:
            self._ready.extendleft(reversed(self._startable(self._leading.pop(title).followers)))

    def _startable(self, group: Sequence[Job]) -> list[Job]:
        """Returns the runs of a trajectory that can start: those that are trained, and a leader of the others."""
        trained = [job for job in group if len(group) > 1 and _is_trained(job)]
        others = [job for job in group if job not in trained]
        if not others:
            return trained
        longest = _leader(others)
        leader = replace(longest, followers=tuple(job for job in others if job is not longest))
        if leader.followers:
            self._leading[leader.title] = leader
        return [*trained, leader]


def _groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """Returns the runs of each trajectory, in their order."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.trajectory or f"alone: {job.title}", []).append(job)
    return list(groups.values())


def _leader(group: Sequence[Job]) -> Job:
    """Returns the run with the most epochs. Of several, one that never stops early leads."""
    return max(group, key=lambda job: (job.experiment.epochs, job.experiment.train.early_stopping is None))


def _is_trained(job: Job) -> bool:
    """Returns whether an incomplete run has only its results left to write."""
    if job.run.epochs_done() >= job.experiment.epochs:
        return True
    last = phase_folder(job.run.checkpoints, len(job.experiment.phases))
    return job.experiment.train.early_stopping is not None and has_stopped(last)
