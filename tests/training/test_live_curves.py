"""`LiveCurves`: the figures it shows and writes. The training does not change."""

import functools
import io

import numpy as np
import pytest
from PIL import Image

from kerasclf import Augmentation, TrainConfig
from kerasclf.models import build
from kerasclf.notebook_figure import png_of
from kerasclf.runs.metrics import macro_f1
from kerasclf.training import live_curves as live
from kerasclf.training.live_curves import LiveCurves
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import train


def fit(dataset, *callbacks, epochs=3):
    config = TrainConfig(epochs=epochs, batch_size=32, macro_f1=True)
    recipe = Recipe(functools.partial(build, "mlp"), (config,), augmentation=Augmentation(rescale=1 / 255))
    return train(dataset, recipe, callbacks=callbacks)


@pytest.mark.slow
def test_the_callback_writes_figures_and_does_not_change_the_training(dataset, tmp_path, notebook, monkeypatch):
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    curves = LiveCurves(tmp_path / "deep" / "curves.png", "grey levels")
    trained = fit(dataset, curves)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["curves.png"]
    with Image.open(tmp_path / "deep" / "curves.png") as picture:
        assert picture.width == 3 * 460  # loss, accuracy, macro F1
    assert len(notebook) == 4  # one per epoch, and one at the end
    assert {number for number, _ in notebook} == {0}
    with Image.open(io.BytesIO(notebook[0][1])) as picture:
        assert picture.format == "PNG"
    history = trained.history
    for name in ("loss", "accuracy", "val_loss", "macro_f1", "val_macro_f1"):
        np.testing.assert_array_equal([row[name] for row in curves.rows], history[name])
    # The metric of Keras equals that of scikit-learn on the predictions.
    expected = macro_f1(dataset.validation.labels, trained.predict(dataset.validation))
    assert history["val_macro_f1"].iloc[-1] == pytest.approx(expected, abs=1e-6)
    unseen = fit(dataset)
    for one, other in zip(trained.model.get_weights(), unseen.model.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_not_every_quick_epoch_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "EVERY_S", 1e9)
    drawn = []
    monkeypatch.setattr(live, "png_of", lambda figure: drawn.append(figure) or png_of(figure))
    curves = LiveCurves(tmp_path / "curves.png")
    curves._drawn = live.time.monotonic()
    for epoch in range(3):
        curves.on_epoch_end(epoch, {"loss": 1.0})
    assert not drawn
    curves.on_train_end()
    assert len(drawn[0].axes[0].lines[0].get_xdata()) == 3
