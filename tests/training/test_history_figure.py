"""The figure of a training."""

import pytest
from matplotlib.figure import Figure

from kerasclf.training.history_figure import draw_history, limit_outliers

ROWS = [
    {"epoch": 1, "loss": 2.0, "accuracy": 0.2, "val_loss": 2.1, "val_accuracy": 0.3, "learning_rate": 1, "seconds": 1},
    {"epoch": 2, "loss": 1.0, "accuracy": 0.6, "val_loss": 1.5, "val_accuracy": 0.5, "learning_rate": 1, "seconds": 1},
]


def lines(axes):
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_each_metric_has_axes_with_training_and_validation():
    figure = draw_history(ROWS, "a run", epochs=9)
    loss, accuracy = figure.axes
    assert lines(loss) == {"training": [2.0, 1.0], "validation": [2.1, 1.5]}
    assert lines(accuracy) == {"training": [0.2, 0.6], "validation": [0.3, 0.5]}
    assert loss.get_xlim()[1] == 9
    assert figure.get_suptitle() == "a run"


def test_one_epoch_without_validation_can_be_drawn():
    (axes,) = draw_history([{"epoch": 1, "loss": 2.0}]).axes
    assert lines(axes) == {"training": [2.0]}
    assert axes.get_xlim() == (0.5, 1.5)  # not on the border, which would hide the point


def test_numbers_that_hardly_differ_are_written_whole():
    (axes,) = draw_history([{"epoch": epoch, "loss": 2.302 + 1e-5 * epoch} for epoch in (1, 2)]).axes
    axes.figure.draw_without_rendering()
    assert axes.yaxis.get_offset_text().get_text() == ""


def test_without_a_number_of_epochs_the_axes_end_at_the_last_row():
    loss, accuracy = draw_history(ROWS).axes
    assert loss.get_xlim() == accuracy.get_xlim() == (1, 2)


def limit_of(values):
    axes = Figure().subplots()
    axes.plot(values)
    return limit_outliers(axes, values), axes


def test_one_large_loss_does_not_flatten_the_others():
    losses = [2.3, 35.0, 1.5, 1.2, 1.0, 0.9, 0.8, 0.75]
    highest, axes = limit_of(losses)
    assert highest == 2.3
    assert axes.get_ylim() == (0.75 - 0.05 * 1.55, 2.3 + 0.05 * 1.55)
    assert [text.get_text() for text in axes.texts] == ["▲ above this axis, up to 35"]


@pytest.mark.parametrize(
    "losses",
    [
        [4.6 * 0.9**epoch for epoch in range(90)],  # an ordinary curve that ends near 0
        [2.3, 0.5, 0.3, 0.25, 0.2],  # a fast start
        [2.3, 1.0, 35.0],  # a third of all values
        [35.0, 34.0, 33.0],
        [1.0, 1.0, 1.0],
        [float("nan"), 1.0],
        [],
    ],
)
def test_ordinary_curves_are_shown_whole(losses):
    highest, axes = limit_of(losses)
    assert highest is None
    assert not axes.texts


def test_the_figure_of_a_training_cuts_off_a_spike():
    rows = [{"epoch": i + 1, "loss": loss, "val_loss": loss} for i, loss in enumerate([2, 99, 1.8, 1.7, 1.6])]
    (axes,) = draw_history(rows).axes
    assert axes.get_ylim()[1] < 3
    assert axes.get_ylabel() == "Loss (cross-entropy; lower is better)"
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--"]
