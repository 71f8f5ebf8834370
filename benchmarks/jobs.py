"""One run on all cores against one run per core, side by side, for networks of three sizes.

    make bench-jobs        or        python -m benchmarks.jobs

The result is images/s of all runs together, in training steps on images in memory without an input pipeline.
"""

import json
import subprocess
import sys
import time

from benchmarks.measure import median, print_table, ratio
from kerasclf.machine.resources import usable_cores

ROUNDS = 5
_MIN_S = 8.0
# Network, image side in pixels, batch size.
SIZES = {
    "basenet, 32×32": ("basenet", 32, 32),
    "basenet_deeper with batch norm, 32×32": ("basenet_deeper", 32, 32),
    "ResNet50, 224×224": ("ResNet50", 224, 16),
}


def measure(what: str, threads: int) -> None:
    import keras
    import numpy as np

    from kerasclf.models import CATALOGUE
    from kerasclf.runs.engines.worker import limit_threads

    limit_threads(threads)
    name, side, batch = SIZES[what]
    arguments = {"batch_norm": "before"} if name == "basenet_deeper" else {}
    if name in CATALOGUE:
        model = CATALOGUE[name](input_shape=(side, side, 3), num_classes=25, **arguments)
    else:
        model = keras.applications.ResNet50(weights=None, input_shape=(side, side, 3), classes=25)
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.random((batch, side, side, 3), np.float32), rng.integers(0, 25, batch)
    for _ in range(3):
        model.train_on_batch(x, y)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < _MIN_S:
        model.train_on_batch(x, y)
        steps += 1
    print(json.dumps(steps * batch / (time.perf_counter() - began)))


def rate(what: str, runs: int, threads: int) -> dict[str, float]:
    """Returns images/s of a number of runs side by side, all together, as `rate`."""
    command = [sys.executable, "-m", "benchmarks.jobs", what, str(threads)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(runs)]
    return {"rate": sum(float(process.communicate()[0].splitlines()[-1]) for process in started)}


def main() -> None:
    cores, rows = usable_cores(), []
    for what in SIZES:
        pairs = [(rate(what, 1, cores), rate(what, cores, 1)) for _ in range(ROUNDS)]
        one, many = zip(*pairs, strict=True)
        rows.append([what, f"{median(one, 'rate'):,.0f}", f"{median(many, 'rate'):,.0f}", ratio(many, one, "rate")])
    print_table(["network", f"1 run, {cores} threads", f"{cores} runs, 1 thread each", "ratio (range)"], rows)


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else measure(sys.argv[1], int(sys.argv[2]))
