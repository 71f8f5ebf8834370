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


def test_zca_of_large_images_is_refused():
    with pytest.raises(KerasclfError, match="zca_whitening: expected images of at most 12,288 values"):
        check_normalization(Augmentation(zca_whitening=True), (65, 65, 3))
    check_normalization(Augmentation(zca_whitening=True), (64, 64, 3))


@pytest.mark.parametrize("name", ["keras.applications.resnet50:preproces_input", "nowhere:function", "math:pi"])
def test_a_missing_function_is_refused(name):
    with pytest.raises(KerasclfError, match=f"preprocessing_function.*{name}"):
        check_normalization(Augmentation(preprocessing_function=name), (8, 8, 3))
