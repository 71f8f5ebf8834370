"""Multiply-adds and memory, by hand and against published figures."""

import keras
import pytest
from keras import layers

from kerasclf.errors import KerasclfError
from kerasclf.models import CATALOGUE, basenet, explain, totals
from kerasclf.models.explaining.costs import known_multiply_adds
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
        (layers.EinsumDense("abcd,de->abce", output_shape=(10, 12, 5)), (10, 12, 4), 10 * 12 * 4 * 5),
        (layers.EinsumDense("abc,cde->abde", output_shape=(10, 2, 5)), (10, 4), 10 * 4 * 2 * 5),
        (layers.MaxPooling2D(2), (10, 12, 4), 0),
        (layers.BatchNormalization(), (10, 12, 4), 0),
        (layers.LayerNormalization(axis=(1, 2, 3)), (10, 12, 4), 0),
        (layers.ReLU(), (10, 12, 4), 0),
        (keras.Sequential([layers.Conv2D(8, 3), layers.ReLU(), layers.Conv2D(2, 1)]), (10, 12, 4), 80 * 8 * (36 + 2)),
    ],
)  # fmt: skip
def test_a_layers_multiply_adds(layer, shape, expected):
    assert row_of(layer, shape).multiply_adds == expected


def test_what_is_not_known_is_not_zero():
    tokens = keras.Input((10, 4))
    model = keras.Model(tokens, layers.MultiHeadAttention(2, 2, name="attention")(tokens, tokens))
    assert explain(model)[-1].multiply_adds is None
    assert totals(model).unknown == ("attention",)


def test_what_is_known_of_a_model_that_cannot_be_explained():
    core = basenet()
    image, size = keras.Input((32, 32, 3)), keras.Input((None, None, 3))
    again = keras.Model(image, core(layers.Rescaling(1 / 255)(image)))
    with pytest.raises(KerasclfError, match="used again"):
        explain(again)
    assert known_multiply_adds(again) == known_multiply_adds(core) == totals(core).multiply_adds
    assert known_multiply_adds(keras.Model(size, layers.Conv2D(8, 3)(size))) == 0


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


def of_torchvision(name, published, exact):
    # Networks that take seconds to build belong to the slow tests.
    return pytest.param(name, published, exact, marks=[] if name in ("resnet18", "squeezenet1_1") else pytest.mark.slow)


@pytest.mark.parametrize(
    ("name", "published", "exact"),
    [
        # torchvision's `_ops` of each file of weights, in 10⁹, and the exact number.
        of_torchvision("alexnet", 0.714, 714_188_480),
        of_torchvision("vgg11", 7.609, 7_609_090_048),
        of_torchvision("vgg16", 15.470, 15_470_264_320),
        of_torchvision("squeezenet1_1", 0.349, 349_151_936),
        of_torchvision("resnet18", 1.814, 1_814_073_344),
        of_torchvision("resnet34", 3.664, 3_663_761_408),
        of_torchvision("resnet50", 4.089, 4_089_184_256),
        of_torchvision("resnet101", 7.801, 7_801_405_440),
        of_torchvision("resnet152", 11.514, 11_513_626_624),
        of_torchvision("mobilenet_v2", 0.301, 300_774_272),
        of_torchvision("keras_convnext_tiny", 4.456, 4_455_531_264),
        # The ResNet paper states 3.8: its stride is on the first 1×1 convolution, as in keras.applications.
        of_torchvision("keras_resnet50", 3.86, 3_857_973_248),
    ],
)
def test_multiply_adds_are_the_published_ones(name, published, exact):
    count = totals(CATALOGUE[name]()).multiply_adds
    assert count == exact
    assert count / 1e9 == pytest.approx(published, rel=0.005)


def test_resnet18_by_hand():
    # Stem; four 3×3 convolutions at 56×56; then three times one of half the input channels, three more and the 1×1.
    stage2 = 4 * 56**2 * 9 * 64**2
    later = sum((56 // 2**i) ** 2 * (3.5 * 9 + 0.5) * (64 * 2**i) ** 2 for i in (1, 2, 3))
    assert 112**2 * 49 * 3 * 64 + stage2 + later + 512 * 1000 == 1_814_073_344


@pytest.mark.parametrize("after", [(), (layers.ReLU(),)])
def test_a_layer_that_is_used_twice_is_refused(after):
    image, dense = keras.Input((4,)), layers.Dense(4, name="twice")
    x = dense(dense(image))
    for layer in after:
        x = layer(x)
    with pytest.raises(KerasclfError, match="twice cannot be explained: expected a functional network that uses each"):
        explain(keras.Model(image, x, name="twice"))


def test_sizes_must_be_known():
    image = keras.Input((None, 8, 3))
    with pytest.raises(KerasclfError, match="open cannot be explained: expected a network with known sizes"):
        explain(keras.Model(image, layers.Conv2D(2, 3)(image), name="open"))
