"""The planned and the real time of short studies.

    make bench-forecast        or        python -m benchmarks.forecast [ROUNDS]

Each round plans and runs every study in a new process, with an empty memory of costs. A row compares the forecast with
the time of the runs, without the import of TensorFlow and the report. Two rounds take about ten minutes. Nothing else
may run meanwhile.
"""

import json
import os
import sys
import tempfile
from typing import NamedTuple

from benchmarks.measure import in_turns, median, print_table, ratio

ROUNDS = 2
GOAL = 1.25
_IMAGES_PER_CLASS = 100  # 2,500 in all


class Case(NamedTuple):
    """A study with a limit on its epochs, and the number of runs side by side."""

    study: str
    epochs: int
    jobs: int
    only: tuple[str, ...] = ()

    def __str__(self) -> str:
        jobs = "one run at a time" if self.jobs == 1 else f"{self.jobs} side by side"
        return f"{self.study}, at most {self.epochs} epochs, {jobs}"


CASES = {
    "short": Case("basenet", 2, 1),
    "short-pairs": Case("basenet", 2, 2),
    "longer": Case("basenet", 15, 1),
    "longer-pairs": Case("basenet", 15, 2),
    "ladder": Case("ladder", 4, 2, ("base", "deeper", "bn_before")),
}


def measure(case: Case) -> None:
    """Prints the forecast of one study, and the time that its runs took, as JSON."""
    from kerasclf.runs.engines import Processes
    from kerasclf.runs.progress import SilentRunListener
    from kerasclf.studies import declare
    from kerasclf.studies.reduction import Reduction
    from kerasclf.studies.study_options import StudyOptions
    from kerasclf.studies.study_runner import plan_study, run_planned_study

    limits = Reduction(train_per_class=_IMAGES_PER_CLASS, epochs=case.epochs)
    study = declare(case.study, options=StudyOptions(data="shapes", limits=limits))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KERASCLF_CACHE"] = f"{folder}/cache"
        engine = Processes(case.jobs)
        planned = plan_study(study, f"{folder}/out", only=case.only, engine=engine)
        finished = run_planned_study(planned, engine, SilentRunListener())
        print(json.dumps(finished.read()["forecasts"][-1]))


def main(rounds: int) -> None:
    found = in_turns("benchmarks.forecast", [[name] for name in CASES], rounds)
    print_table(
        ["study", "runs", "planned, s", "took, s", "took / planned (range)"],
        [
            [
                str(case),
                f"{median(found[name,], 'runs'):.0f}",
                *(f"{median(found[name,], key):.1f}" for key in ("trained_s", "took_s")),
                _took_to_planned(found[name,]),
            ]
            for name, case in CASES.items()
        ],
    )
    shares = [one["took_s"] / one["trained_s"] for results in found.values() for one in results]
    met = "met" if max(*shares, *(1 / share for share in shares)) <= GOAL else "missed"
    studies = f"{len(CASES)} short studies, {rounds} rounds"
    off = f"{min(shares):.2f} to {max(shares):.2f} times, {studies}"
    print(f"| short studies take as long as planned, within a factor of {GOAL} | {off} | {met} |")


def _took_to_planned(results: list[dict[str, float]]) -> str:
    return ratio([{"s": one["took_s"]} for one in results], [{"s": one["trained_s"]} for one in results], "s")


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in CASES:
        measure(CASES[sys.argv[1]])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
