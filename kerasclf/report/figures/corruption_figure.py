"""The figure of accuracies on corrupted images: a panel for each corruption, a line for each model."""

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from kerasclf.escaping import for_figure
from kerasclf.notebook_figure import NotebookFigure
from kerasclf.report.evaluation.evaluated_model import EvaluatedModel, correct_of
from kerasclf.report.evaluation.evaluation_results import EvaluationResults
from kerasclf.report.figures.themes import line_of, settings
from kerasclf.report.statistics.intervals import Interval, accuracy_interval

_NARROW = 4.4  # inches; the text stays legible on a phone


def draw_corruptions(evaluation: EvaluationResults, theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws the accuracy of each model against the strength of each corruption; strength 0 is the image as it is."""
    names = list(dict.fromkeys(name for name, _ in evaluation.corrupted))
    models = [model for model in evaluation.models if model.right is not None]
    columns = 2 if narrow else 3
    rows = -(-len(names) // columns)
    with matplotlib.rc_context(settings(theme)):
        figure = NotebookFigure(figsize=(_NARROW if narrow else 9, 0.5 + (1.9 if narrow else 2.5) * rows))
        grid = figure.subplots(rows, columns, sharex=True, sharey=True).ravel()
        for position, (axes, name) in enumerate(zip(grid, names, strict=False)):
            for index, model in enumerate(models):
                _draw(axes, evaluation, model, name, line_of(index, len(models), theme))
            axes.set_title(name)
            axes.set_xticks(range(6))
            if position >= len(names) - columns:
                axes.set_xlabel("strength")
            if position % columns == 0:
                axes.set_ylabel("accuracy")
        grid[0].set_ylim(0, 1.02)
        grid[0].yaxis.set_major_formatter(PercentFormatter(1, 0))
        if len(models) > 1:
            handles, labels = grid[0].get_legend_handles_labels()
            figure.legend(
                handles, labels, loc="outside lower center", ncols=1 if narrow else 3, frameon=False, handlelength=3.5
            )
        return figure


def _draw(axes: Axes, evaluation: EvaluationResults, model: EvaluatedModel, name: str, line: dict[str, Any]) -> None:
    found: list[Interval] = [accuracy_interval(correct_of(evaluation.labels, model.probabilities))]
    found += [d.accuracy for d in evaluation.degradations if (d.model, d.corruption) == (model.name, name)]
    strengths = np.arange(len(found))
    axes.plot(strengths, [one.value for one in found], label=for_figure(model.name), **line)
    axes.fill_between(
        strengths, [one.low for one in found], [one.high for one in found], color=line["color"], alpha=0.15, linewidth=0
    )
