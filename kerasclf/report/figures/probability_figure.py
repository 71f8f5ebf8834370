"""The figure of an experiment's probabilities: reliability, accuracy against coverage, ROC and precision-recall."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from kerasclf.inference.calibration.calibration import reliability
from kerasclf.inference.calibration.probability_curves import ClassCurves, accuracy_by_coverage
from kerasclf.notebook_figure import NotebookFigure
from kerasclf.report.figures.themes import color_of, line_of, settings, soft
from kerasclf.report.probabilities import TrustedProbabilities, pooled

_NARROW = 4.4  # inches; the text stays legible on a phone
_PANEL = 3.2


def draw_probabilities(found: TrustedProbabilities, theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws the probabilities of all runs on the test images. Images of one class have no ROC curve."""
    labels, probabilities = pooled(found.best)
    curves = found.curves
    panels = 2 if curves is None else 4
    with matplotlib.rc_context(settings(theme)):
        rows, columns = (panels, 1) if narrow else (panels // 2, 2)
        figure = NotebookFigure(figsize=(_NARROW if narrow else 8, _PANEL * rows))
        axes = figure.subplots(rows, columns).ravel()
        _draw_reliability(axes[0], found, theme)
        _draw_coverage(axes[1], labels, probabilities, theme)
        if curves is not None:
            _draw_roc(axes[2], curves, theme)
            _draw_precision(axes[3], curves, theme)
        for one in axes:
            one.xaxis.set_major_formatter(PercentFormatter(1, 0))
            one.yaxis.set_major_formatter(PercentFormatter(1, 0))
        return figure


def _draw_reliability(axes: Axes, found: TrustedProbabilities, theme: str) -> None:
    axes.plot([0, 1], [0, 1], color=soft(theme), linewidth=1, linestyle=":", label="perfect")
    for index, (form, runs) in enumerate(found.forms.items()):
        points = reliability(*pooled(runs))
        axes.plot(
            points.confidence, points.accuracy, marker="os"[index], markersize=4, label=form,
            **line_of(index, len(found.forms), theme),
        )  # fmt: skip
    _finish(axes, "Reliability", "confidence", "accuracy")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)


def _draw_coverage(axes: Axes, labels: np.ndarray, probabilities: np.ndarray, theme: str) -> None:
    curve = accuracy_by_coverage(labels, probabilities)
    axes.plot(curve.coverage, curve.accuracy, color=color_of(0, theme))
    _finish(axes, "Accuracy against coverage", "share of images answered", "accuracy of the answers", legend=False)
    axes.set_xlim(0, 1.02)
    low = min(float(curve.accuracy.min()), 0.95)
    axes.set_ylim(low - 0.03 * (1 - low), 1 + 0.03 * (1 - low))


def _draw_roc(axes: Axes, curves: ClassCurves, theme: str) -> None:
    axes.plot([0, 1], [0, 1], color=soft(theme), linewidth=1, linestyle=":", label="chance")
    for index, (name, rate, area) in enumerate(
        zip(("macro", "micro"), (curves.roc_macro, curves.roc_micro), curves.auc, strict=True)
    ):
        axes.plot(curves.points, rate, label=f"{name}: area {area:.3f}", **line_of(index, 2, theme))
    _finish(axes, "ROC, each class against the others", "false positive rate", "true positive rate")


def _draw_precision(axes: Axes, curves: ClassCurves, theme: str) -> None:
    precisions = (curves.precision_macro, curves.precision_micro)
    for index, (name, precision, area) in enumerate(
        zip(("macro", "micro"), precisions, curves.average_precision, strict=True)
    ):
        axes.plot(curves.points, precision, label=f"{name}: average {area:.3f}", **line_of(index, 2, theme))
    _finish(axes, "Precision and recall", "recall", "precision")
    axes.set_ylim(0, 1.02)


def _finish(axes: Axes, title: str, x: str, y: str, legend: bool = True) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if legend:
        axes.legend(frameon=False, fontsize=8)
