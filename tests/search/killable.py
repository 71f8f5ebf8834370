"""Real searches in their own processes, which test_search_runner.py kills.

python -m tests.search.killable ORACLE ENGINE FOLDER...
"""

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from kerasclf import Augmentation, Experiment, Split, TrainConfig
from kerasclf.runs.engines.local_engines import Inline, Processes
from kerasclf.search import Budget, Choice, Float, Search, Space, run_search
from kerasclf.search.search_progress import SearchProgress

ROOT = Path(__file__).parents[2]
BASE = Experiment(
    data="shapes", image_size=(16, 16), model="mlp", model_args={"hidden": (32,), "dropout": 0.2},
    split=Split(train_per_class=20, test_per_class=2, validation=0.25),
    augmentation=Augmentation(rescale=1 / 255),
    train=TrainConfig(epochs=8, batch_size=25),
)  # fmt: skip
SPACES = {
    "tpe": {"train.learning_rate": Float(1e-4, 1e-1, log=True), "model.dropout": Float(0.0, 0.5)},
    "grid": {
        "train.learning_rate": Choice(0.001, 0.01),
        "model.hidden": Choice((16,), (32,)),
        "train.epochs": Choice(3, 8),
    },
}
SPACES["hyperband"] = SPACES["tpe"]
TRIALS = {"tpe": 4, "grid": None, "hyperband": 8}


def start(oracle, engine, *folders):
    """Starts a process that searches in each folder in turn."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.search.killable", oracle, engine, *map(str, folders)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def finish(oracle, engine, folder):
    """Runs a search to its end and returns its log."""
    process = start(oracle, engine, folder)
    log = process.communicate(timeout=900)[0]
    assert process.returncode == 0, log
    return log


def main(oracle, engine, *folders):
    trials = 2 if engine == "inline" else TRIALS[oracle]
    for folder in folders:
        search = Search(BASE, Space(SPACES[oracle]), oracle, side_by_side=2)
        with SearchProgress(search, trials, None, Console(width=140)) as progress:
            print(f"search in {folder}", flush=True)
            used = Inline() if engine == "inline" else Processes(2)
            run_search(search, folder, Budget(trials), engine=used, listener=progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
