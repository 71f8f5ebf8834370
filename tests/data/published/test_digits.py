"""The digits of scikit-learn."""

import numpy as np
import pytest
from sklearn import datasets

from kerasclf.data import load_dataset
from kerasclf.errors import DataError


def test_digits_are_scikit_learns_as_pixels():
    digits = load_dataset("digits")
    assert digits.image_shape == (8, 8, 1)
    assert not digits.is_table
    index = int(digits.test.names[0])
    expected = np.round(datasets.load_digits().images[index] * 255 / 16)
    np.testing.assert_array_equal(digits.test.images.array[0, ..., 0], expected)
    assert load_dataset("digits", image_size=(16, 24)).image_shape == (16, 24, 1)
    with pytest.raises(DataError, match="Received: digits:3"):
        load_dataset("digits:3")
