"""An engine whose runs are written in no time, for tests of what follows from their results."""

from dataclasses import replace

from kerasclf.runs.planning.plan import Plan
from kerasclf.runs.progress import SilentRunListener
from kerasclf.studies.study_folder import StudyFolder
from tests.conftest import make_subset
from tests.report.run_folders import write_run
from tests.studies.plans import COST

# The test set of `write_run`.
SETS = {"train": {"labels": [0, 1, 2]}, "validation": {"labels": [0, 1, 2]}, "test": {"labels": [0, 1, 2] * 10}}


class Prepared(SilentRunListener):
    """An engine whose runs have given accuracies, and its listener.

    Args:
        accuracies: A function from the seed to the accuracy, by experiment.
        stop_after: Number of runs after which it is interrupted; None for never.
        failing: Title of a run that fails.
        redraws: What another split of the images changes: `"validation"` alone, the `"test"` set, too, or `"nothing"`.
    """

    def __init__(self, accuracies, stop_after=None, failing=None, redraws="validation"):
        self.accuracies, self.stop_after, self.failing, self.redraws = accuracies, stop_after, failing, redraws
        self.made, self.lines = [], []

    def log(self, line):
        self.lines.append(line)

    def prepare(self):
        pass

    def start(self, function, *arguments):
        return lambda: "nothing to compute"

    def plan(self, request, log):
        costs = dict.fromkeys(request.measure, COST)
        data_of = {key: self.manifest(experiment) for key, experiment in request.experiments.items()}
        return Plan({each: {"hash": each, "sets": SETS} for each in data_of.values()}, data_of, costs=costs)

    def manifest(self, experiment):
        split = 0 if self.redraws == "nothing" else experiment.split.seed
        return f"abc{split or ''}"

    def width(self, plan, runs):
        return 1

    def run(self, jobs, plan, listener, watch=None):
        for job in jobs:
            if job.title == self.failing:
                return {job.title: "no luck"}
            if len(self.made) == self.stop_after:
                raise KeyboardInterrupt
            folder = StudyFolder(job.path.parents[2])
            accuracy, split = self.accuracies[job.name](job.seed), job.experiment.split.seed
            test = make_subset(30, shape=(2, 2, 3))
            if self.redraws == "test":
                test = replace(test, names=tuple(f"split{split}-{name}" for name in test.names))
            write_run(folder, job.name, job.experiment, job.seed, accuracy, test, manifest=job.manifest)
            self.made.append(job.title)
            listener.finished_run(job.title, job.run.metrics())
        return {}
