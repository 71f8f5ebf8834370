"""A fake network whose activations are mean colours, and its frozen part."""

import numpy as np

from kerasclf.transfer.cache import ActivationCache
from kerasclf.transfer.extraction import CachePoint
from kerasclf.transfer.frozen import Frozen


class FakeSource:
    """A network of two given functions."""

    name = "small"

    def __init__(self, cache_point=None, compute=None):
        self.cache_point, self.compute = cache_point, compute


class Counted:
    """Computes the mean colour of images, and records the images."""

    def __init__(self):
        self.seen, self.made = [], 0

    def make(self, points):
        self.made += 1
        self.cuts = [point.cut for point in points]
        return self.compute

    def compute(self, batches):
        for images in batches:
            self.seen += [image for image in images if image.any()]  # without the black images that fill a batch
            yield [colors(images) * cut for cut in self.cuts]


def colors(images):
    return images.mean(axis=(1, 2), dtype=np.float32)


def cache_point_of(folder, cut=1, about="small"):
    return CachePoint(cut, f"layer{cut}", ActivationCache(folder, {"name": about, "point": cut}, (3,), "float32"))


def make(folder, counted, views=0, change=None, about="small", also_cache=()):
    def point(cut):
        return cache_point_of(folder, cut, about)

    return Frozen(FakeSource(point, counted.make), point(1), views, change, also_cache)


def rows(subset):
    return subset.images.read(np.arange(len(subset)))


def known(folder, cut):
    """Returns the rows of the cache of a cut by key."""
    cache = cache_point_of(folder, cut).cache
    found = cache.known()
    return dict(zip(found, cache.source(list(found)).read(np.arange(len(found))), strict=True)) if found else {}


def silent(line):
    pass
