"""How often the 95 % intervals of balanced accuracy and macro F1 cover the truth, for one run and unequal classes.

    python -m benchmarks.balanced_intervals [--studies 2000]

The truth is that of all images like these. "scores" is the interval from the spread of the scores of single images, as
for a mean. "square and add" combines Wilson's intervals of the classes; a report shows it.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from kerasclf.report.statistics.intervals import Interval, balanced_interval
from kerasclf.report.statistics.random_effects import mean_of, summarise_scores
from kerasclf.report.statistics.scores import macro_f1_scores, recall_scores
from kerasclf.runs.metrics import macro_f1

# Test images and true recall of each class.
CASES = (
    *(((100, rare), (0.95, 0.7)) for rare in (2, 5, 10, 20, 100)),
    ((300, 60, 10, 10), (0.9, 0.8, 0.6, 0.5)),
)


def predictions(
    rng: np.random.Generator, labels: NDArray[np.int64], recalls: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns one-hot predictions: the true class as often as its recall says, otherwise the next class."""
    correct = rng.random(len(labels)) < recalls[labels]
    return np.asarray(np.eye(len(recalls))[np.where(correct, labels, (labels + 1) % len(recalls))])


def coverage(counts: NDArray[np.int64], recalls: NDArray[np.float64], studies: int) -> dict[str, float]:
    """Returns the shares of simulated studies in which each interval covers the truth."""
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(len(counts)), counts)
    many = np.repeat(labels, 2000)
    true_f1, covered = macro_f1(many, predictions(rng, many, recalls)), dict.fromkeys(INTERVALS, 0)
    for _ in range(studies):
        predicted = predictions(rng, labels, recalls)
        for name, interval_of in INTERVALS.items():
            found = interval_of(labels, predicted)
            truth = true_f1 if name == "macro F1" else recalls.mean()
            covered[name] += found.low <= truth <= found.high
    return {name: count / studies for name, count in covered.items()}


def _square_and_add(labels: NDArray[np.int64], predicted: NDArray[np.float64]) -> Interval:
    counts, correct = np.bincount(labels), predicted.argmax(axis=1) == labels
    return balanced_interval(counts, np.bincount(labels, weights=correct) / counts)


def _from_scores(labels: NDArray[np.int64], predicted: NDArray[np.float64]) -> Interval:
    return mean_of(summarise_scores(recall_scores(labels, predicted)[None]))


def _macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.float64]) -> Interval:
    return mean_of(summarise_scores(macro_f1_scores(labels, predicted)[None]))


INTERVALS = {
    "square and add": _square_and_add,
    "scores": _from_scores,
    "macro F1": _macro_f1,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies of each kind (default: 2000)")
    studies = parser.parse_args().studies
    for counts, recalls in CASES:
        shares = coverage(np.array(counts), np.array(recalls), studies)
        text = "  ".join(f"{name} {share:.3f}" for name, share in shares.items())
        print(f"{' + '.join(map(str, counts))} images  {text}", flush=True)


if __name__ == "__main__":
    main()
