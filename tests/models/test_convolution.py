"""Convolutions in groups with PyTorch's initial weights."""

import keras
import numpy as np
import pytest

from kerasclf.models.convolution import convolve


@pytest.mark.parametrize(("groups", "shape"), [(1, (3, 3, 6, 12)), (3, (3, 3, 2, 12)), (6, (3, 3, 6, 2))])
def test_initial_weights_are_pytorchs(groups, shape):
    image = keras.Input((5, 6, 6))
    (kernel,) = keras.Model(image, convolve(image, 12, 3, 1, groups, "same", False, "conv")).get_weights()
    assert kernel.shape == shape
    largest = 1 / np.sqrt(9 * 6 / groups)
    assert 0.9 * largest < np.abs(kernel).max() <= largest
