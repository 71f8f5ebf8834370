"""A module with a user's own networks, as the tests write it into a folder."""

MY_NET = '''
"""Networks of a user."""
from pathlib import Path

import keras
from keras import layers

Path(__file__).with_name("trace").touch()  # shows that the module was run


def build(input_shape, num_classes, units=8):
    """Builds a convolution and a hidden layer.

    Args:
        units: Width of the hidden layer.
    """
    image = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, activation="relu")(image)
    x = layers.Dense(units, activation="relu")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(num_classes, activation="softmax", dtype="float32")(x))


def with_top(input_shape=(16, 16, 1), num_classes=3, include_top=True):
    image = keras.Input(input_shape)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, name="features")(image))
    if include_top:
        x = layers.GlobalAveragePooling2D()(x)
        x = layers.Dense(num_classes, activation="softmax", dtype="float32")(x)
    return keras.Model(image, x)


def sizeless(size):
    return None


def thirds(input_shape, num_classes):
    return 1 / 0
'''
