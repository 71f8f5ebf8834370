"""Extractions that test_frozen.py kills. Does not import TensorFlow.

Run `python -m tests.transfer.killable` and write lines of FOLDER SECONDS_PER_BATCH. Each line starts a forked process,
which need not import anything again.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

from kerasclf.data import ArrayImages, Subset
from kerasclf.transfer import extraction
from kerasclf.transfer.cache import ActivationCache
from kerasclf.transfer.extraction import CachePoint
from kerasclf.transfer.frozen import Frozen

ROW = (4, 4, 8)
IMAGES = np.random.default_rng(3).integers(0, 256, (400, 8, 8, 3), np.uint8)


def slowly(cuts, seconds):
    def compute(batches):
        for images in batches:
            time.sleep(seconds)
            rows = np.repeat(images.astype(np.float32).reshape(len(images), -1)[:, :16], 8, axis=1).reshape(-1, *ROW)
            yield [rows * cut for cut in cuts]

    return compute


class Slow:
    """A slow network."""

    name = "slow"

    def __init__(self, points, seconds):
        self.points, self.seconds = points, seconds

    def cache_point(self, cut):
        return self.points[cut - 1]

    def compute(self, cuts):
        return slowly(cuts, self.seconds)


def extract(root, seconds):
    points = [
        CachePoint(i, f"layer{i}", ActivationCache(root, {"name": "slow", "point": i}, ROW, "float32")) for i in (1, 2)
    ]
    subset = Subset(ArrayImages(IMAGES), np.zeros(len(IMAGES), np.int64), tuple(str(i) for i in range(len(IMAGES))))
    frozen = Frozen(Slow(points, seconds), points[0], also_cache=(2,))
    return frozen.subset(subset, lambda line: print(line, flush=True))


if __name__ == "__main__":
    # Write after every batch: most kills then leave some rows, and some kills leave half a row.
    extraction._WRITE_BYTES = 1
    for line in sys.stdin:
        folder, seconds = line.split()
        if not (process := os.fork()):
            print("process", os.getpid(), flush=True)
            extract(Path(folder), float(seconds))
            os._exit(0)
        print("ended", os.waitpid(process, 0)[1], flush=True)
