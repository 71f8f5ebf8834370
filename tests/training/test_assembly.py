"""A float32 copy of a network has the same weights and outputs."""

import functools

import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.models import build
from kerasclf.training.assembly import build_model
from kerasclf.training.recipe import Recipe

FEATUREWISE = Augmentation(featurewise_center=True, featurewise_std_normalization=True)


def built(dataset, **fields):
    recipe = Recipe(functools.partial(build, "basenet"), (TrainConfig(**fields),), seed=3, augmentation=FEATUREWISE)
    return build_model(dataset, recipe)


def test_a_float32_network_on_one_device_is_not_copied(dataset):
    network = built(dataset, strategy="none")
    assert network.in_float32() is network.assembled


@pytest.mark.parametrize("fields", [{"precision": "mixed_bfloat16"}, {"strategy": "mirrored"}])
def test_the_copy_has_equal_weights_and_outputs_in_float32(dataset, fields):
    original = built(dataset, **fields)
    # Other weights than those of a new network with the same seed.
    original.assembled.core.set_weights([weight + 0.01 for weight in original.assembled.core.get_weights()])
    copy = original.in_float32()
    assert copy is not original.assembled
    assert {layer.compute_dtype for layer in copy.core.layers} == {"float32"}
    for one, other in zip(copy.core.get_weights(), original.assembled.core.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    images = dataset.test.images.array
    with original.strategy.scope():
        expected = np.asarray(original.assembled.model(images, training=False))
    close = 1e-6 if "strategy" in fields else 2e-2
    np.testing.assert_allclose(copy.model(images, training=False), expected, atol=close)
    # Trained on its own: the copy shares no variable with the original.
    copy.core.set_weights([0 * weight for weight in copy.core.get_weights()])
    assert any(weight.any() for weight in original.assembled.core.get_weights())


def test_a_blueprint_makes_new_weights_at_each_call(dataset):
    blueprint = built(dataset).blueprint
    one, other = (blueprint.assemble().core.get_weights()[0] for _ in range(2))
    assert (one != other).any()
