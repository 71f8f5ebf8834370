"""The figures of a study's report."""

import math
import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kerasclf.escaping import for_figure
from kerasclf.notebook_figure import NotebookFigure
from kerasclf.report.comparisons import Comparison
from kerasclf.report.experiment_intervals import interval_of
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.figures.themes import color_of, ink, line_of, paper, settings, soft
from kerasclf.report.lessons import LessonResult
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.metrics import confusion
from kerasclf.training.history_figure import METRIC_LABELS, limit_outliers

_MAX_NAMED_CLASSES = 40  # more class names do not fit along an axis
_MAX_NUMBERED_CLASSES = 30  # more numbers do not fit into the cells
_REMARKS = {"validation_accuracy": "validation", "leaked_accuracy": "leaked images"}  # on lessons of several metrics
_NARROW = 4.4  # inches; the text stays legible on a phone


def draw_bars(results: StudyResults, theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws each experiment's test accuracy with its 95 % interval, its single runs, and the published figure.

    If the classes have very different numbers of images, it is the balanced accuracy, without published figures.
    """
    with matplotlib.rc_context(settings(theme)):
        figure = NotebookFigure(figsize=(_NARROW if narrow else 8, _height(1.1, len(results.experiments))))
        axes = figure.subplots()
        for index, experiment in enumerate(results.experiments):
            _bar(axes, results, experiment, index, theme)
        chance = 1 / results.imbalance.classes if results.imbalance else results.chance
        if chance is not None:
            label = f"{'one class for all' if results.imbalance else 'most common class'}: {chance:.1%}"
            axes.axvline(chance, color=soft(theme), linewidth=1, linestyle=":", label=label)
        published = [(e.published["accuracy"], i) for i, e in enumerate(results.experiments) if e.published]
        if results.comparable and published and not results.imbalance:
            label = "published (validation)" if results.published_metric == "validation_accuracy" else "published"
            axes.plot(*zip(*published, strict=True), "|", color=soft(theme), markersize=18, mew=2.5, label=label)
        if axes.get_legend_handles_labels()[1]:
            figure.legend(loc="outside upper right", ncols=2, frameon=False)
        _name_rows(axes, [experiment.name for experiment in results.experiments])
        axes.set_xlim(0, min(1.0, axes.get_xlim()[1] * 1.08))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        size = f", {results.size} size" if results.size != "full" else ""
        label = f"{'Balanced test' if results.imbalance else 'Test'} accuracy on {for_figure(results.data_title)}{size}"
        axes.set_xlabel(
            "\n".join(textwrap.fill(line, 45 if narrow else 90) for line in (label, f"({_basis(results)})"))
        )
        return figure


def draw_differences(comparisons: Sequence[Comparison], theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws differences in test accuracy with their 95 % intervals; a filled dot is statistically significant."""
    with matplotlib.rc_context(settings(theme)):
        figure = NotebookFigure(figsize=(_NARROW if narrow else 8, _height(1.3, len(comparisons))))
        break_line = "\n" if narrow else " "
        names = [f"{c.name}{break_line}− {c.other}" for c in comparisons]
        _differences(figure.subplots(), comparisons, "difference in test accuracy", names, theme)
        return figure


def draw_lessons(lesson_results: Sequence[LessonResult], theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws the effect of each flaw with its 95 % interval; a filled dot is statistically significant."""
    with matplotlib.rc_context(settings(theme)):
        figure = NotebookFigure(figsize=(_NARROW if narrow else 8, _height(1.3, len(lesson_results))))
        axes, break_line = figure.subplots(), "\n" if narrow else " "
        remarks = [_REMARKS.get(one.comparison.metric, "") for one in lesson_results]
        names = [
            f"{one.name}{break_line}({remark})" if remark else one.name
            for one, remark in zip(lesson_results, remarks, strict=True)
        ]
        _differences(
            axes, [one.comparison for one in lesson_results], "accuracy with the flaw − without it", names, theme
        )
        return figure


def draw_curves(results: StudyResults, theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws loss and accuracy over epochs on shared scales, training on the left and validation on the right.

    A narrow figure has them one below the other. A few values that would flatten all curves are cut off and marked.
    """
    with matplotlib.rc_context(settings(theme)):
        metrics = _curve_metrics(results)
        rows, columns = (2 * len(metrics), 1) if narrow else (len(metrics), 2)
        figure = NotebookFigure(figsize=(_NARROW if narrow else 10, 0.8 + (2.5 if narrow else 2.9) * rows))
        grid = figure.subplots(rows, columns, sharex=True).reshape(len(metrics), 2)
        for (training, validation), metric in zip(grid, metrics, strict=True):
            validation.sharey(training)
            validation.tick_params(labelleft=narrow)
            _curves(training, results, metric, theme)
            _curves(validation, results, f"val_{metric}", theme)
            _limit_outliers(training, validation, results, metric, theme)
            for axes in (training, validation)[: 2 if narrow else 1]:
                axes.set_ylabel(textwrap.fill(METRIC_LABELS[metric], 24))
            if metric == "loss":
                training.ticklabel_format(axis="y", useOffset=False)
            else:
                training.yaxis.set_major_formatter(PercentFormatter(1))
        for column, title in enumerate(("Training", "Validation")):
            for axes in grid[:, column] if narrow else grid[:1, column]:
                axes.set_title(title)
        for axes in grid[-1, 1:] if narrow else grid[-1]:
            axes.set_xlabel("Epoch")
        grid[0, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=2 if narrow else 4, frameon=False, handlelength=3.5
        )
        return figure


def draw_confusion(experiment: ExperimentResults, theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws the confusion matrix of an experiment over all its runs, as shares of each true class."""
    counts = confusion(*experiment.pooled)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = experiment.runs[0].class_names
    with matplotlib.rc_context({**settings(theme), "axes.grid": False, "font.size": 8}):
        ticks = list(map(for_figure, names)) if len(names) <= _MAX_NAMED_CLASSES else []
        longest = max(map(len, ticks), default=0)
        side = float(np.clip(0.26 * len(names) + max(2, 1 + 0.07 * longest), 4, 13)) if ticks else 8.0
        side *= 0.75 if narrow else 1
        figure = NotebookFigure(figsize=(side + 0.8, side))
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        axes.set_xticks(range(len(ticks)), ticks, rotation=90)
        axes.set_yticks(range(len(ticks)), ticks)
        if len(names) <= _MAX_NUMBERED_CLASSES:
            _write_shares(axes, shares)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_title(f"{for_figure(experiment.name)}: confusion matrix on the test set")
        figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class", format=PercentFormatter(1, 0))
        return figure


def _curve_metrics(results: StudyResults) -> list[str]:
    """Returns the metrics that every run logged per epoch."""
    columns = [set(run.history.columns) for run in results.all_runs]
    return ["loss", "accuracy", *["macro_f1"] * all("macro_f1" in names for names in columns)]


def _bar(axes: Axes, results: StudyResults, experiment: ExperimentResults, row: int, theme: str) -> None:
    metric = results.leading_metric
    values, accuracy = experiment.values(metric), interval_of(results, experiment, metric)
    axes.barh(row, accuracy.value, color=color_of(row, theme), alpha=0.85, height=0.62)
    axes.errorbar(
        accuracy.value, row, xerr=[[accuracy.value - accuracy.low], [accuracy.high - accuracy.value]],
        color=ink(theme), capsize=4, linewidth=1.2,
    )  # fmt: skip
    if len(values) > 1:
        axes.plot(values, [row] * len(values), "o", color=paper(theme), markeredgecolor=ink(theme), markersize=4)
    right = max(accuracy.high, values.max())
    axes.annotate(f"{accuracy.value:.1%}", (right, row), (8, 0), textcoords="offset points", va="center")


def _differences(axes: Axes, comparisons: Sequence[Comparison], title: str, names: list[str], theme: str) -> None:
    for row, comparison in enumerate(comparisons):
        _difference(axes, comparison, row, theme)
    axes.axvline(0, color=ink(theme), linewidth=1)
    axes.set_title(title)
    axes.set_xlabel("difference, points (95 % interval)")
    _name_rows(axes, names)


def _difference(axes: Axes, comparison: Comparison, row: int, theme: str) -> None:
    difference = comparison.difference
    if math.isnan(difference.low):
        return
    color = color_of(0, theme) if comparison.significant else soft(theme)
    fill = color if comparison.significant else paper(theme)
    axes.errorbar(
        100 * difference.value, row,
        xerr=[[100 * (difference.value - difference.low)], [100 * (difference.high - difference.value)]],
        fmt="o", color=color, capsize=4, markersize=7, markerfacecolor=fill,
    )  # fmt: skip


def _curves(axes: Axes, results: StudyResults, column: str, theme: str) -> None:
    """Draws the mean of each experiment over its runs, and a band from the lowest to the highest run."""
    for index, experiment in enumerate(results.experiments):
        table = _history(experiment, column)
        mean, line = table.mean(axis=1), line_of(index, len(results.experiments), theme)
        axes.plot(mean.index, mean, label=for_figure(experiment.name), **line)
        if table.shape[1] > 1:
            band = {"color": line["color"], "alpha": 0.15, "linewidth": 0}
            axes.fill_between(mean.index, table.min(axis=1), table.max(axis=1), **band)


def _limit_outliers(training: Axes, validation: Axes, results: StudyResults, metric: str, theme: str) -> None:
    """Cuts off values that would flatten all curves, and marks their epochs at the upper edge."""
    panels = [(training, metric), (validation, f"val_{metric}")]
    tables = [(axes, [_history(experiment, column) for experiment in results.experiments]) for axes, column in panels]
    values = np.concatenate([table.to_numpy().ravel() for _, of_panel in tables for table in of_panel])
    highest = limit_outliers(training, values)
    if highest is None:
        return
    for axes, of_panel in tables:
        for index, table in enumerate(of_panel):
            epochs = table.index[table.max(axis=1) > highest]
            if len(epochs) == 0:  # The layout fails with an empty line outside the axes.
                continue
            axes.plot(
                epochs, [1.0] * len(epochs), "^", color=color_of(index, theme), markersize=6, clip_on=False,
                transform=axes.get_xaxis_transform(),
            )  # fmt: skip


def _history(experiment: ExperimentResults, column: str) -> pd.DataFrame:
    """Returns a column of the histories, one row per epoch and one column per run."""
    return pd.concat([run.history.set_index("epoch")[column] for run in experiment.runs], axis=1)


def _height(margin: float, rows: int) -> float:
    """Returns the height of a figure with so many rows, in inches. matplotlib cannot draw more than 400 inches."""
    return min(margin + 0.42 * rows, 200.0)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    # A name in a narrow figure takes two lines.
    axes.set_yticks(range(len(names)), ["\n".join(map(for_figure, name.split("\n"))) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)


def _write_shares(axes: Axes, shares: np.ndarray) -> None:
    for row, column in np.argwhere(shares >= 0.005):
        value = shares[row, column]
        color = "white" if value < 0.5 else "black"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=color, fontsize=6)


def _basis(results: StudyResults) -> str:
    runs = sorted({len(experiment.runs) for experiment in results.experiments})
    if runs[-1] > 1:
        count = f"{runs[0]} to {runs[-1]}" if len(runs) > 1 else runs[0]
        return f"mean of {count} runs with 95 % interval; dots: single runs"
    return "one run each, with 95 % interval over the test images"
