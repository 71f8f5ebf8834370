"""Views of an image for test-time augmentation."""

import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.inference.averaged_views import VIEWS, views_of


def test_the_first_views_are_the_image_and_its_mirror_image(images):
    first, second = (view.of(images) for view in views_of("flip"))
    np.testing.assert_array_equal(first, images)
    np.testing.assert_array_equal(second, images[:, :, ::-1])


def test_all_views_differ_and_keep_the_shape():
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    found = [view.of(images) for view in VIEWS]
    assert {(one.shape, one.dtype) for one in found} == {(images.shape, np.dtype(np.uint8))}
    assert len({one.tobytes() for one in found}) == len(VIEWS) == 10


def test_a_cropped_view_shows_seven_eighths_of_each_side():
    ramp = np.tile(np.arange(80, dtype=np.uint8)[None, :, None], (1, 80, 1, 1)).reshape(1, 80, 80, 1)
    left = VIEWS[4].of(ramp)  # the upper left part
    assert (left[0, 0, 0, 0], left[0, 0, -1, 0]) == (0, 69)
    middle = VIEWS[2].of(ramp)
    assert (middle[0, 0, 0, 0], middle[0, 0, -1, 0]) == (5, 74)


@pytest.mark.parametrize("tta", ["1", "11", "0", "mirror", "-2", 1])
def test_other_requests_are_refused(tta):
    with pytest.raises(KerasclfError, match=rf"tta: expected flip, or 2 to 10 views\. Received: {tta}\."):
        views_of(tta)
