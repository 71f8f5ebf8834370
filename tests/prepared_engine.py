"""An engine whose runs are written in no time, for tests of what follows from their results."""

from kerasclf.runs.plan import Plan
from kerasclf.runs.progress import SilentRunListener
from kerasclf.studies.study_folder import StudyFolder
from tests.report.run_folders import write_run
from tests.studies.plans import COST

# The data of `write_run`.
MANIFEST = {"hash": "abc", "sets": {"test": {"labels": [0, 1, 2] * 10}}}


class Prepared(SilentRunListener):
    """An engine whose runs have given accuracies, and its listener.

    Args:
        accuracies: A function from the seed to the accuracy, by experiment.
        stop_after: Number of runs after which it is interrupted; None for never.
        failing: Title of a run that fails.
    """

    def __init__(self, accuracies, stop_after=None, failing=None):
        self.accuracies, self.stop_after, self.failing = accuracies, stop_after, failing
        self.made, self.lines = [], []

    def log(self, line):
        self.lines.append(line)

    def plan(self, request, log):
        costs = dict.fromkeys(request.measure, COST)
        return Plan({"abc": MANIFEST}, dict.fromkeys(request.experiments, "abc"), costs=costs)

    def width(self, plan, runs):
        return 1

    def run(self, jobs, plan, listener, watch=None):
        for job in jobs:
            if job.title == self.failing:
                return {job.title: "no luck"}
            if len(self.made) == self.stop_after:
                raise KeyboardInterrupt
            folder = StudyFolder(job.path.parents[2])
            write_run(folder, job.name, job.experiment, job.seed, self.accuracies[job.name](job.seed))
            self.made.append(job.title)
        return {}
