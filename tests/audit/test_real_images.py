"""Findings on real images. docs/check.md quotes them."""

import tarfile

import numpy as np
import pytest

from kerasclf.audit.duplicates import equal_images
from kerasclf.audit.features import network_features
from kerasclf.audit.label_errors import find_label_errors
from kerasclf.audit.load_images import load_images
from kerasclf.runs.experiment import Experiment
from kerasclf.training import TrainConfig
from kerasclf.transfer import Transfer

pytestmark = pytest.mark.slow

# Ten species with 37 or 38 images each, of which pairs are easily confused.
SPECIES = (31, 36, 41, 50, 53, 129, 131, 143, 188, 192)
SEEDS = range(10, 20)


def unpacked(archive, members, folder):
    """Unpacks the files of an archive whose name starts with one of some prefixes."""
    with tarfile.open(archive) as file:
        chosen = [member for member in file if member.name.startswith(members)]
        file.extractall(folder, chosen, filter="data")


def test_the_duplicates_of_cifar100(real_data, tmp_path):
    unpacked(real_data / "cifar100_25.tar.gz", ("cifar100_25/",), tmp_path)
    images = load_images(f"folder:{tmp_path / 'cifar100_25'}", None, lambda line: None).images
    assert len(images) == 15_000
    groups = equal_images(images.keys)
    across = [group for group in groups if len({int(images.sets[index]) == 2 for index in group}) == 2]
    assert (len(groups), sum(map(len, groups)), len(across)) == (9, 18, 4)
    assert all(len({int(images.labels[index]) for index in group}) == 1 for group in groups)


def test_planted_label_errors_among_birds(real_data, tmp_path, monkeypatch):
    """5 % of the labels of ten species are changed at random, ten times."""
    pytest.importorskip("cleanlab")
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    unpacked(real_data / "birds.tar.gz", tuple(f"birds/images/{number:03}." for number in SPECIES), tmp_path)
    spec = f"folder:{tmp_path / 'birds/images'}"
    images = load_images(spec, (224, 224), lambda line: None).images
    transfer = Transfer(weights=str(real_data / "weights/efficientnet_lite0.safetensors"))
    head = Experiment(
        data=spec, model="efficientnet_lite0", transfer=transfer, train=TrainConfig(epochs=1), image_size=(224, 224)
    )
    features, count = network_features(images, head, lambda line: None), len(images)
    found = [_planted(features, images.labels, np.random.default_rng(seed)) for seed in SEEDS]
    precision, recall = np.mean(found, axis=0)
    assert count == 378
    assert precision >= 0.75 and recall >= 0.75, (precision, recall)
    assert len(find_label_errors(features, images.labels, np.arange(count)).images) <= 5


def _planted(features, labels, rng):
    """Returns the precision and the recall of the findings for one choice of wrong labels."""
    wrong = rng.choice(len(labels), round(0.05 * len(labels)), replace=False)
    given = labels.copy()
    given[wrong] = (given[wrong] + rng.integers(1, 10, len(wrong))) % 10
    found = find_label_errors(features, given, np.arange(len(given)))
    hits = len({*found.images.tolist()} & {*wrong.tolist()})
    return hits / len(found.images), hits / len(wrong)
