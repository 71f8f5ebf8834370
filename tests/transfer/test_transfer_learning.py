"""What a network learnt of five classes of CIFAR-10 helps it with the five others, of which there are few images."""

import functools
import tarfile

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf import Augmentation, TrainConfig
from kerasclf.data import ArrayImages, ImageDataset, Subset
from kerasclf.data.decode import read_image
from kerasclf.models import backbones, load_pretrained
from kerasclf.models.backbones import Backbone, backbone
from kerasclf.report.statistics import paired_difference
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import predict, train
from kerasclf.transfer import Transfer

KNOWN, NEW = ("airplane", "automobile", "cat", "horse", "truck"), ("bird", "deer", "dog", "frog", "ship")
TRAIN, VALIDATION, TEST = 50, 10, 400
PRETRAINING = 1500
SEEDS = range(10)


def tiny(include_top, weights, input_tensor):
    """Three stages, named as keras.applications name theirs."""
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
    """Class → images, as many as are needed: the known classes to train and validate, the new ones to test too."""
    archive = real_data / "cifar10.tar.gz"
    if not archive.is_file():
        pytest.skip(f"{archive} is missing")
    folder, wanted = tmp_path_factory.mktemp("cifar10"), {}
    for name in KNOWN:
        wanted |= {f"cifar10/train/{name}/{i:04}.jpg": name for i in range(PRETRAINING + VALIDATION)}
    for name in NEW:
        wanted |= {f"cifar10/train/{name}/{i:04}.jpg": name for i in range(TRAIN * len(SEEDS) + VALIDATION)}
        wanted |= {f"cifar10/test/{name}/{i:04}.jpg": name for i in range(TEST)}
    found = {name: [] for name in (*KNOWN, *NEW)}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name in wanted:
                tar.extract(member, folder, filter="data")
    for path, name in wanted.items():
        found[name].append(read_image(folder / path, (32, 32), 3))
    return {name: np.stack(images) for name, images in found.items()}


def subset(cifar10, classes, begin, count):
    images = np.concatenate([cifar10[name][begin : begin + count] for name in classes])
    labels = np.repeat(np.arange(len(classes)), count)
    return Subset(ArrayImages(images), labels, tuple(str(i) for i in range(len(labels))))


def new_classes(cifar10, seed):
    """Fifty other training images of each class for each seed, and the same ones to validate and test with."""
    after = TRAIN * len(SEEDS)
    return ImageDataset(
        "memory", "five new classes", NEW, subset(cifar10, NEW, seed * TRAIN, TRAIN),
        subset(cifar10, NEW, after, VALIDATION), subset(cifar10, NEW, after + VALIDATION, TEST),
    )  # fmt: skip


@pytest.mark.slow
def test_pretraining_beats_a_beginning_from_scratch(cifar10, tiny_backbone, tmp_path, record_property, capsys):
    """Whether the head, the last stage or all of it trains; ten seeds, each with training images of its own."""
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
    ways = {
        "scratch": (tiny_backbone, config, None),
        "head": (pretrained, config.but(epochs=40, learning_rate=5e-3, unfreeze="head"), transfer),
        "stage3": (pretrained, config.but(learning_rate=1e-3, unfreeze="stage3"), transfer),
        "all": (pretrained, config.but(learning_rate=1e-3), transfer),
    }
    accuracies = {way: [] for way in ways}
    for seed in SEEDS:
        dataset = new_classes(cifar10, seed)
        for way, (network, how, given) in ways.items():
            model = train(dataset, Recipe(network, (how,), seed, transfer=given)).model
            right = predict(model, dataset.test, len(NEW)).argmax(1) == dataset.test.labels
            accuracies[way].append(float(right.mean()))
    differences = {way: paired_difference(accuracies[way], accuracies["scratch"]) for way in ("head", "stage3", "all")}
    with capsys.disabled():
        print(f"\nknown classes {source.history['val_accuracy'].iloc[-1]:.3f}")
        for way, values in accuracies.items():
            print(f"{way}: {np.mean(values):.3f} {[round(value, 3) for value in values]} {differences.get(way, '')}")
    for way, difference in differences.items():
        assert difference.low > 0, (way, difference, accuracies)
