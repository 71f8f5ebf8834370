"""`Samples`: activations of a few images, computed once for each frozen part."""

import numpy as np

from kerasclf.transfer.samples import Samples
from tests.transfer.conftest import random_subset
from tests.transfer.fake_network import Counted, colors, make, rows


def test_a_sample_repeats_a_few_activations_and_caches_nothing(cache_folder):
    counted, subset, other = Counted(), random_subset(50), random_subset(7, seed=1)
    sample = Samples(20).of(make(cache_folder, counted), subset)
    many, few = sample.repeated(subset), sample.repeated(other)
    assert (len(many), len(few)) == (50, 7)
    assert sample.image_s > 0
    np.testing.assert_array_equal(rows(many)[[0, 20, 41]], colors(subset.images.array)[[0, 0, 1]])
    np.testing.assert_array_equal(few.labels, other.labels)
    assert not cache_folder.exists()


def test_equal_frozen_parts_are_computed_once(cache_folder):
    counted, subset, samples = Counted(), random_subset(10), Samples()
    first, again = (samples.of(make(cache_folder, counted), subset) for _ in range(2))
    other = samples.of(make(cache_folder, counted, about="other"), subset)
    assert again is first
    assert other is not first
    assert counted.made == 2
