"""The test accuracy of a new head that starts from logistic regression, beside one that starts from random weights.

    python -m benchmarks.head_start FOLDER --weights WEIGHTS --splits 3

FOLDER and WEIGHTS are those of `benchmarks.time_to_accuracy`, which also divides the images. Each network trains a
head as `kerasclf train` does by default. Both heads of a split share the images, the seed and the cached features.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import print_table
from benchmarks.time_to_accuracy import divide
from kerasclf import Experiment, ImageDataset, load_dataset
from kerasclf.commands.options.train_options import TrainOptions
from kerasclf.quiet import quiet_tensorflow

NETWORKS = ("squeezenet1_1", "mobilenet_v2", "efficientnet_lite0")
STARTS = ("new", "regression")


def accuracy(experiment: Experiment, dataset: ImageDataset, start: str) -> float:
    """Returns the test accuracy of an experiment whose head has another start."""
    from kerasclf.training.train import train

    assert experiment.transfer is not None
    recipe = experiment.but(transfer=experiment.transfer.but(head=start)).recipe(seed=0)
    predicted = train(dataset, recipe).predict(dataset.test).argmax(axis=1)
    return float(np.mean(predicted == dataset.test.labels))


def compare(images: str, weights: str, splits: int) -> dict[str, list[tuple[float, ...]]]:
    """Returns the accuracies of both starts by network, one pair per split."""
    found: dict[str, list[tuple[float, ...]]] = {network: [] for network in NETWORKS}
    for seed in range(splits):
        with tempfile.TemporaryDirectory() as folder:
            divide(images, Path(folder), seed)
            options = TrainOptions(data=f"folder:{folder}", backbone=NETWORKS, weights=(weights,), precision="float32")
            experiments = options.experiments()
            dataset = load_dataset(options.data, image_size=experiments[0].image_size)
            for experiment in experiments:
                pair = tuple(accuracy(experiment, dataset, start) for start in STARTS)
                found[experiment.model].append(pair)
                print(f"split {seed}, {experiment.model}: {pair[0]:.3f}, {pair[1]:.3f}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--splits", type=int, default=3)
    arguments = parser.parse_args()
    quiet_tensorflow()
    rows = []
    for network, pairs in compare(arguments.images, arguments.weights, arguments.splits).items():
        gains = [after - before for before, after in pairs]
        means = [f"{statistics.mean(column):.3f}" for column in zip(*pairs, strict=True)]
        rows.append([network, *means, f"{min(gains):+.3f} to {max(gains):+.3f}"])
    print_table(["network", "from random weights", "from regression", "gain, range"], rows)


if __name__ == "__main__":
    main()
