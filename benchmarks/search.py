"""Thirty trials of BaseNet: kerasclf with two runs side by side against KerasTuner's loop in one process.

    make bench-search        or        python -m benchmarks.search [--quick] [--rounds N] [--trials N] [--epochs N]
    python -m benchmarks.search kerasclf 30,20,200          one contestant alone: trials, epochs, images per class

Both run the same trials (the same values in the same order, from the same seed) on images in memory, with the same
number of epochs, input pipeline and training. The results are the wall time, including the start of every process, and
the peak memory after trial 5 and after the last trial, of the process itself and of its largest run.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf import Augmentation, Experiment, Split, TrainConfig
from kerasclf.search import Budget, Choice, Float, Space
from kerasclf.search.search import Search

ROUNDS, JOBS = 3, 2
_EARLY = 5
CONTESTANTS = ("kerasclf", "keras_tuner")


@dataclass(frozen=True)
class Size:
    """The size of a search: trials, epochs per trial, and images per class."""

    trials: int = 30
    epochs: int = 20
    images: int = 200

    def __str__(self) -> str:
        return f"{self.trials},{self.epochs},{self.images}"


def experiment(size: Size) -> Experiment:
    return Experiment(
        data="shapes",
        model="basenet",
        augmentation=Augmentation(rescale=1 / 255),
        split=Split(train_per_class=size.images, test_per_class=2),
        train=TrainConfig(epochs=size.epochs, batch_size=64),
    )


SPACE = Space({"train.learning_rate": Float(1e-4, 1e-2, log=True), "train.batch_size": Choice(32, 64, 128)})


def kerasclf(size: Size) -> dict[str, Any]:
    """Searches with `--jobs 2`, and measures the memory of this process and of its largest run so far."""
    from kerasclf.machine.meter import peak_memory_mb
    from kerasclf.runs.engines import Processes
    from kerasclf.search.search_progress import SilentSearchListener
    from kerasclf.search.search_runner import run_search
    from kerasclf.search.trial import Trial

    peaks: dict[int, tuple[float, float]] = {}
    largest = [0.0]

    class Watch(SilentSearchListener):
        def finished_run(self, title: str, metrics: dict[str, float]) -> None:
            largest[0] = max(largest[0], metrics["peak_memory_mb"])

        def ended_trial(self, trial: Trial, best: Trial | None) -> None:
            peaks[len(peaks) + 1] = peak_memory_mb(), largest[0]

    with tempfile.TemporaryDirectory() as folder:
        search = Search(experiment(size), SPACE)
        found = run_search(search, Path(folder) / "out", Budget(size.trials), engine=Processes(JOBS), listener=Watch())
        values = [trial.values for trial in found.trials]
    (own, run), (own_end, run_end) = peaks[min(_EARLY, size.trials)], peaks[size.trials]
    return {"values": values, "early": own, "late": own_end, "early_run": run, "late_run": run_end}


def keras_tuner(size: Size) -> dict[str, Any]:
    """Searches with KerasTuner's RandomSearch, one trial after the other in this process."""
    import keras_tuner as theirs

    from kerasclf.machine.meter import peak_memory_mb
    from kerasclf.search import hypermodel
    from kerasclf.search.spaces.hyperparameters import from_values, to_hyperparameters

    peaks: list[float] = []
    made = hypermodel(experiment(size), SPACE)

    class Watch(theirs.RandomSearch):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            history = super().run_trial(trial, *args, **kwargs)
            peaks.append(peak_memory_mb())
            return history

    with tempfile.TemporaryDirectory() as folder:
        tuner = Watch(
            made, objective="val_accuracy", max_trials=size.trials, seed=1, hyperparameters=to_hyperparameters(SPACE),
            directory=folder, project_name="out",
        )  # fmt: skip
        tuner.search(verbose=0)
        ended = [tuner.oracle.trials[number] for number in tuner.oracle.start_order]
        values = [from_values(SPACE, trial.hyperparameters.values) for trial in ended]
    return {"values": values, "early": peaks[min(_EARLY, size.trials) - 1], "late": peaks[-1]}


def measure(contestant: str, size: Size) -> None:
    from kerasclf.quiet import quiet_tensorflow

    quiet_tensorflow()
    began = time.perf_counter()
    found = {"kerasclf": kerasclf, "keras_tuner": keras_tuner}[contestant](size)
    print(json.dumps({**found, "seconds": time.perf_counter() - began}))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search")
    parser.add_argument("--quick", action="store_true", help="six short trials, one round")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--trials", type=int, default=Size.trials)
    parser.add_argument("--epochs", type=int, default=Size.epochs)
    options = parser.parse_args()
    size = Size(6, 2, 40) if options.quick else Size(options.trials, options.epochs)
    Search(experiment(size), SPACE).check()
    contestants = [(name, str(size)) for name in CONTESTANTS]
    measured = in_turns("benchmarks.search", contestants, 1 if options.quick else options.rounds)
    mine, theirs = (measured[contestant] for contestant in contestants)
    same = all(a["values"] == b["values"] for a, b in zip(mine, theirs, strict=True))
    print(f"the same trials: {same}\n")
    rows = [
        [name, f"{median(found, 'seconds'):,.0f}", f"{median(found, 'early'):,.0f}", f"{median(found, 'late'):,.0f}"]
        for name, found in (("kerasclf, --jobs 2", mine), ("keras_tuner.RandomSearch", theirs))
    ]
    runs = ["its largest run so far", "", f"{median(mine, 'early_run'):,.0f}", f"{median(mine, 'late_run'):,.0f}"]
    print_table(["search", "seconds", f"peak MB, trial {_EARLY}", "peak MB, last trial"], [rows[0], runs, rows[1]])
    print(f"times as fast: {ratio(theirs, mine, 'seconds')}")


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in CONTESTANTS:
        measure(sys.argv[1], Size(*map(int, sys.argv[2].split(","))))
    else:
        main()
