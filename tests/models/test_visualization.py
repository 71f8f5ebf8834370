"""Kernels, feature maps and Grad-CAM against values computed by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.errors import KerasclfError
from kerasclf.models import basenet
from kerasclf.models.visualization import feature_maps, grad_cam, kernels
from kerasclf.pipeline import Augmentation
from kerasclf.training.assembly import Blueprint


def raw_model(shape=(16, 20, 3), classes=3):
    """A run's model: raw pixels, normalisation, network."""
    network = Blueprint(basenet, shape, classes, Augmentation(rescale=1 / 255)).assemble()
    return network.model, network.core


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8)


def test_the_kernels_are_the_first_convolutions():
    model, core = raw_model()
    found = kernels(model)
    assert found.layer == "conv1_conv"
    np.testing.assert_array_equal(found.values, core.get_layer("conv1_conv").get_weights()[0])
    assert kernels(core).layer == "conv1_conv"


def test_feature_maps_are_a_convolutions_output_on_the_normalised_image(image):
    model, core = raw_model()
    first, second = feature_maps(model, image)
    weights, bias = core.get_layer("conv1_conv").get_weights()
    corner = np.tensordot(image[:5, :5] / 255, weights, axes=3) + bias
    np.testing.assert_allclose(first.maps[0, 0], corner, rtol=1e-4, atol=1e-5)
    assert first.maps.shape == (12, 16, 6)
    assert first.arithmetic == "(20 − 5 + 2·0)/1 + 1 = 16"
    assert (second.layer, second.maps.shape) == ("conv2_conv", (2, 4, 16))


def test_chosen_layers_only(image):
    model, _ = raw_model()
    assert [maps.layer for maps in feature_maps(model, image, ["conv2_conv"])] == ["conv2_conv"]
    with pytest.raises(KerasclfError, match=r"Unknown convolution 'conv2'\. Did you mean 'conv2_conv'\?"):
        feature_maps(model, image, ["conv2"])


def one_map_model(fused):
    """Builds a network whose class 1 depends on the mean of one map, the first channel of the pixels."""
    x = keras.Input((8, 8, 3))
    maps = layers.Conv2D(1, 1, use_bias=False, name="conv")(x)
    pooled = layers.GlobalAveragePooling2D()(maps)
    if fused:
        y = layers.Dense(2, "softmax", use_bias=False, name="out")(pooled)
    else:
        y = layers.Activation("softmax")(layers.Dense(2, use_bias=False, name="out")(pooled))
    model = keras.Model(x, y)
    model.get_layer("conv").set_weights([np.array([1.0, 0, 0]).reshape(1, 1, 3, 1)])
    model.get_layer("out").set_weights([np.array([[-1.0, 2.0]])])
    return model


@pytest.mark.parametrize("fused", [False, True])
def test_grad_cam_shows_the_positions_that_support_the_class(fused):
    image = np.zeros((8, 8, 3), np.float32)
    image[2, 5, 0], image[6, 1, 0] = 4, 2
    found = grad_cam(one_map_model(fused), image)
    assert (found.label, found.layer) == (1, "conv")
    np.testing.assert_allclose(found.probability, 1 / (1 + np.exp(-3 * 6 / 64)), rtol=1e-5)
    expected = np.zeros((8, 8))
    expected[2, 5], expected[6, 1] = 1, 0.5
    np.testing.assert_allclose(found.heat, expected, atol=1e-6)
    assert not grad_cam(one_map_model(fused), image, 0).heat.any()


def test_grad_cam_takes_the_last_maps_before_the_pooling(image):
    model, _ = raw_model()
    found = grad_cam(model, image, 2)
    assert (found.label, found.layer, found.heat.shape) == (2, "conv2_relu", (2, 4))
    assert 0 <= found.heat.min() <= found.heat.max() <= 1
    with pytest.raises(KerasclfError, match=r"label: expected 0 to 2\. Received: 3"):
        grad_cam(model, image, 3)


def test_flattened_maps_are_weighted_by_position():
    x = keras.Input((2, 2, 1))
    maps = layers.Conv2D(1, 1, use_bias=False, name="conv")(x)
    y = layers.Activation("softmax")(layers.Dense(2, use_bias=False, name="out")(layers.Flatten()(maps)))
    model = keras.Model(x, y)
    model.get_layer("conv").set_weights([np.ones((1, 1, 1, 1))])
    # The first position supports class 1 and the others oppose it: their mean weight is below 0.
    model.get_layer("out").set_weights([np.array([[0, 2], [0, -1], [0, -1], [0, -1.0]])])
    found = grad_cam(model, np.ones((2, 2, 1), np.float32), 1)
    np.testing.assert_array_equal(found.heat, [[1, 0], [0, 0]])


def test_a_network_without_convolutions_is_refused(image):
    dense = keras.Sequential([keras.Input((16, 20, 3)), layers.Flatten(), layers.Dense(2)], name="plain")
    for look in (kernels, lambda m: feature_maps(m, image), lambda m: grad_cam(m, image)):
        with pytest.raises(KerasclfError, match=r"a network with convolutions\. Received: plain, which has none"):
            look(dense)
