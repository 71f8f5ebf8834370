"""The synthetic data set `shapes`."""

import numpy as np
import pytest

from kerasclf.data import Split, load_dataset
from kerasclf.data.shapes import _draw_images
from kerasclf.errors import DataError


@pytest.fixture(scope="module")
def shapes():
    return load_dataset("shapes")


def test_it_has_the_sizes_of_cifar100_25(shapes):
    assert [len(shapes.subset(name)) for name in ("train", "validation", "test")] == [11250, 1250, 2500]
    assert shapes.image_shape == (32, 32, 3)
    assert shapes.num_classes == 25
    assert (np.bincount(shapes.test.labels) == 100).all()


def test_its_title_says_that_it_is_synthetic(shapes):
    assert "synthetic" in shapes.title


@pytest.mark.slow
def test_it_is_the_same_every_time(shapes):
    _draw_images.cache_clear()
    again = load_dataset("shapes")
    assert again.manifest["hash"] == shapes.manifest["hash"]


def test_colour_alone_does_not_tell_the_class(shapes):
    """A nearest-centroid classifier of mean colours is hardly better than a guess."""
    subset = shapes.train
    means = subset.images.read(np.arange(len(subset))).mean(axis=(1, 2))
    centroids = np.array([means[subset.labels == label].mean(axis=0) for label in range(25)])
    test = shapes.test.images.read(np.arange(len(shapes.test))).mean(axis=(1, 2))
    nearest = ((test[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == shapes.test.labels).mean() < 0.08


FEW = Split(train_per_class=4, test_per_class=2, validation=0.25)


def test_an_image_does_not_depend_on_what_else_is_drawn(shapes):
    few = load_dataset("shapes", split=FEW).test
    expected = dict(zip(shapes.test.names, shapes.test.images.array, strict=True))
    for name, image in zip(few.names, few.images.array, strict=True):
        np.testing.assert_allclose(image.astype(int), expected[name], atol=1)  # sines may differ in the last digit


def test_another_size_shows_the_same_scenes():
    small, large = (load_dataset("shapes", split=FEW, image_size=(side, side)) for side in (32, 64))
    assert large.image_shape == (64, 64, 3)
    assert small.train.names == large.train.names
    one, other = small.train.images.array, large.train.images.array.reshape(-1, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    correlations = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, other, strict=True)]
    assert np.median(correlations) > 0.9


def test_it_takes_no_arguments():
    with pytest.raises(DataError, match="Expected shapes, synthetic images"):
        load_dataset("shapes:10")
