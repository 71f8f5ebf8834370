from contextlib import contextmanager

import numpy as np
import pytest

from kerasclf.audit.crops import Crop
from kerasclf.audit.duplicates import difference_hash, equal_images, joined, near_duplicates
from tests.audit.scenes import VARIANTS, brighter, crop, flip, scenes


def keys_of(images):
    return [image.tobytes().hex() for image in images]


@pytest.fixture(scope="module")
def found():
    """The near-duplicates of 40 pictures, of which the first five have a variant each, and the sixth a copy."""
    images = scenes(40)
    variants = [change(images[index]) for index, change in enumerate(VARIANTS.values())]
    images = np.concatenate([images, np.stack([*variants, images[5]])])
    steps = {}

    @contextmanager
    def track(title, total, unit="images"):
        done = []
        yield done.append
        steps[title, unit] = sum(done), total

    near = near_duplicates(images, keys_of(images), track=track)
    # Of equal images only the first is compared.
    assert steps.pop(("searching the nearest neighbours", "images")) == (45, 45)
    assert steps.pop(("comparing crops", "images")) == (45, 45)
    ((title, (done, total)),) = steps.items()
    assert title == ("fitting the crops of similar images", "pairs") and 5 <= done == total
    return near


@pytest.mark.parametrize(("number", "name"), [*enumerate(VARIANTS)])
def test_each_planted_variant_is_found(found, number, name):
    scores = {(pair.one, pair.other): pair.score for pair in found.pairs}
    assert scores[number, 40 + number] >= found.threshold


def test_nothing_else_is_found(found):
    assert [pair[:2] for pair in found.pairs] == [(index, 40 + index) for index in range(len(VARIANTS))]
    assert found.threshold == 0.95
    assert all(pair.score <= 1 for pair in found.pairs)


def test_a_variant_of_a_variant_is_found():
    images = scenes(20)
    images = np.concatenate([images, [crop(flip(brighter(images[3])))]])
    assert [pair[:2] for pair in near_duplicates(images, keys_of(images)).pairs] == [(3, 20)]


def test_colours_tell_pictures_apart():
    """The shapes are equal, the colours are not: a red and a green apple."""
    images = scenes(20)
    images = np.concatenate([images, images[:1, :, :, ::-1]])
    assert near_duplicates(images, keys_of(images)).pairs == ()


def test_images_that_all_look_alike_need_a_higher_correlation():
    one = scenes(1)[0].astype(np.int64)
    noise = np.random.default_rng(0).normal(0, 6, (30, 32, 32, 3))
    images = (one + noise).clip(0, 255).astype(np.uint8)
    found = near_duplicates(images, keys_of(images))
    assert found.threshold > 0.98
    assert found.pairs == ()


def test_features_of_a_network_propose_pairs():
    """A rotation by 90 degrees is no crop: features may propose it, but the pixels decide."""
    images = scenes(30)
    images = np.concatenate([images, [np.rot90(images[0])]])
    features = np.eye(31, dtype=np.float32)
    features[30] = features[0]
    assert near_duplicates(images, keys_of(images), features).pairs == ()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_have_no_duplicates(count):
    images = scenes(2)[:count]
    assert near_duplicates(images, keys_of(images)).pairs == ()


def test_images_of_one_colour_are_no_near_duplicates():
    images = np.stack([np.full((32, 32, 3), grey, np.uint8) for grey in (0, 90, 200)])
    assert near_duplicates(images, keys_of(images)).pairs == ()


def test_equal_images():
    assert equal_images(["a", "b", "b", "a", "c", "a"]) == [[0, 3, 5], [1, 2]]
    assert equal_images([]) == []


def test_pairs_are_joined():
    assert joined([(4, 1), (1, 0), (2, 3)], 6) == [[0, 1, 4], [2, 3]]
    assert joined([], 6) == []


def test_the_hash_is_that_of_the_gradient():
    rising = np.tile(np.arange(32, dtype=np.uint8)[None, None, :, None] * 4, (1, 32, 1, 1))
    assert difference_hash(rising)[0] == np.uint64(2**64 - 1)
    assert difference_hash(rising[:, :, ::-1])[0] == 0


def test_crops_stay_inside_the_image():
    crops = [Crop(), Crop(0.4, 0.0, 0.6), Crop(0.1, 0.1, 0.9, True)]
    for start in crops:
        for moved in start.moved(0.04):
            assert 0 <= moved.left <= 1 - moved.side + 1e-9
            assert 0 <= moved.top <= 1 - moved.side + 1e-9
            assert 0.6 <= moved.side <= 1
            assert moved.mirrored == start.mirrored
