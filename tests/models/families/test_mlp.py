"""The perceptron, and multi-layer perceptrons with narrowing widths."""

import keras
import numpy as np
import pytest

from kerasclf.models import mlp, perceptron


@pytest.mark.parametrize(
    ("rule", "widths"),
    [
        ("halving", (1536, 768, 384, 192, 96, 48, 24, 12)),
        ("quartering", (768, 192, 48, 12)),
        ("alternating", (768, 384, 96, 48, 12)),
    ],
)
def test_dense_layers_narrow_by_rule(rule, widths):
    model = mlp((32, 32, 3), 10, hidden=rule)
    assert tuple(layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)) == (*widths, 10)


def test_a_perceptron_starts_undecided_and_is_a_sigmoid():
    model = perceptron()
    np.testing.assert_array_equal(model(np.ones((1, 2))), [[0.5, 0.5]])
    model.get_layer("unit").set_weights([np.array([[1.0], [2.0]]), np.array([-1.0])])
    np.testing.assert_allclose(model(np.array([[0.5, 0.75]]))[0, 1], 1 / (1 + np.exp(-1.0)), rtol=1e-6)
