"""A separate cache for every test, and a small network."""

import keras
import numpy as np
import pytest

from kerasclf.data import ArrayImages, Subset


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("KERASCLF_CACHE", str(folder))
    return folder


def small_network(shape=(8, 8, 3), classes=3) -> keras.Model:
    """Returns two stages, the second a residual block, with the pool and the head of a backbone."""
    image = keras.Input(shape, name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1, dtype="float32", name="preprocess")(image)
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv1_conv")(x)
    x = keras.layers.BatchNormalization(name="conv1_bn")(x)
    x = keras.layers.ReLU(name="conv1_relu")(x)
    y = keras.layers.Conv2D(4, 3, padding="same", name="conv2_block1_1_conv")(x)
    y = keras.layers.BatchNormalization(name="conv2_block1_1_bn")(y)
    y = keras.layers.Conv2D(4, 3, padding="same", name="conv2_block1_2_conv")(y)
    x = keras.layers.ReLU(name="conv2_block1_out")(keras.layers.Add(name="conv2_block1_add")([x, y]))
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    x = keras.layers.Dense(classes, name="logits")(x)
    return keras.Model(image, keras.layers.Softmax(dtype="float32", name="predictions")(x), name="small")


def randomize(network: keras.Model, seed: int = 0) -> keras.Model:
    """Gives every weight, including moving statistics, a random value."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        low, high = (0.5, 1.5) if weight.name in ("gamma", "moving_variance") else (-0.5, 0.5)
        weight.assign(rng.uniform(low, high, weight.shape))
    return network


def random_images(count: int, shape=(8, 8, 3), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def random_subset(count: int, shape=(8, 8, 3), seed: int = 0) -> Subset:
    images = ArrayImages(random_images(count, shape, seed))
    return Subset(images, np.arange(count) % 3, tuple(str(i) for i in range(count)))
