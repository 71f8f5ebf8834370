"""The figure of a search for a learning rate."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from kerasclf.report.themes import color_of, settings, soft
from kerasclf.training.rate_curve import RateCurve

# Losses beyond this many times the range of the averaged ones' fall, when the training diverges, are cut off.
_MOST_RISE = 1.5


def draw_rate_curve(curve: RateCurve, theme: str = "light") -> Figure:
    """Draws the loss by learning rate, each step's and averaged, and marks the rate that is proposed."""
    with matplotlib.rc_context(settings(theme)):
        figure = Figure(figsize=(8, 4.2))
        axes = figure.subplots()
        axes.plot(curve.rates, curve.losses, ".", color=soft(theme), markersize=4, alpha=0.6, label="each step")
        axes.plot(curve.smoothed_rates, curve.smoothed, color=color_of(0, theme), linewidth=1.8, label="averaged")
        axes.axvline(
            curve.proposed, color=color_of(1, theme), linewidth=1.2,
            label=f"proposed: {curve.proposed:.2g}, where it falls fastest",
        )  # fmt: skip
        axes.axvline(
            curve.tenth_of_minimum, color=soft(theme), linewidth=1.2, linestyle="--",
            label=f"a tenth of the minimum's: {curve.tenth_of_minimum:.2g}",
        )  # fmt: skip
        axes.set_xscale("log")
        axes.set_ylim(*_limits(curve))
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss (nats)")
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        return figure


def _limits(curve: RateCurve) -> tuple[float, float]:
    """Returns a range in which the fall can be seen, however high the loss rises after it."""
    least = int(np.argmin(curve.smoothed))
    low, start = float(curve.losses.min()), float(curve.losses[: least + 1].max())
    fall = max(start - low, 1e-6)
    return low - 0.05 * fall, min(float(curve.losses.max()), low + _MOST_RISE * fall) + 0.05 * fall
