"""The figure of a training."""

from kerasclf.training.history_figure import draw_history

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


def test_without_a_number_of_epochs_the_axes_end_at_the_last_row():
    loss, accuracy = draw_history(ROWS).axes
    assert loss.get_xlim() == accuracy.get_xlim() == (1, 2)
