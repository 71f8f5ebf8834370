"""Corruptions of images."""

import numpy as np
import pytest

from kerasclf.inference.corruptions import CORRUPTIONS, SEVERITIES, STRENGTHS, corrupt


@pytest.fixture(scope="module")
def image():
    """A picture of 224×168 pixels with smooth shapes and edges."""
    y, x = np.mgrid[:224, :168] / 168
    waves = [(np.sin(40 * x) > 0) * 1.0, np.sin(3 * x + 2 * y), np.cos(5 * x)]
    return np.stack([100 + 80 * wave for wave in waves], axis=2).astype(np.uint8)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_stronger_corruptions_change_an_image_more(image, corruption, channels):
    image = image[:, :, :channels]
    before = image.copy()
    found = [corrupt(image, corruption, strength) for strength in STRENGTHS]
    assert {(one.shape, one.dtype) for one in found} == {(image.shape, np.dtype(np.uint8))}
    distances = [np.abs(one.astype(float) - image).mean() for one in found]
    assert distances[0] > 0.1
    assert distances == sorted(distances) and len(set(distances)) == 5
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_an_image_and_a_seed_decide_a_corruption(image, corruption):
    first = corrupt(image, corruption, 3)
    np.testing.assert_array_equal(corrupt(image.copy(), corruption, 3), first)
    is_random = corruption in ("noise", "occlusion")
    assert np.array_equal(corrupt(image, corruption, 3, seed=1), first) != is_random
    # Another image has another draw: the changes differ.
    if is_random:
        other = image[::-1]
        assert not np.array_equal(corrupt(other, corruption, 3)[::-1], first)


def test_the_severities_are_those_that_are_documented(image):
    flat = np.full((100, 100, 3), 100, np.uint8)
    assert corrupt(flat, "noise", 2).std() == pytest.approx(255 * 0.06, rel=0.05)
    assert set(np.unique(corrupt(flat, "brightness", 3))) == {100 + round(0.3 * 255)}
    assert (corrupt(flat, "occlusion", 5) == 127).mean() == pytest.approx(0.4, abs=0.01)
    halves = np.repeat(np.array([[50], [150]], np.uint8), 8, axis=1)[:, :, None]
    assert np.unique(corrupt(halves, "contrast", 2)).tolist() == [75, 125]


def test_blur_grows_with_the_size_of_an_image():
    def width(side):
        """Pixels over which an edge rises from 10 to 90 %."""
        edge = np.zeros((side, side, 1), np.uint8)
        edge[:, side // 2 :] = 250
        row = corrupt(edge, "blur", 5)[side // 2, :, 0]
        return int(((row > 25) & (row < 225)).sum())

    assert width(448) == pytest.approx(2 * width(224), abs=2)
    assert width(224) == pytest.approx(2.56 * SEVERITIES["blur"][4], abs=2)


@pytest.mark.parametrize(("name", "strength"), [("fog", 1), ("noise", 0), ("noise", 6)])
def test_others_are_refused(image, name, strength):
    with pytest.raises(ValueError, match=r"Unknown corruption 'fog'|strength: expected 1 to 5"):
        corrupt(image, name, strength)
