"""Multiply-adds and memory, by hand and against published figures."""

import keras
import pytest
from keras import applications, layers

from kerasclf.errors import KerasclfError
from kerasclf.models import basenet, explain, totals
from kerasclf.training.devices import precision


def row_of(layer, shape):
    image = keras.Input(shape)
    return explain(keras.Model(image, layer(image)))[-1]


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.Conv2D(8, 3), (10, 12, 4), 8 * 10 * 8 * 9 * 4),
        (layers.Conv2D(8, 3, padding="same"), (10, 12, 4), 10 * 12 * 8 * 9 * 4),
        (layers.Conv2D(8, (1, 5), strides=2), (11, 13, 4), 6 * 5 * 8 * 5 * 4),
        (layers.Conv2D(8, 3, dilation_rate=2), (10, 12, 4), 6 * 8 * 8 * 9 * 4),
        (layers.Conv2D(8, 3, groups=4), (10, 12, 4), 8 * 10 * 8 * 9 * 1),
        (layers.DepthwiseConv2D(7, padding="same", depth_multiplier=2), (10, 12, 4), 10 * 12 * 49 * 4 * 2),
        (layers.SeparableConv2D(8, 3, strides=2, padding="same"), (10, 12, 4), 5 * 6 * (9 * 4 + 4 * 8)),
        (layers.Conv2DTranspose(8, 2, strides=2), (10, 12, 4), 10 * 12 * 4 * 4 * 8),
        (layers.Dense(5), (10,), 50),
        (layers.Dense(5), (10, 12, 4), 10 * 12 * 4 * 5),
        (layers.EinsumDense("abcd,de->abce", output_shape=(None, 12, 5)), (10, 12, 4), 10 * 12 * 4 * 5),
        (layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 5)), (10, 4), 10 * 4 * 2 * 5),
        (layers.MaxPooling2D(2), (10, 12, 4), 0),
        (layers.BatchNormalization(), (10, 12, 4), 0),
        (layers.LayerNormalization(axis=(1, 2, 3)), (10, 12, 4), 0),
        (layers.ReLU(), (10, 12, 4), 0),
        (keras.Sequential([layers.Conv2D(8, 3), layers.ReLU(), layers.Conv2D(2, 1)]), (10, 12, 4), 8 * 10 * 8 * (36 + 2)),
    ],
)  # fmt: skip
def test_a_layers_multiply_adds(layer, shape, expected):
    assert row_of(layer, shape).multiply_adds == expected


def test_what_is_not_known_is_not_zero():
    tokens = keras.Input((10, 4))
    model = keras.Model(tokens, layers.MultiHeadAttention(2, 2, name="attention")(tokens, tokens))
    assert explain(model)[-1].multiply_adds is None
    assert totals(model).unknown == ("attention",)


def test_a_networks_sums():
    sums = totals(basenet())
    assert sums.multiply_adds == 28 * 28 * 75 * 6 + 10 * 10 * 150 * 16 + 400 * 50 + 50 * 25
    assert sums.parameters == sums.trainable == 24_197
    values = 32 * 32 * 3 + 2 * 28 * 28 * 6 + 14 * 14 * 6 + 2 * 10 * 10 * 16 + 2 * 400 + 2 * 50 + 2 * 25
    assert sums.memory == 4 * values
    assert sums.unknown == ()


def test_memory_is_that_of_the_precision_in_which_a_layer_computes():
    with precision("mixed_bfloat16"):
        rows = {row.name: row for row in explain(basenet())}
    assert rows["conv1_conv"].memory == 2 * 28 * 28 * 6
    assert rows["predictions"].memory == 4 * 25


@pytest.mark.parametrize(
    ("application", "published", "exact"),
    [
        # torchvision's figures in 10⁹; keras.applications' ResNet50 has its strides on the first 1×1 convolution, as
        # the paper, which gives 3.8.
        (applications.MobileNetV2, 0.301, 300_774_272),
        (applications.ResNet50, 3.86, 3_857_973_248),
        pytest.param(applications.VGG16, 15.470, 15_470_264_320, marks=pytest.mark.slow),
        pytest.param(applications.ConvNeXtTiny, 4.456, 4_455_531_264, marks=pytest.mark.slow),
        pytest.param(applications.DenseNet121, 2.834, 2_834_161_664, marks=pytest.mark.slow),
        pytest.param(applications.InceptionV3, 5.713, 5_713_216_096, marks=pytest.mark.slow),
    ],
)
def test_multiply_adds_are_the_published_ones(application, published, exact):
    count = totals(application(weights=None)).multiply_adds
    assert count == exact
    assert count / 1e9 == pytest.approx(published, rel=0.005)


def test_a_layer_that_is_used_twice_is_refused():
    image, dense = keras.Input((4,)), layers.Dense(4, name="twice")
    with pytest.raises(KerasclfError, match="uses each layer once. Received: the layer 'twice'"):
        explain(keras.Model(image, dense(dense(image))))
