"""The promises of sets and of abstention on the predictions of trained networks for real photographs."""

import functools
import tarfile

import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.data import ArrayImages, ImageDataset, Subset
from kerasclf.data.pixels.decode import read_image
from kerasclf.inference.calibration.model_calibration import ModelCalibration
from kerasclf.models import build
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import predict, train
from kerasclf.transfer import Transfer

CLASSES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
TRAIN, VALIDATION, TEST = 200, 10, 800  # of each class
# Of these 8,000 test images so many calibrate, drawn anew each time. The others stand for all images there are: were
# they as few, their own chance would decide whether a promise seems to hold.
CALIBRATION, SPLITS = 500, 200

# Network → side of its images, epochs, and an accuracy that it reaches by leaving images unanswered.
NETWORKS = {"basenet": (32, 12, 0.55), "efficientnet_lite0": (96, 20, 0.85)}


@pytest.fixture(scope="module")
def photographs(real_data, tmp_path_factory):
    """Returns a function that makes the data set of a size from CIFAR-10."""
    archive = real_data / "cifar10.tar.gz"
    if not archive.is_file():
        pytest.skip(f"{archive} is missing")
    sets = {"train": range(TRAIN), "validation": range(TRAIN, TRAIN + VALIDATION), "test": range(TEST)}
    files = {
        kind: [
            f"cifar10/{'test' if kind == 'test' else 'train'}/{name}/{i:04}.jpg" for name in CLASSES for i in numbers
        ]
        for kind, numbers in sets.items()
    }
    folder, needed = tmp_path_factory.mktemp("cifar10"), {name for names in files.values() for name in names}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name in needed:
                tar.extract(member, folder, filter="data")

    def dataset(side):
        def subset(kind):
            images = np.stack([read_image(folder / name, (side, side), 3) for name in files[kind]])
            return Subset(ArrayImages(images), np.repeat(np.arange(10), len(sets[kind])), tuple(files[kind]))

        return ImageDataset("memory", "CIFAR-10", CLASSES, *map(subset, sets))

    return dataset


@pytest.fixture(scope="module", params=NETWORKS)
def predicted(request, photographs, real_data, tmp_path_factory):
    """Trains a network. Returns labels and probabilities of its test images, and an accuracy to promise."""
    name = request.param
    side, epochs, accuracy = NETWORKS[name]
    weights = real_data / "weights" / f"{name}.safetensors"
    transfer = None
    if name != "basenet":
        if not weights.is_file():
            pytest.skip(f"{weights} is missing")
        transfer = Transfer(weights=str(weights), engine="tensorflow", cache="off")
    dataset = photographs(side)
    pretrained = {"arguments": {"head": (256,)}, "weights": str(weights)} if transfer else {}
    network = functools.partial(build, name, **pretrained)
    config = TrainConfig(epochs=epochs, learning_rate=1e-3, unfreeze="head" if transfer else "all", jit=False)
    augmentation = Augmentation() if transfer else Augmentation(rescale=1 / 255)
    trained = train(dataset, Recipe(network, (config,), augmentation=augmentation, transfer=transfer))
    return dataset.test.labels, predict(trained.model, dataset.test, len(CLASSES)), accuracy


def splits(images, calibration):
    """Yields which images calibrate and which test the promise, in the splits of this test."""
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(images)
        yield order[:calibration], order[calibration:]


@pytest.mark.slow
def test_the_promises_hold_on_real_predictions(predicted):
    labels, probabilities, accuracy = predicted
    covered, of_classes, kept, answered = [], [], [], []
    for chosen, others in splits(len(labels), CALIBRATION):
        calibration = ModelCalibration.fit(labels[chosen], probabilities[chosen])
        new = calibration.calibrated(probabilities[others])
        rows = np.arange(len(others))
        covered.append(calibration.sets(0.95).sets(new)[rows, labels[others]].mean())
        inside = calibration.sets(0.9, by_class=True).sets(new)[rows, labels[others]]
        of_classes.append([inside[labels[others] == label].mean() for label in range(10)])
        rule = calibration.abstention(accuracy)
        if rule.problem is None:
            answers = rule.answers(new)
            kept.append(bool((new.argmax(axis=1) == labels[others])[answers].mean() >= accuracy))
            answered.append(answers.mean())
    print(f"accuracy {(probabilities.argmax(axis=1) == labels).mean():.3f}, sets of 95 % cover {np.mean(covered):.4f},")
    print(f"sets of 90 % by class cover {np.mean(of_classes, axis=0).round(3).tolist()},")
    print(
        f"accuracy of {accuracy:g} promised in {len(kept)} splits, broken in {kept.count(False)}, "
        f"answered {np.mean(answered):.3f}"
    )
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
    np.testing.assert_allclose(np.mean(of_classes, axis=0), 0.9, atol=0.02)
    assert len(kept) >= SPLITS / 10  # otherwise the test would pass when nothing is ever promised
    # The promise is one over all validation sets: a set that promises nothing breaks nothing.
    assert kept.count(False) <= 0.07 * SPLITS
