"""Receptive fields: by the formula, and against published ones."""

import keras
import pytest
from keras import layers

from kerasclf.models import CATALOGUE, ReceptiveField, basenet, explain


def field_of(make, shape=(64, 64, 3)):
    image = keras.Input(shape)
    return explain(keras.Model(image, make(image)))[-1].field


def square(size, stride):
    return ReceptiveField((size, size), (stride, stride))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (layers.Conv2D(4, 3), square(3, 1)),
        (layers.Conv2D(4, 3, dilation_rate=4), square(9, 1)),
        (layers.Conv2D(4, (1, 7), strides=(1, 2)), ReceptiveField((1, 7), (1, 2))),
        (keras.Sequential([layers.Conv2D(4, 7, strides=2), layers.MaxPooling2D(3, 2), layers.ReLU()]), square(11, 4)),
        (keras.Sequential([layers.ZeroPadding2D(1), layers.DepthwiseConv2D(3), layers.Dense(9)]), square(3, 1)),
        (keras.Sequential([layers.MaxPooling2D(2), layers.UpSampling2D(2), layers.Conv2D(4, 3)]), square(4, 1)),
        (
            keras.Sequential([layers.Conv2D(4, 5), layers.UpSampling2D(2, interpolation="bilinear")]),
            ReceptiveField((6, 6), (0.5, 0.5)),
        ),
        (keras.Sequential([layers.MaxPooling2D(2), layers.Conv2DTranspose(4, 3, strides=2)]), square(4, 1)),
        (layers.GlobalAveragePooling2D(keepdims=True), ReceptiveField(None, None)),
        (keras.Sequential([layers.Flatten(), layers.Dense(9)]), ReceptiveField(None, None)),
    ],
)
def test_a_layers_receptive_field(make, expected):
    assert field_of(make) == expected


def test_of_branches_the_largest_counts():
    def inception(image):
        small, large = layers.Conv2D(2, 1)(image), layers.Conv2D(2, (5, 3), padding="same")(image)
        return layers.Conv2D(2, 3)(layers.Concatenate()([small, large, image]))

    assert field_of(inception) == ReceptiveField((7, 5), (1, 1))


@pytest.mark.parametrize("turned", [False, True])
def test_squeeze_and_excitation_sees_the_whole_image_but_keeps_its_places(turned):
    def excite(image):
        x = layers.Conv2D(3, 3, strides=2)(image)
        weights = layers.Reshape((1, 1, 3))(layers.GlobalAveragePooling2D()(x))
        return layers.Multiply()([weights, x] if turned else [x, weights])

    assert field_of(excite) == ReceptiveField(None, (2, 2))


def test_the_image_itself_is_seen_pixel_by_pixel():
    rows = explain(basenet())
    assert rows[0].field == square(1, 1)
    assert [row.field for row in rows if row.name in ("pool1", "pool2")] == [square(6, 2), square(16, 4)]


@pytest.mark.parametrize(
    ("name", "size", "stride"),
    [
        # Araujo, Norris & Sim 2019 (Distill), table 1; their ResNet50, as that of Keras, strides on 1×1 convolutions.
        ("keras_vgg16", 212, 32),
        pytest.param("keras_resnet50", 483, 32, marks=pytest.mark.slow),
        # By their formula: 11 after the stem's pooling, then (k − 1)·stride for each convolution of the longest branch.
        ("resnet18", 11 + 4 * 2 * 4 + (8 + 3 * 16) + (16 + 3 * 32) + (32 + 3 * 64), 32),
        pytest.param("resnet50", 11 + 3 * 8 + (8 + 3 * 16) + (16 + 5 * 32) + (32 + 2 * 64), 32, marks=pytest.mark.slow),
    ],
)
def test_receptive_fields_are_the_published_ones(name, size, stride):
    rows = explain(CATALOGUE[name](input_shape=(32, 32, 3), include_top=False))
    assert rows[-1].field == square(size, stride)


def test_alexnets_receptive_field_is_the_published_one():
    fields = [row.field for row in explain(CATALOGUE["alexnet"](include_top=False))]
    assert fields[-1] == square(195, 32)
