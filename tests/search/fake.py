"""A fake engine for searches: the metrics of a run are a function of its experiment, seed and epoch."""

import math
import random

from kerasclf import Experiment, TrainConfig
from kerasclf.runs.engines.engine import Waiting, fail
from kerasclf.runs.planning.plan import Plan
from kerasclf.search import Budget, Choice, Float, Search, Space, run_search

EPOCHS = 9
BASE = Experiment(train=TrainConfig(epochs=EPOCHS, learning_rate=0.5))
SPACE = {"train.learning_rate": Float(1e-3, 1.0, log=True), "train.batch_size": Choice(16, 32, 64)}
GRID = {"train.batch_size": Choice(16, 32, 64), "train.learning_rate": Choice(0.01, 0.03, 0.1)}
# Enough trials for each oracle to use its own method; None for an oracle with a limited number of trials.
TRIALS = {"random": 8, "grid": None, "bayesian": 7, "hyperband": None, "tpe": 14, "cmaes": 11, "qmc": 11}


class Killed(Exception):  # noqa: N818
    """Stands for SIGKILL."""


def search(out, oracle="random", *, budget=None, engine=None, listener=None, **settings):
    """Runs a search over `SPACE`, or `GRID` for the grid. `settings` are further arguments of `Search`."""
    space = settings.pop("space", GRID if oracle == "grid" else SPACE)
    return run_search(
        Search(BASE, Space(space), oracle, **settings),
        out,
        budget or Budget(TRIALS.get(oracle)),
        engine=engine or FakeEngine(),
        listener=listener,
    )


def outcome(results):
    """Returns everything about the trials that must be reproducible."""
    return [(t.number, t.values, t.status, t.value, t.curve, t.halt) for t in results.trials]


def accuracy(experiment, seed, epoch):
    """Returns an accuracy that grows over the epochs, best at a learning rate of 0.03 and a batch size of 32."""
    train = experiment.train
    distance = abs(math.log10(train.learning_rate / 0.03)) + 0.2 * abs(math.log2(train.batch_size / 32))
    return round((0.9 - 0.3 * distance) * (1 - 0.5**epoch) + 0.001 * seed, 6)


class FakeEngine:
    """Interleaves the epochs of runs side by side at random.

    Args:
        width: Number of runs side by side.
        seed: Seed of the interleaving.
        kill_after: Raises `Killed` at this epoch, counted over all runs.
        fails: Returns the message of a job's failure and whether it lasts, or None.
    """

    def __init__(self, width=1, seed=0, kill_after=None, fails=lambda job: None):
        self.how_many, self.draw, self.kill_after, self.fails = width, random.Random(seed), kill_after, fails
        self.epochs = 0
        self.made = []

    def plan(self, request, log):
        labels = [0, 1] * 20
        sets = {"train": {"labels": labels}, "validation": {"labels": labels}, "test": {"labels": labels}}
        networks = {name: "same" if "model.nothing" in name else name for name in request.experiments}
        return Plan({"abc": {"sets": sets}}, dict.fromkeys(request.experiments, "abc"), networks=networks)

    def width(self, plan, runs):
        return self.how_many

    def run(self, jobs, plan, listener, watch=lambda: None):
        waiting, under_way, failures = Waiting(jobs), {}, {}
        while True:
            while len(under_way) < self.how_many and (job := waiting.take()):
                listener.began(job.title, job.experiment.train.epochs, 1, [])
                under_way[job.title] = job, []
            if not under_way:
                return failures
            watch()
            title = self.draw.choice(sorted(under_way))
            job, rows = under_way[title]
            if failure := self.fails(job):
                message, lasting = failure
                del under_way[title]
                failures[title] = fail(job, message, listener, lasting=lasting)
                continue
            self._epoch(job, rows, listener)
            reason = job.halt and job.halt.reason(rows, job.experiment.train.epochs)
            if reason or len(rows) == job.experiment.train.epochs:
                del under_way[title]
                self.made.append(job)
                listener.finished_run(title, _metrics(rows, reason))

    def _epoch(self, job, rows, listener):
        self.epochs += 1
        if self.epochs == self.kill_after:
            raise Killed
        value = accuracy(job.experiment, job.seed, len(rows) + 1)
        rows.append({"epoch": len(rows) + 1, "val_accuracy": value, "val_loss": 1 - value, "seconds": 1.0})
        listener.finished_epoch(job.title, rows[-1])


def _metrics(rows, reason):
    metrics = {"validation_accuracy": rows[-1]["val_accuracy"], "validation_loss": rows[-1]["val_loss"],
               "epochs": len(rows), "best_epoch": len(rows), "seconds": float(len(rows))}  # fmt: skip
    return {**metrics, "halted": 1.0} if reason else metrics
