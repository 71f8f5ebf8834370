"""ImageNet's normalisation inside the model."""

import keras
import numpy as np

from kerasclf.models import build


def test_pixels_become_what_networks_were_trained_on():
    below = keras.Model(
        *(lambda model: (model.input, model.get_layer("preprocess").output))(build("resnet18", (8, 8, 3), 2))
    )
    pixels = np.full((1, 8, 8, 3), 255.0)
    np.testing.assert_allclose(
        below(pixels)[0, 0, 0], [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], rtol=1e-5
    )
    names = [layer.name for layer in build("resnet18", (8, 8, 4), 2, {"preprocess": None}).layers]
    assert "preprocess" not in names
