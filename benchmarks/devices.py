"""Throughput of one process, two logical devices and two local workers, and what their communication costs.

    make bench-devices        or        python -m benchmarks.devices [--rounds 3] [--only basenet-32 …]

All three train the same batches through the whole toolkit, on the same cores. The two devices share the cores of their
process, and each worker has half of them, as with `kerasclf launch --local 2`. The first epoch compiles, and the speed
is the median of those after it. The exchange is timed alone: as many numbers as the network has weights, and three
single ones, as in each step. The bytes are those that a step sends through the loopback interface, gRPC's own included.
"""

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf.machine.cluster import Cluster, join

if TYPE_CHECKING:
    import tensorflow as tf

    from kerasclf import ImageDataset
    from kerasclf.training.recipe import Recipe

EPOCHS, EXCHANGES, CLASSES = 3, 30, 10
# Contestants: the strategy of each.
CONTESTANTS = {"one process": "none", "two devices": "mirrored", "two workers": "multiworker"}


@dataclass(frozen=True)
class Case:
    """A network and its batches.

    Args:
        network: Name in the catalogue.
        side: Height and width of the images.
        batch: Images per step, all devices together.
        steps: Steps of an epoch, a second or two on two cores.
    """

    network: str
    side: int
    batch: int
    steps: int


# SqueezeNet multiplies each weight over four times as often as BaseNet: it computes more for each byte that it sends.
CASES = {
    "basenet-32": Case("basenet", 32, 32, 150),
    "basenet-256": Case("basenet", 32, 256, 30),
    "squeezenet-32": Case("squeezenet1_1", 128, 32, 5),
}


def dataset_of(case: Case) -> "ImageDataset":
    """Returns random images without validation images."""
    from kerasclf.data import ArrayImages, ImageDataset, Subset

    count = case.batch * case.steps
    images = np.random.default_rng(0).integers(0, 256, (count, case.side, case.side, 3), np.uint8)
    train = Subset(ArrayImages(images), np.arange(count) % CLASSES, tuple(map(str, range(count))))
    empty = train.take(np.arange(0))
    return ImageDataset("random", "random pixels", tuple(map(str, range(CLASSES))), train, empty, empty)


def recipe_of(case: Case, strategy: str) -> "Recipe":
    from kerasclf import Augmentation, TrainConfig
    from kerasclf.models import PUBLISHED, build
    from kerasclf.training.recipe import Recipe

    config = TrainConfig(
        epochs=1 + EPOCHS, batch_size=case.batch, optimizer="sgd", learning_rate=1e-4, momentum=0.9, strategy=strategy
    )
    scale = None if case.network in PUBLISHED else 1 / 255
    return Recipe(
        functools.partial(build, case.network),
        (config,),
        augmentation=Augmentation(horizontal_flip=True, rescale=scale),
    )


def measure(case: Case, strategy: str) -> dict[str, float]:
    """Returns the images/s, the weights, the seconds of an exchange and the bytes that a step sends."""
    import keras

    from kerasclf.training.devices import make_strategy
    from kerasclf.training.train import train

    keras.backend.clear_session()
    before = _sent_bytes()
    trained = train(dataset_of(case), recipe_of(case, strategy))
    sent = _sent_bytes() - before
    weights = sum(weight.shape.num_elements() for weight in trained.model.trainable_weights)
    return {
        "rate": statistics.median(trained.history["images_per_second"].iloc[1:]),
        "weights": weights,
        "exchange_s": 0.0 if strategy == "none" else exchange_s(make_strategy(strategy), weights),
        "sent": sent / (case.steps * (1 + EPOCHS)),
    }


def exchange_s(strategy: "tf.distribute.Strategy", weights: int) -> float:
    """Returns the median of the seconds in which the devices add up the gradients of a step, and three single numbers.

    Args:
        strategy: The strategy of the devices.
        weights: Number of the weights.
    """
    import tensorflow as tf

    def of_replica() -> list[tf.Tensor]:
        context = tf.distribute.get_replica_context()
        now = tf.cast(tf.timestamp(), tf.float32)  # nothing that TensorFlow could compute in advance
        return [context.all_reduce(tf.distribute.ReduceOp.SUM, tf.fill((n,), now)) for n in (weights, 1, 1, 1)]

    exchange = tf.function(lambda: strategy.run(of_replica), autograph=False)
    seconds = []
    for _ in range(EXCHANGES):
        began = time.perf_counter()
        exchange()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _sent_bytes() -> int:
    """Returns the bytes that all processes have sent through the loopback interface; 0 where there is none."""
    import psutil

    counters = psutil.net_io_counters(pernic=True)
    return sum(counters[name].bytes_sent for name in ("lo", "lo0") if name in counters)


def contest(contestant: str, cases: Sequence[str]) -> None:
    """Measures some cases in this process, and prints the results as JSON."""
    if contestant != "two workers":
        print(json.dumps(_measure_all(CONTESTANTS[contestant], cases)))
        return
    from kerasclf.commands.launch import free_addresses

    hosts = ",".join(free_addresses(2))
    words = [sys.executable, "-m", "benchmarks.devices", "--worker", hosts, "--only", *cases]
    other = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        print(json.dumps(work(hosts, 0, cases)))
        other.wait(30)
    finally:
        other.kill()


def work(hosts: str, index: int, cases: Sequence[str]) -> dict[str, dict[str, float]]:
    """Measures some cases as one of two workers, on its half of the cores."""
    if hasattr(os, "sched_setaffinity") and len(cores := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(0, cores[index::2])
    join(Cluster(tuple(hosts.split(",")), index))
    return _measure_all("multiworker", cases)


def _measure_all(strategy: str, cases: Sequence[str]) -> dict[str, dict[str, float]]:
    from kerasclf.quiet import quiet_tensorflow

    quiet_tensorflow()
    import tensorflow as tf

    if strategy == "mirrored":
        device = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
    return {name: measure(CASES[name], strategy) for name in cases}


def row(name: str, found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Returns the row of a case.

    Args:
        name: Its name.
        found: The results of each contestant, one for each round.
    """
    case, one = CASES[name], found["one process"]
    cells = [case.network, str(case.batch), f"{median(one, 'rate'):,.0f}"]
    for contestant in ("two devices", "two workers"):
        results = found[contestant]
        share = median(results, "exchange_s") / (case.batch / median(results, "rate"))
        cells += [f"{median(results, 'rate'):,.0f}", ratio(results, one, "rate"), f"{100 * share:.0f} %"]
    return [*cells, f"{4 * one[0]['weights'] / 1e6:.2f}", f"{median(found['two workers'], 'sent') / 1e6:.2f}"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contestant", nargs="?", choices=list(CONTESTANTS), help=argparse.SUPPRESS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES))
    options = parser.parse_args(arguments)
    if options.worker:
        work(options.worker, 1, options.only)
        return
    if options.contestant:
        contest(options.contestant, options.only)
        return
    found = in_turns(
        "benchmarks.devices", [(contestant, "--only", *options.only) for contestant in CONTESTANTS], options.rounds
    )
    by_contestant = {key[0]: results for key, results in found.items()}
    print_table(
        ["network", "batch", "one process, images/s", "two devices", "ratio (range)", "exchange, of the step",
         "two workers", "ratio (range)", "exchange, of the step", "gradients, MB", "sent by both workers a step, MB"],
        [row(name, {key: [one[name] for one in results] for key, results in by_contestant.items()})
         for name in options.only],
    )  # fmt: skip


if __name__ == "__main__":
    main()
