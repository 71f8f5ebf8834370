"""Simulates intervals of an accuracy on images in groups, as in docs/explanation/statistics.md. Needs no TensorFlow.

python -m benchmarks.group_intervals
"""

import numpy as np
from numpy.typing import NDArray

from kerasclf.report.statistics.intervals import accuracy_interval

STUDIES = 2000
IMAGES = 10  # of each group, or on average


def coverage(groups: int, alike: float, accuracy: float, is_uneven: bool) -> tuple[float, float]:
    """Returns the share of intervals that cover the accuracy: those over groups, and those over images.

    Args:
        groups: Number of groups.
        alike: Correlation of two images of a group.
        accuracy: The true accuracy.
        is_uneven: Whether the sizes of groups have a geometric distribution. Otherwise all are equal.
    """
    rng, covered = np.random.default_rng(0), np.zeros(2)
    for _ in range(STUDIES):
        sizes = rng.geometric(1 / IMAGES, groups) if is_uneven else np.full(groups, IMAGES)
        numbers = np.repeat(np.arange(groups), sizes)
        correct = rng.random(len(numbers)) < shares(rng, groups, alike, accuracy)[numbers]
        found = accuracy_interval(correct, groups=numbers), accuracy_interval(correct)
        covered += [one.low <= accuracy <= one.high for one in found]
    return float(covered[0] / STUDIES), float(covered[1] / STUDIES)


def shares(rng: np.random.Generator, groups: int, alike: float, accuracy: float) -> NDArray[np.float64]:
    """Returns the probability that an image of each group is correct."""
    if alike == 0:
        return np.full(groups, accuracy)
    if alike == 1:
        return (rng.random(groups) < accuracy).astype(np.float64)
    total = (1 - alike) / alike
    return rng.beta(accuracy * total, (1 - accuracy) * total, groups)


def main() -> None:
    """Prints the table."""
    print("| groups | sizes | accuracy | correlation | over groups | over images |\n|--:|---|--:|--:|--:|--:|")
    for groups in (10, 20, 50):
        for is_uneven in (False, True):
            for accuracy in (0.8, 0.95):
                for alike in (0.0, 0.3, 1.0):
                    over_groups, over_images = coverage(groups, alike, accuracy, is_uneven)
                    sizes = "uneven" if is_uneven else "equal"
                    row = f"{groups} | {sizes} | {accuracy:.0%} | {alike:g} | {over_groups:.1%} | {over_images:.1%}"
                    print(f"| {row} |", flush=True)


if __name__ == "__main__":
    main()
