"""The figures of a report, with colours that the colour-blind tell apart."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kerasclf.report.results import ExperimentResults, StudyResults
from kerasclf.studies.metrics import confusion

# Okabe and Ito's palette, without its yellow, which is faint on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7F7F7F")
_STYLES = ("-", "--", ":")
_PUBLISHED = "#555555"

_MOST_NAMED_CLASSES = 60  # more class names than this cannot be read along an axis
_MOST_COUNTED_CLASSES = 30  # the same for figures inside the cells

_SETTINGS = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 150,
}


def draw_bars(results: StudyResults) -> Figure:
    """Draws each experiment's test accuracy: the mean as a bar, every run as a dot, the published figure as a mark."""
    with matplotlib.rc_context(_SETTINGS):
        count = len(results.experiments)
        figure = Figure(figsize=(8, 1.1 + 0.42 * count))
        axes = figure.subplots()
        for place, experiment in enumerate(results.experiments):
            _bar(axes, experiment, place)
        known = [(e.published["accuracy"], i) for i, e in enumerate(results.experiments) if e.published]
        if results.comparable and known:
            axes.plot(*zip(*known, strict=True), "|", color=_PUBLISHED, markersize=18, mew=2.5, label="published")
            axes.legend(loc="lower right", frameon=False)
        axes.set_yticks(range(count), [experiment.name for experiment in results.experiments])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0, min(1.0, axes.get_xlim()[1] * 1.08))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel(f"test accuracy on {results.data_title}{_spread(results)}")
        return figure


def draw_curves(results: StudyResults) -> Figure:
    """Draws loss and accuracy over epochs, training on the left, validation on the right, on shared scales."""
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(10, 6.6))
        grid = figure.subplots(2, 2, sharex=True, sharey="row")
        for place, experiment in enumerate(results.experiments):
            for column, prefix in enumerate(("", "val_")):
                _curve(grid[0, column], experiment, f"{prefix}loss", place)
                _curve(grid[1, column], experiment, f"{prefix}accuracy", place)
        for column, title in enumerate(("training", "validation")):
            grid[0, column].set_title(title)
            grid[1, column].set_xlabel("epoch")
        grid[0, 0].set_ylabel("loss (nats)")
        grid[1, 0].set_ylabel("accuracy")
        grid[1, 0].yaxis.set_major_formatter(PercentFormatter(1))
        grid[1, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        return figure


def draw_confusion(experiment: ExperimentResults) -> Figure:
    """Draws the confusion matrix of an experiment, all its runs together, as shares of each true class."""
    counts = confusion(*experiment.pooled)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = experiment.runs[0].class_names
    with matplotlib.rc_context({**_SETTINGS, "axes.grid": False, "font.size": 8}):
        side = float(np.clip(0.26 * len(names) + 2, 4, 11))
        figure = Figure(figsize=(side + 0.8, side))
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        if len(names) <= _MOST_NAMED_CLASSES:
            axes.set_xticks(range(len(names)), names, rotation=90)
            axes.set_yticks(range(len(names)), names)
        if len(names) <= _MOST_COUNTED_CLASSES:
            _write_shares(axes, shares)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_title(f"{experiment.name}: test images of each class by what they were taken for")
        figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class", format=PercentFormatter(1, 0))
        return figure


def _bar(axes: Axes, experiment: ExperimentResults, place: int) -> None:
    values = experiment.values("test_accuracy")
    mean, right = values.mean(), values.max()
    axes.barh(place, mean, color=_color(place), alpha=0.85, height=0.62)
    if len(values) > 1:
        deviation = values.std(ddof=1)
        right = max(right, mean + deviation)
        axes.errorbar(mean, place, xerr=deviation, color="black", capsize=4, linewidth=1.2)
        axes.plot(values, [place] * len(values), "o", color="white", markeredgecolor="black", markersize=4)
    axes.annotate(f"{mean:.1%}", (right, place), (8, 0), textcoords="offset points", va="center")


def _curve(axes: Axes, experiment: ExperimentResults, column: str, place: int) -> None:
    table = pd.concat([run.history.set_index("epoch")[column] for run in experiment.runs], axis=1)
    mean = table.mean(axis=1)
    style = _STYLES[place // len(COLORS) % len(_STYLES)]
    axes.plot(mean.index, mean, color=_color(place), linestyle=style, label=experiment.name, linewidth=1.6)
    if table.shape[1] > 1:
        axes.fill_between(
            mean.index, table.min(axis=1), table.max(axis=1), color=_color(place), alpha=0.15, linewidth=0
        )


def _write_shares(axes: Axes, shares: np.ndarray) -> None:
    for row, column in np.argwhere(shares >= 0.005):
        value = shares[row, column]
        color = "white" if value < 0.5 else "black"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=color, fontsize=6)


def _color(place: int) -> str:
    return COLORS[place % len(COLORS)]


def _spread(results: StudyResults) -> str:
    runs = max(len(experiment.runs) for experiment in results.experiments)
    return f" (mean of {runs} runs, their standard deviation, each run)" if runs > 1 else " (one run each)"
