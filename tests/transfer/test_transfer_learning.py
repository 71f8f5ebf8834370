"""A network pretrained on five classes of CIFAR-10 learns the five others from few images."""

import functools
import tarfile

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf import Augmentation, TrainConfig
from kerasclf.data import ArrayImages, ImageDataset, Subset
from kerasclf.data.pixels.decode import read_image
from kerasclf.models import backbones, load_pretrained
from kerasclf.models.backbones import Backbone, backbone
from kerasclf.report.statistics.random_effects import difference_of, summarise_values
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import predict, train
from kerasclf.transfer import Transfer

KNOWN, NEW = ("airplane", "automobile", "cat", "horse", "truck"), ("bird", "deer", "dog", "frog", "ship")
TRAIN, VALIDATION, TEST = 50, 10, 400
PRETRAINING = 1500
SEEDS = range(10)


def tiny(include_top, weights, input_tensor):
    """Returns three stages with names as in keras.applications."""
    x = input_tensor
    for stage, filters in enumerate((16, 32, 64), 1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{stage}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"conv{stage}_bn")(x)
        x = layers.MaxPooling2D(name=f"conv{stage}_pool")(layers.ReLU(name=f"conv{stage}_relu")(x))
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x)


def scale(pixels):
    return pixels / 127.5 - 1


@pytest.fixture
def tiny_backbone(monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "tiny", Backbone(tiny, scale, "none"))
    return functools.partial(backbone, "tiny")


@pytest.fixture(scope="module")
def cifar10(real_data, tmp_path_factory):
    """Returns the images of each class: for training and validation, and for test if the class is new."""
    archive = real_data / "cifar10.tar.gz"
    if not archive.is_file():
        pytest.skip(f"{archive} is missing")
    folder, needed = tmp_path_factory.mktemp("cifar10"), {}
    for name in KNOWN:
        needed |= {f"cifar10/train/{name}/{i:04}.jpg": name for i in range(PRETRAINING + VALIDATION)}
    for name in NEW:
        needed |= {f"cifar10/train/{name}/{i:04}.jpg": name for i in range(TRAIN * len(SEEDS) + VALIDATION)}
        needed |= {f"cifar10/test/{name}/{i:04}.jpg": name for i in range(TEST)}
    found = {name: [] for name in (*KNOWN, *NEW)}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name in needed:
                tar.extract(member, folder, filter="data")
    for path, name in needed.items():
        found[name].append(read_image(folder / path, (32, 32), 3))
    return {name: np.stack(images) for name, images in found.items()}


def subset(cifar10, classes, begin, count):
    images = np.concatenate([cifar10[name][begin : begin + count] for name in classes])
    labels = np.repeat(np.arange(len(classes)), count)
    return Subset(ArrayImages(images), labels, tuple(str(i) for i in range(len(labels))))


def new_classes(cifar10, seed):
    """Returns 50 different training images per class for each seed, with the same validation and test images."""
    after = TRAIN * len(SEEDS)
    return ImageDataset(
        "memory", "five new classes", NEW, subset(cifar10, NEW, seed * TRAIN, TRAIN),
        subset(cifar10, NEW, after, VALIDATION), subset(cifar10, NEW, after + VALIDATION, TEST),
    )  # fmt: skip


@pytest.mark.slow
def test_pretraining_beats_random_weights(cifar10, tiny_backbone, tmp_path, capsys):
    """The head, the last stage or all layers train, with ten seeds and different training images for each."""
    known = ImageDataset(
        "memory", "five known classes", KNOWN, subset(cifar10, KNOWN, 0, PRETRAINING),
        subset(cifar10, KNOWN, PRETRAINING, VALIDATION), subset(cifar10, KNOWN, PRETRAINING, VALIDATION),
    )  # fmt: skip
    config = TrainConfig(epochs=12, batch_size=32, learning_rate=2e-3, jit=False)
    source = train(known, Recipe(tiny_backbone, (config,), augmentation=Augmentation(horizontal_flip=True)))
    source.model.save(tmp_path / "model.keras")
    weights = str(tmp_path / "model.keras")

    def pretrained(shape, classes):
        network = tiny_backbone(shape, classes)
        load_pretrained(network, "tiny", weights)
        return network

    transfer = Transfer(weights=weights, engine="tensorflow")
    recipes = {
        "scratch": (tiny_backbone, config, None),
        "head": (pretrained, config.but(epochs=40, learning_rate=5e-3, unfreeze="head"), transfer),
        "stage3": (pretrained, config.but(learning_rate=1e-3, unfreeze="stage3"), transfer),
        "all": (pretrained, config.but(learning_rate=1e-3), transfer),
    }
    accuracies = {name: [] for name in recipes}
    for seed in SEEDS:
        dataset = new_classes(cifar10, seed)
        for name, (network, phase, settings) in recipes.items():
            model = train(dataset, Recipe(network, (phase,), seed, transfer=settings)).model
            right = predict(model, dataset.test, len(NEW)).argmax(1) == dataset.test.labels
            accuracies[name].append(float(right.mean()))
    # Intervals over seeds and their training images; all runs have the same test images.
    gains = {name: np.subtract(accuracies[name], accuracies["scratch"]) for name in ("head", "stage3", "all")}
    differences = {name: difference_of(summarise_values(gain, TEST * len(NEW))) for name, gain in gains.items()}
    with capsys.disabled():
        print(f"\nknown classes {source.history['val_accuracy'].iloc[-1]:.3f}")
        for name, values in accuracies.items():
            print(f"{name}: {np.mean(values):.3f} {[round(value, 3) for value in values]} {differences.get(name, '')}")
    for name, difference in differences.items():
        assert difference.low > 0, (name, difference, accuracies)
