"""The test images that leak are stratified and follow from the seed; near-copies resemble their images."""

import numpy as np
import pytest

from kerasclf.data.image_sources import ArrayImages
from kerasclf.data.leaks import leaked_test_images, near_copies
from tests.conftest import make_subset

LABELS = np.repeat([0, 1, 2], [10, 20, 5])


@pytest.mark.parametrize(("flaw", "of_each"), [("choose_on_half", [5, 10, 2]), ("duplicates", [2, 4, 1]),
                                               ("group_leak", [2, 4, 1]), ("softmax_twice", [0, 0, 0])])  # fmt: skip
def test_the_same_share_of_each_class_leaks(flaw, of_each):
    leaked = leaked_test_images(LABELS, (flaw,), seed=0)
    assert np.bincount(LABELS[leaked], minlength=3).tolist() == of_each


def test_the_seed_decides_which_images_leak():
    one, again, other = (leaked_test_images(LABELS, ("choose_on_half",), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_flaws_of_one_share_leak_the_same_images():
    one, other = (leaked_test_images(LABELS, (flaw,), seed=3) for flaw in ("duplicates", "group_leak"))
    np.testing.assert_array_equal(one, other)


def test_a_near_copy_is_shifted_and_brighter_or_darker():
    """A black image with a white pixel: the pixel moves by at most 2 of 32 pixels, and black becomes grey."""
    subset = make_subset(20)
    subset.images.array[:] = 0
    subset.images.array[:, 16, 16] = 255
    copies = near_copies(subset, seed=1)
    brightest = np.argwhere(copies.images.array[..., 0] == 255)
    assert brightest[:, 0].tolist() == list(range(20))
    assert np.abs(brightest[:, 1:] - 16).max() == 2
    assert ((brightest[:, 1:] != 16).any(axis=1)).sum() > 10
    background = copies.images.array[:, 0, 0]
    assert 8 <= background.min() < background.max() <= 24
    assert copies.labels is subset.labels


@pytest.mark.parametrize("level", [0, 255])
def test_no_near_copy_equals_its_image(level):
    subset = make_subset(30)
    flat = ArrayImages(np.full_like(subset.images.array, level))
    copies = near_copies(type(subset)(flat, subset.labels, subset.names), seed=1)
    assert (copies.images.array != level).all()
