"""The runs of a training within a time budget: each is finished, stopped by the clock, or resumed."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files.writing import write_json
from kerasclf.log import Log
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder
from kerasclf.search.time_budget.budget_record import read_budget_record
from kerasclf.search.time_budget.stop_in_time import StopInTime
from kerasclf.search.time_budget.timed_costs import FeatureCost, TimedRunCost
from kerasclf.search.time_budget.timed_experiments import (
    ALL,
    HEAD,
    STAGE,
    differs_in_length_alone,
    ended_after,
    name_of,
    timed_experiment,
)
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import STUDY_FILE, StudyContents, StudyFolder
from kerasclf.wording import format_duration, in_words

# Why a run ended, if the clock stopped it.
STOPPED = "until its time was over"


class Work(Protocol):
    """The work that takes time. `TimedWork` does it; tests replace it."""

    def measure_features(self, head: Experiment) -> FeatureCost:
        """Measures how long the features of a network take."""

    def extract(self, experiment: Experiment, image_s: float, is_over: Callable[[], bool], log: Log) -> bool:
        """Caches the activations below the part that trains. Returns whether all of them are cached in time."""

    def judge(self, head: Experiment) -> float | None:
        """Returns the cross-validated accuracy of heads on the features of the training images."""

    def measure_run(self, experiment: Experiment) -> TimedRunCost:
        """Measures how long a run takes."""

    def train(self, experiment: Experiment, run: RunFolder, stop: StopInTime | None) -> dict[str, float]:
        """Makes or resumes a run, and returns its metrics. The run is not complete if it was stopped."""


class TimedRuns:
    """The runs of a folder, as a study that is complete after each of them.

    Args:
        path: The folder.
        seed: Seed of the runs.
        budget_s: The time budget, for the texts of the study.
    """

    def __init__(self, path: Path, seed: int, budget_s: float) -> None:
        self._folder, self._seed, self._budget_s = StudyFolder(path), seed, budget_s
        self.finished: dict[str, Experiment] = {}  # by name, in the order of their end

    def claim(self, candidates: Sequence[Experiment]) -> None:
        """Claims the folder before anything is computed, and finds the runs that earlier calls have finished.

        The runs of networks that are no candidates now stay in the study.

        Args:
            candidates: The networks with their weights and images.

        Raises:
            FolderError: If the folder holds results on other images, with other settings or with another seed, or
                another study.
        """
        first = timed_experiment(candidates[0], HEAD)
        study = self._study({name_of(first): first})
        path = self._folder.path
        record = read_budget_record(path)
        # A call that was refused leaves a folder without a run, which others may use.
        is_empty = record is not None and not any(path.glob("runs/*/seed-*"))
        held = None if is_empty else self._folder.check(study)
        if held is None:
            write_json(path / STUDY_FILE, study.to_dict())
        elif record is None:
            raise FolderError(f"{path} holds a training without a time budget. Give another folder as `out`.")
        else:
            self._take_over(held)
        for unfreeze in (HEAD, STAGE, ALL):
            for candidate in candidates:
                self.find(timed_experiment(candidate, unfreeze))

    def _take_over(self, held: StudyContents) -> None:
        """Takes over the finished runs of a study that the folder holds."""
        if held["seeds"] != [self._seed]:
            raise FolderError(
                f"{self._folder.path} holds runs with seed {in_words(held['seeds'])}, not {self._seed}. Give another "
                "folder as `out`. Nothing was changed."
            )
        experiments = {name: Experiment.from_dict(plain) for name, plain in held["experiments"].items()}
        self.finished = {name: one for name, one in experiments.items() if self._run(name, one).complete}

    def metrics(self, name: str) -> dict[str, float]:
        """Returns the metrics of a finished run."""
        return self._run(name, self.finished[name]).metrics()

    @property
    def best(self) -> str:
        """The name of the finished run with the highest validation accuracy. The first one wins a tie."""
        return max(self.finished, key=lambda name: self.metrics(name)["validation_accuracy"])

    def find(self, experiment: Experiment) -> bool:
        """Returns whether an earlier call has finished the run of an experiment, with any number of epochs.

        Raises:
            FolderError: If it has other settings, or its files were changed.
        """
        name = name_of(experiment)
        for path in sorted(self._folder.path.glob(f"runs/{name}-*/seed-{self._seed}")):
            run = RunFolder(path)
            found = Experiment.from_dict(run.description()["experiment"])
            if not differs_in_length_alone(experiment, found):
                raise FolderError(f"{path} was trained with other settings. Give another folder as `out`.")
            run.check(found, self._seed)
            self._finish(name, found)
            return True
        return False

    def train(self, experiment: Experiment, work: Work, stop: StopInTime) -> str:
        """Makes a run, or resumes it. A run that the clock stops ends with the weights of its best epoch.

        Args:
            experiment: The experiment.
            work: Trains it.
            stop: Stops it in time.

        Returns:
            Why it ended, in words; empty if it has no epoch of its last phase, and so no result.
        """
        name = name_of(experiment)
        run = self._run(name, experiment)
        self._take_up(name, run)
        work.train(experiment, run, stop)
        if run.complete:
            self._finish(name, experiment)
            return "until its validation loss no longer fell" if _stopped_early(run, experiment) else "to its end"
        ended = ended_after(experiment, len(stop.rows))
        if ended is None:
            return ""
        shorter = self._run(name, ended)
        _move(run.partial, shorter.partial)
        work.train(ended, shorter, None)
        self._finish(name, ended)
        return STOPPED

    def _take_up(self, name: str, run: RunFolder) -> None:
        """Takes up the checkpoints of a run that was killed after the clock had stopped it."""
        for partial in self._folder.path.glob(f"runs/{name}-*/seed-{self._seed}.partial"):
            if partial != run.partial and not run.partial.exists():
                _move(partial, run.partial)

    def _finish(self, name: str, experiment: Experiment) -> None:
        self.finished[name] = experiment
        write_json(self._folder.path / STUDY_FILE, self._study(self.finished).to_dict())

    def _run(self, name: str, experiment: Experiment) -> RunFolder:
        return self._folder.run(name, experiment.identity, self._seed)

    def _study(self, experiments: dict[str, Experiment]) -> Study:
        budget = format_duration(self._budget_s)
        return Study(
            name="train",
            title=f"Networks on {next(iter(experiments.values())).data}, within {budget}",
            question=f"Which network and which trained part give the highest accuracy on these images within {budget}?",
            experiments=dict(experiments),
            seeds=(self._seed,),
            notes=(
                "The time budget decided which experiments were trained, and for how many epochs. The test images took "
                "no part in any choice.",
            ),
        )


def problem_of(error: KerasclfError | OSError) -> str:
    """Returns an error as a reason, in one line."""
    return " ".join(str(error).split())


def _stopped_early(run: RunFolder, experiment: Experiment) -> bool:
    return run.metrics()["epochs"] < experiment.epochs


def _move(before: Path, after: Path) -> None:
    after.parent.mkdir(parents=True, exist_ok=True)
    before.replace(after)
    with contextlib.suppress(OSError):  # it may hold other runs
        before.parent.rmdir()
