"""A run whose network reads its logits from the pixels, so that the true probabilities of its images are known."""

import keras
import numpy as np
from keras import layers

from kerasclf import Experiment
from kerasclf.data import ArrayImages, Subset
from kerasclf.networks.model_file import save_model
from kerasclf.runs.run_folder import RunFolder, seal
from kerasclf.runs.run_tables import write_predictions
from tests.inference.simulated import softmax

SHAPE = (2, 5, 1)
NAMES = ("cat", "dog", "a;b", '"owl"', "犬", "f", "g", "h", "i", "=1+1")
_HIGHEST = 10.0  # the true logit of a white pixel


def pixel_model(temperature):
    """Returns a network whose logits must be divided by `temperature`."""
    image = keras.Input(SHAPE, dtype="uint8", name="image")
    x = layers.Rescaling(temperature * _HIGHEST / 255)(layers.Flatten()(image))
    return keras.Model(image, layers.Activation("softmax", name="predictions")(x))


def drawn_images(count, seed):
    """Returns images, and labels drawn with the true probabilities of each; about 75 % of labels are the likeliest."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (count, *SHAPE)).astype(np.uint8)
    images[np.arange(count), rng.integers(0, 2, count), rng.integers(0, 5, count), 0] = rng.integers(90, 256, count)
    true = softmax(images.reshape(count, -1) * (_HIGHEST / 255))
    labels = (true.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1).clip(max=9)
    return images, labels


def write_pixel_run(path, model, temperature, images, seed, **description):
    """Writes the folder of a run of this network with so many validation images; None keeps no predictions of them."""
    path.mkdir(parents=True)
    save_model(model, path / "model.keras", NAMES)
    if images is not None:
        pixels, labels = drawn_images(images, seed)
        outputs = softmax(pixels.reshape(images, -1) * (temperature * _HIGHEST / 255)).astype(np.float32)
        subset = Subset(ArrayImages(pixels), labels, tuple(map(str, range(images))))
        write_predictions(path / "validation_predictions.csv", subset, outputs, NAMES)
    seal(
        path,
        {"experiment": Experiment().to_dict(), "seed": 0, "class_names": list(NAMES), "finished": "today",
         "data": {"title": "pixels", "manifest": "abc", "image_shape": list(SHAPE),
                  "images": {"train": 1, "validation": images or 0, "test": 1}}, **description},
    )  # fmt: skip
    return RunFolder(path)
