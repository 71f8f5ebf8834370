"""Statistics of the training images, and the checks before they are computed."""

import numpy as np
import pytest

from kerasclf import Augmentation
from kerasclf.errors import KerasclfError
from kerasclf.pipeline.normalization_statistics import check_normalization, fit_statistics
from tests.conftest import make_subset


def test_statistics_are_numpys_in_float64():
    subset = make_subset(300, shape=(6, 6, 3))
    images = subset.images.read(np.arange(len(subset))).astype(np.float64)
    statistics = fit_statistics(subset, Augmentation())
    np.testing.assert_allclose(statistics.mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(statistics.std, images.std(axis=(0, 1, 2)), rtol=1e-10)


def test_zca_of_few_images_drops_the_directions_that_they_lack():
    """Two of five images are equal, so they span four directions."""
    subset = make_subset(4, shape=(2, 3, 3)).take(np.array([0, 1, 2, 3, 3]))
    zca = fit_statistics(subset, Augmentation(zca_whitening=True)).zca
    assert np.linalg.matrix_rank(zca) == 4
    full = fit_statistics(make_subset(60, shape=(2, 3, 3)), Augmentation(zca_whitening=True)).zca
    assert np.linalg.matrix_rank(full) == 18


def test_zca_of_large_images_is_refused():
    with pytest.raises(KerasclfError, match="zca_whitening: expected images of at most 12,288 values"):
        check_normalization(Augmentation(zca_whitening=True), (65, 65, 3))
    check_normalization(Augmentation(zca_whitening=True), (64, 64, 3))


@pytest.mark.parametrize("name", ["keras.applications.resnet50:preproces_input", "nowhere:function", "math:pi"])
def test_a_missing_function_is_refused(name):
    with pytest.raises(KerasclfError, match=f"preprocessing_function.*{name}"):
        check_normalization(Augmentation(preprocessing_function=name), (8, 8, 3))
