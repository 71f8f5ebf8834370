"""Live curves: what is drawn, where it is written, and that a notebook shows one picture and not twenty."""

import functools
import io
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from kerasclf import Augmentation, TrainConfig
from kerasclf.models import build
from kerasclf.runs.metrics import macro_f1
from kerasclf.training import history_figure as history_picture
from kerasclf.training import live_curves as live
from kerasclf.training.history_figure import Screen, draw_history, in_notebook
from kerasclf.training.live_curves import LiveCurves
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import train

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


@pytest.fixture
def notebook(monkeypatch):
    """As in a notebook: what is displayed, with the number of its place."""
    history_picture.png_of(draw_history(ROWS))  # with the first one matplotlib looks for the real IPython, once
    shown = []

    class Handle:
        def __init__(self, place):
            self.place = place

        def update(self, picture):
            shown.append((self.place, picture.data))

    def display(picture, display_id):
        handle = Handle(len({place for place, _ in shown}))
        handle.update(picture)
        return handle

    shell, screen = ModuleType("IPython"), ModuleType("IPython.display")
    shell.get_ipython = lambda: SimpleNamespace(kernel=True)
    screen.display, screen.Image = display, SimpleNamespace
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", screen)
    return shown


def test_a_notebook_shows_each_picture_in_the_place_of_the_last(notebook):
    assert in_notebook()
    one, other = Screen(), Screen()
    for screen, picture in ((one, b"1"), (one, b"2"), (other, b"3")):
        screen.show(picture)
    assert notebook == [(0, b"1"), (0, b"2"), (1, b"3")]


def test_elsewhere_nothing_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()
    Screen().show(b"nothing")
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


def fit(dataset, *callbacks, epochs=3):
    config = TrainConfig(epochs=epochs, batch_size=32, macro_f1=True)
    recipe = Recipe(functools.partial(build, "mlp"), (config,), augmentation=Augmentation(rescale=1 / 255))
    return train(dataset, recipe, callbacks=callbacks)


def test_the_callback_looks_on_and_leaves_whole_pictures(dataset, tmp_path, notebook, monkeypatch):
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    curves = LiveCurves(tmp_path / "deep" / "curves.png", "grey levels")
    trained = fit(dataset, curves)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["curves.png"]
    with Image.open(tmp_path / "deep" / "curves.png") as picture:
        assert picture.width == 3 * 460  # loss, accuracy, macro F1
    assert len(notebook) == 4  # an epoch each, and the end
    assert {place for place, _ in notebook} == {0}
    with Image.open(io.BytesIO(notebook[0][1])) as picture:
        assert picture.format == "PNG"
    history = trained.history
    for name in ("loss", "accuracy", "val_loss", "macro_f1", "val_macro_f1"):
        np.testing.assert_array_equal([row[name] for row in curves.rows], history[name])
    # Followed over the epochs it is what sklearn makes of the predictions.
    expected = macro_f1(dataset.validation.labels, trained.predict(dataset.validation))
    assert history["val_macro_f1"].iloc[-1] == pytest.approx(expected, abs=1e-6)
    unseen = fit(dataset)
    for one, other in zip(trained.model.get_weights(), unseen.model.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_quick_epochs_are_not_all_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "EVERY_S", 1e9)
    drawn = []
    monkeypatch.setattr(live, "png_of", lambda figure: drawn.append(figure) or history_picture.png_of(figure))
    curves = LiveCurves(tmp_path / "curves.png")
    curves._drawn = live.time.monotonic()
    for epoch in range(3):
        curves.on_epoch_end(epoch, {"loss": 1.0})
    assert not drawn
    curves.on_train_end()
    assert len(drawn[0].axes[0].lines[0].get_xdata()) == 3
