"""Tensors of SqueezeNet under torchvision's names."""

import pytest

from tests.models.weights import golden


@pytest.fixture(scope="module")
def tensors():
    return golden.state_dict("squeezenet1_1")
