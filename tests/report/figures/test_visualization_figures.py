"""The figures of kernels, feature maps and Grad-CAM."""

import numpy as np
import pytest

from kerasclf.report.figures.visualization_figures import draw_attention, draw_features, draw_kernels

IMAGE = np.full((32, 32, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((2, 2), "from 2×2 cells, which show only roughly where"),
        ((4, 8), "from 4×8 cells, which show only roughly where"),
        ((7, 7), "from 7×7 cells"),
    ],
)
def test_a_heat_map_says_from_how_many_cells_it_comes(shape, words):
    figure = draw_attention(IMAGE, np.ones(shape, np.float32), "cat (90.0%), by conv2")
    assert words in [axes.get_xlabel() for axes in figure.axes]


@pytest.mark.parametrize("narrow", [False, True])
def test_narrow_figures_have_fewer_columns(narrow):
    kernels = draw_kernels("conv1", np.zeros((3, 3, 3, 16), np.float32), narrow=narrow)
    features = draw_features(IMAGE, [("conv1", "", np.zeros((8, 8, 12), np.float32))], narrow=narrow)
    attention = draw_attention(IMAGE, np.ones((2, 2), np.float32), "cat", narrow=narrow)
    for figure, columns in ((kernels, 8), (features, 8), (attention, 2)):
        grid = figure.axes[0].get_gridspec()
        assert grid.ncols == (columns // 2 if narrow else columns)
        figure.draw_without_rendering()
