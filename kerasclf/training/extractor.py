"""Computes the activations of a built network at its cuts, and names their caches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.files.cache_folders import cache_root
from kerasclf.machine.resources import usable_cores
from kerasclf.pipeline import Augmentation
from kerasclf.pipeline.apply_augmentation import make_augment
from kerasclf.training.assembly import Built
from kerasclf.training.devices import describe_device
from kerasclf.training.distributed.multiworker import extraction_workers
from kerasclf.training.faster import faster_layers
from kerasclf.transfer.cache import ActivationCache
from kerasclf.transfer.compute_engines import choose_engine, engine_version, openvino_compute, tensorflow_compute
from kerasclf.transfer.extraction import CachePoint, Change, Compute
from kerasclf.transfer.frozen import Frozen
from kerasclf.transfer.identity import model_digest
from kerasclf.transfer.settings import Transfer


@dataclass(frozen=True)
class Extractor:
    """A `kerasclf.transfer.frozen.Source`: one engine over one built network, with the weights that it has now.

    Args:
        built: The network.
        engine: `"tensorflow"` or `"openvino"`.
        views: The digest of the augmentation that makes the cached views; None without views.
    """

    built: Built
    engine: str
    views: str | None = None

    @property
    def name(self) -> str:
        """The name of the network."""
        return self.built.assembled.core.name

    def cache_point(self, cut: int) -> CachePoint:
        """Returns the cache of a cut. Everything that decides the activations identifies it."""
        assembled = self.built.assembled
        lower, layer = assembled.cuts.lower([cut]), assembled.cuts.name(cut)
        about = {
            "name": f"{self.name} up to {layer}",
            "below": model_digest(lower),
            "before": model_digest(assembled.front),
            "precision": self.built.policy,
            "engine": engine_version(self.engine),
            "device": describe_device(),
            **({"views": self.views} if self.views else {}),
            # The configuration of a layer of your own holds its class name, but not its code.
            **({"source": source} if (source := self.built.recipe.source) else {}),
        }
        output = lower.outputs[0]
        return CachePoint(cut, layer, ActivationCache(cache_root(), about, tuple(output.shape[1:]), output.dtype))

    def compute(self, points: Sequence[CachePoint]) -> Compute:
        """Returns a function from batches of images to their activations at some cuts."""
        key = tuple(point.cache.folder.name for point in points)
        if key not in self.built.compiled:
            self.built.compiled.clear()  # it has a copy of the weights
            self.built.compiled[key] = self._compile([point.cut for point in points])
        return self.built.compiled[key]

    def _compile(self, cuts: Sequence[int]) -> Compute:
        if self.engine == "openvino":  # OpenVINO lowers the precision of a float32 network itself
            return openvino_compute(self.built.in_float32().below(cuts), self.built.policy, usable_cores())
        below = self.built.assembled.below(cuts)
        with faster_layers(below):  # the layers of training through the whole network
            return tensorflow_compute(below)


def freeze_below(built: Built, cut: int, transfer: Transfer, also_cache: Sequence[int] = ()) -> Frozen:
    """Returns the frozen part of a network below a cut, with its cache.

    Args:
        built: The network; the frozen part keeps the weights that it has now.
        cut: The position where the frozen part ends.
        transfer: The engine and the views.
        also_cache: Other cuts whose activations the same pass of the images computes and caches.

    Raises:
        KerasclfError: If the requested engine is not installed.
    """
    augmentation, views = built.recipe.augmentation, transfer.views
    extractor = Extractor(built, choose_engine(transfer.engine), augmentation.digest() if views else None)
    change = _make_change(augmentation, built.blueprint.image_shape) if views else None
    workers = extraction_workers(built.strategy)
    return Frozen(extractor, extractor.cache_point(cut), views, change, tuple(also_cache), workers)


def _make_change(augmentation: Augmentation, image_shape: tuple[int, int, int]) -> Change | None:
    augment = make_augment(augmentation, 0, image_shape)
    if augment is None:
        return None

    def change(images: NDArray[np.uint8], seeds: NDArray[np.int64], view: int) -> NDArray[np.uint8]:
        return np.asarray(augment(tf.constant(images), tf.constant(view, tf.int64), tf.constant(seeds)))

    return change
