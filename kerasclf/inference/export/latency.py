"""Measures how long models take for an image, side by side."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

_WARM_UP = 3
_PASSES = 3


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one image at a time.

    Args:
        median: The median over images.
        low: The first quartile.
        high: The third quartile.
    """

    median: float
    low: float
    high: float


def measure_latency(models: Sequence[Predict], images: NDArray[np.uint8]) -> list[Latency]:
    """Measures each model on single images. The models take turns, so that other work slows all of them alike.

    Args:
        models: Functions from images to probabilities.
        images: uint8 array of shape (n, height, width, channels), at least one image.
    """
    for predict in models:
        for _ in range(_WARM_UP):
            predict(images[:1])
    seconds = [[_seconds(predict, images[i : i + 1]) for predict in models] for i in range(len(images))]
    quartiles = np.percentile(np.array(seconds) * 1000, (25, 50, 75), axis=0)
    return [Latency(float(middle), float(low), float(high)) for low, middle, high in quartiles.T]


def measure_throughput(models: Sequence[Predict], batch: NDArray[np.uint8]) -> list[float]:
    """Returns the images per second of each model in batches, the median of three passes in turns.

    Args:
        models: Functions from images to probabilities.
        batch: uint8 array of shape (n, height, width, channels).
    """
    for predict in models:
        predict(batch)
    seconds = [[_seconds(predict, batch) for predict in models] for _ in range(_PASSES)]
    return [float(rate) for rate in len(batch) / np.median(seconds, axis=0)]


def _seconds(predict: Predict, images: NDArray[np.uint8]) -> float:
    start = time.perf_counter()
    predict(images)
    return time.perf_counter() - start
