"""How often a 95 % interval covers the truth: Student's t over the seeds, and the interval over seeds and test images.

    python -m benchmarks.intervals [--studies 2000] [--figure docs/images/coverage.svg]

Simulated studies follow a probit model. A run is better or worse by its seed, a test image is easier or harder for all
runs. The truth is the accuracy over all seeds and all images like these.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from kerasclf.files.writing import write_bytes
from kerasclf.report.figures.themes import figure_bytes
from kerasclf.report.statistics.random_effects import difference_of, mean_of, prediction, summarise_scores

ACCURACY, IMAGE_DEVIATION = 0.6, 1.5
# The threshold at which 60 % of the verdicts are right, and the accuracy per unit of it.
THRESHOLD = float(stats.norm.ppf(ACCURACY)) * float(np.hypot(1, IMAGE_DEVIATION))
SLOPE = float(stats.norm.pdf(stats.norm.ppf(ACCURACY))) / float(np.hypot(1, IMAGE_DEVIATION))

SEED_POINTS = (0.2, 1.0, 2.0, 3.0)
RUNS = (2, 3, 5, 10)
IMAGES = (100, 500, 2500)


def verdicts(
    rng: np.random.Generator, runs: int, images: NDArray[np.float64], seed_points: float, better_by: float = 0.0
) -> NDArray[np.float64]:
    """Returns simulated verdicts, 1 for right and 0 for wrong, shape (runs, images).

    Args:
        rng: Source of chance.
        runs: Number of runs.
        images: How easy each test image is, in standard deviations of the noise.
        seed_points: Standard deviation of the accuracy from seed to seed, in points.
        better_by: Accuracy that all runs gain, as a share.
    """
    skill = THRESHOLD + better_by / SLOPE + rng.normal(0, seed_points / 100 / SLOPE, (runs, 1))
    return (skill + images + rng.normal(size=(runs, len(images))) > 0).astype(np.float64)


def easiness(rng: np.random.Generator, images: int) -> NDArray[np.float64]:
    """Returns how easy each of some test images is."""
    return rng.normal(0, IMAGE_DEVIATION, images)


def true_accuracy(seed_points: float) -> float:
    """Returns the accuracy over all seeds and images."""
    deviation = np.sqrt(1 + IMAGE_DEVIATION**2 + (seed_points / 100 / SLOPE) ** 2)
    return float(stats.norm.cdf(THRESHOLD / deviation))


def coverage(runs: int, images: int, seed_points: float, studies: int) -> dict[str, float]:
    """Returns the shares of simulated studies in which each interval covers the truth, and the rates of errors."""
    rng, truth = np.random.default_rng(0), true_accuracy(seed_points)
    counts = dict.fromkeys(("t over seeds", "seeds and images", "prediction", "false findings"), 0)
    for _ in range(studies):
        easy = easiness(rng, images)
        one, other = (summarise_scores(verdicts(rng, runs, easy, seed_points)) for _ in range(2))
        low, high = _t_interval(verdicts(rng, runs, easy, seed_points).mean(axis=1))
        counts["t over seeds"] += low <= truth <= high
        interval, expected = mean_of(one), prediction(one)
        counts["seeds and images"] += interval.low <= truth <= interval.high
        one_more = verdicts(rng, 1, easiness(rng, images), seed_points).mean()
        assert expected is not None
        counts["prediction"] += expected.low <= one_more <= expected.high
        counts["false findings"] += difference_of(one, other).p < 0.05
    return {name: count / studies for name, count in counts.items()}


def _t_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return values.mean() - half, values.mean() + half


def draw(found: dict[tuple[int, int, float], dict[str, float]]) -> Figure:
    """Draws the coverage of both intervals over the number of runs, one panel per number of test images."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    for axes, images in zip(figure.subplots(1, len(IMAGES), sharey=True), IMAGES, strict=True):
        for name, marker in (("t over seeds", "o--"), ("seeds and images", "s-")):
            shares = [[found[runs, images, points][name] for points in SEED_POINTS] for runs in RUNS]
            (line,) = axes.plot(RUNS, np.mean(shares, axis=1), marker, label=f"95 % interval, {name}")
            axes.fill_between(RUNS, np.min(shares, axis=1), np.max(shares, axis=1), color=line.get_color(), alpha=0.2)
        axes.axhline(0.95, color="grey", linewidth=1)
        axes.set_title(f"{images:,} test images")
        axes.set_xlabel("runs")
        axes.set_xticks(RUNS)
    figure.axes[0].set_ylabel("share that covers the truth")
    figure.axes[0].yaxis.set_major_formatter("{x:.0%}")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies of each kind (default: 2000)")
    parser.add_argument("--figure", type=Path, help="also draw the coverage into this file")
    options = parser.parse_args()
    found = {}
    for images in IMAGES:
        for runs in RUNS:
            for points in SEED_POINTS:
                shares = found[runs, images, points] = coverage(runs, images, points, options.studies)
                text = "  ".join(f"{name} {share:.3f}" for name, share in shares.items())
                print(f"{images:5,} images  {runs:2} runs  seeds vary by {points} points  {text}", flush=True)
    if options.figure:
        write_bytes(options.figure, figure_bytes(draw(found), options.figure.suffix.removeprefix(".")))


if __name__ == "__main__":
    main()
