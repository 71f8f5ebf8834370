"""`Samples`: activations of a few images, computed once for each frozen part."""

import numpy as np
import pytest

from kerasclf.transfer.samples import Sample, Samples
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


def test_compiling_counts_once_and_only_if_something_is_computed():
    sample = Sample(rows=np.zeros((2, 3)), compile_s=1.5, image_s=0.01)
    assert [sample.seconds(count) for count in (0, 1, 200)] == pytest.approx([0, 1.51, 3.5])


def test_the_seconds_to_compile_are_those_before_the_first_batch(cache_folder, monkeypatch):
    clock = iter([0.0, 5.0, 6.0])  # begun, one batch of 10 images computed, computed again
    monkeypatch.setattr("kerasclf.transfer.samples.time.perf_counter", lambda: next(clock))
    sample = Samples().of(make(cache_folder, Counted()), random_subset(10))
    assert (sample.image_s, sample.compile_s) == (0.1, 4.0)
