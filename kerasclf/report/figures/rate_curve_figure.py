"""The figure of the learning-rate finder."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from kerasclf.report.figures.themes import color_of, settings, soft
from kerasclf.training.history_figure import METRIC_LABELS
from kerasclf.training.rate_curve import RateCurve

# The axis ends at this multiple of the loss's fall: a diverging loss would hide it.
_MAX_RISE = 1.5


def draw_rate_curve(curve: RateCurve, theme: str = "light") -> Figure:
    """Draws the loss of each step and its moving average over the learning rate, and marks the proposed rate."""
    with matplotlib.rc_context(settings(theme)):
        figure = Figure(figsize=(8, 4.2))
        axes = figure.subplots()
        axes.plot(curve.rates, curve.losses, ".", color=soft(theme), markersize=4, alpha=0.6, label="each step")
        axes.plot(curve.smoothed_rates, curve.smoothed, color=color_of(0, theme), linewidth=1.8, label="averaged")
        axes.axvline(
            curve.proposed, color=color_of(1, theme), linewidth=1.2,
            label=f"proposed: {curve.proposed:.2g} (steepest fall)",
        )  # fmt: skip
        axes.axvline(
            curve.tenth_of_minimum, color=soft(theme), linewidth=1.2, linestyle="--",
            label=f"a tenth of the rate at the minimum: {curve.tenth_of_minimum:.2g}",
        )  # fmt: skip
        axes.set_xscale("log")
        axes.set_ylim(*_limits(curve))
        axes.set_xlabel("Learning rate")
        axes.set_ylabel(METRIC_LABELS["loss"])
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        return figure


def _limits(curve: RateCurve) -> tuple[float, float]:
    """Returns limits that show the fall of the loss, however far it rises afterwards."""
    lowest = int(np.argmin(curve.smoothed))
    low, start = float(curve.losses.min()), float(curve.losses[: lowest + 1].max())
    fall = max(start - low, 1e-6)
    return low - 0.05 * fall, min(float(curve.losses.max()), low + _MAX_RISE * fall) + 0.05 * fall
