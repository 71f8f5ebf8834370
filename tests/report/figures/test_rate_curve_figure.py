"""The figure of the learning-rate finder."""

import numpy as np
import pytest

from kerasclf.report.figures.rate_curve_figure import draw_rate_curve
from kerasclf.report.figures.themes import THEMES, figure_bytes
from kerasclf.training.rate_curve import make_curve, rising_rates


@pytest.mark.parametrize("theme", THEMES)
def test_the_proposal_is_marked(theme):
    rates = rising_rates(1e-6, 1.0, 100)
    losses = 3 - np.clip(np.log10(rates) + 4, 0, 2) + np.where(rates > 0.1, 500 * rates, 0)
    curve = make_curve(rates, losses)
    figure = draw_rate_curve(curve, theme)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Learning rate",
        "Loss (cross-entropy; lower is better)",
    )
    assert curve.proposed in [line.get_xdata()[0] for line in axes.lines]
    assert axes.get_ylim()[1] < 6  # the diverging losses are cut off
    assert figure_bytes(figure, "png").startswith(b"\x89PNG")
