"""The time from the command to the first training step, and from the end of a run to the first step of the next one.

    make bench-startup        or        python -m benchmarks.startup [ROUNDS]

Each round runs the quick size of BaseNet's study in a new process, two runs, one at a time. A row is a stage, with the
wall time and the CPU time in user mode of all processes together. CPU time depends less on other programs.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.measure import in_turns, median, print_table

ROUNDS = 5
EXPERIMENTS = ("sgd_20", "adam_20")
# A plan without any measurement, with measurements, and with those of the plan before.
KINDS = ("quick", "measured", "remembered")
STAGES = (
    "imports of the command",
    "study declared",
    "process started, TensorFlow imported, images loaded",
    "networks checked, costs measured, snapshot written",
    "run begun: forked, images read, network built",
    "first step: traced and compiled",
    "rest of the first run",
    "next run begun",
    "first step of the next run",
)


class Stages:
    """The wall and CPU time at the end of each stage, which also listens to the runs."""

    def __init__(self, began: float) -> None:
        self.marks = [(began, 0.0)]
        self._next: list[str] = ["began", "stepped", "finished_run", "began", "stepped"]

    def mark(self) -> None:
        self.marks.append((time.time(), _user_s()))

    def rows(self) -> list[dict[str, float]]:
        pairs = zip(self.marks, self.marks[1:], strict=False)
        return [{"wall": end - start, "cpu": cpu - earlier} for (start, earlier), (end, cpu) in pairs]

    def log(self, line: str) -> None: ...

    def began(self, *values: object) -> None:
        self._heard("began")

    def stepped(self, *values: object) -> None:
        self._heard("stepped")

    def finished_epoch(self, *values: object) -> None: ...

    def finished_run(self, *values: object) -> None:
        self._heard("finished_run")

    def failed_run(self, title: str, message: str) -> None:
        sys.exit(message)

    def _heard(self, event: str) -> None:
        if self._next[:1] == [event]:
            self._next.pop(0)
            self.mark()


def measure(kind: str) -> None:
    """Prints the stages of one start as JSON."""
    stages = Stages(psutil.Process().create_time())
    import kerasclf.cli

    stages.mark()
    from kerasclf.files.cache_folders import cache_root
    from kerasclf.runs.engines import Processes
    from kerasclf.studies import declare
    from kerasclf.studies.study_options import StudyOptions

    if kind == "measured":
        shutil.rmtree(cache_root() / "costs", ignore_errors=True)
    study = declare("basenet", options=StudyOptions(data="shapes", size="quick"))
    stages.mark()
    engine = Processes(1)
    engine.prepare()
    import kerasclf.looks  # noqa: F401 - as the command does
    from kerasclf.studies.study_runner import plan_study, run_planned_study

    loaded: list[str] = []

    def log(line: str) -> None:
        if not loaded:
            stages.mark()
        loaded.append(line)

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        planned = plan_study(study, out, only=EXPERIMENTS, engine=engine, share=False, log=log, measure=kind != "quick")
        stages.mark()
        run_planned_study(planned, engine, stages)
    print(json.dumps(stages.rows()))


def _user_s() -> float:
    """Returns the seconds in user mode of this process and all that it started, ended ones included."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_utime + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()
        own += times.user + times.children_user
    return own


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["KERASCLF_CACHE"] = cache
        found = in_turns("benchmarks.startup", [[kind] for kind in KINDS], rounds)
    for kind in KINDS:
        results = found[kind,]
        rows = [_row(stage, [result[number] for result in results]) for number, stage in enumerate(STAGES)]
        first = [_sum(result[:6]) for result in results]
        then = [_sum(result[7:]) for result in results]
        rows += [_row("**command to first step**", first), _row("**run to run**", then)]
        print(f"{kind}, {rounds} rounds")
        print_table(["stage", "wall, s", "CPU, s"], rows)


def _sum(stages: list[dict[str, float]]) -> dict[str, float]:
    return {key: sum(stage[key] for stage in stages) for key in ("wall", "cpu")}


def _row(name: str, results: list[dict[str, float]]) -> list[str]:
    return [name, *(f"{median(results, key):.2f}" for key in ("wall", "cpu"))]


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in KINDS:
        measure(sys.argv[1])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
