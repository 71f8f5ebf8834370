"""From a network to a model of raw images, under its strategy and precision, and to the part of it below a cut."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.data import ImageDataset
from kerasclf.machine import usable_cores
from kerasclf.pipeline import Augmentation
from kerasclf.pipeline.augment import make_augment
from kerasclf.pipeline.normalization import normalize
from kerasclf.pipeline.normalization_statistics import Statistics, fit_statistics
from kerasclf.training.config import TrainConfig
from kerasclf.training.devices import make_strategy, precision
from kerasclf.training.faster import faster_layers
from kerasclf.training.training_flaws import all_images
from kerasclf.transfer.cache import ActivationCache, cache_root
from kerasclf.transfer.cuts import Cuts
from kerasclf.transfer.extraction import CachePoint, Change, Compute
from kerasclf.transfer.extraction_engines import choose_engine, engine_version, openvino_compute, tensorflow_compute
from kerasclf.transfer.frozen import Frozen
from kerasclf.transfer.identity import model_digest
from kerasclf.transfer.settings import Transfer

NetworkFactory = Callable[[tuple[int, int, int], int], keras.Model]


@dataclass(frozen=True)
class Assembled:
    """A network with the normalisation before it.

    Args:
        model: Takes raw uint8 images, gives probabilities.
        core: The network alone.
        front: The normalisation alone: from raw images to what the network takes.
        cuts: Where the network can be divided.
    """

    model: keras.Model
    core: keras.Model
    front: keras.Model
    cuts: Cuts

    def below(self, cuts: Sequence[int], learns: bool = False) -> keras.Model:
        """Returns what gives the activations of some points of raw images; its layers are the model's own."""
        lower = self.cuts.lowers(cuts)
        # Inference: what is frozen drops nothing and keeps its statistics, unless a flaw lets it learn.
        training = None if learns else False
        return keras.Model(self.front.input, lower(self.front.output, training=training), name=lower.name)

    def through(self, cut: int, learns: bool = False) -> keras.Model:
        """Returns the whole model, in which all below a point runs as in inference while the rest trains."""
        below = self.below([cut], learns)
        return keras.Model(below.input, self.cuts.upper(cut)(below.outputs[0]), name=self.model.name)


def assemble(
    network: NetworkFactory,
    image_shape: tuple[int, int, int],
    num_classes: int,
    augmentation: Augmentation,
    statistics: Statistics | None,
    dtype: str = "uint8",
    swap_channels: bool = False,
) -> Assembled:
    """Puts normalisation and a network together into a model of raw uint8 images, or of the float32 rows of a table."""
    core = network(image_shape, num_classes)
    cuts = Cuts(core)
    image = keras.Input(image_shape, dtype=dtype, name="image")
    normalized = normalize(image, augmentation, statistics)
    if swap_channels:  # a flaw
        normalized = keras.ops.flip(normalized, axis=-1)
    model = keras.Model(image, core(normalized), name=f"{core.name}_raw")
    return Assembled(model, core, keras.Model(image, normalized, name="normalization"), cuts)


@dataclass(frozen=True)
class Built:
    """An assembled network under its strategy and precision.

    Args:
        assembled: The network.
        strategy: Under which it was built.
        policy: The precision it was built in.
        in_float32: Builds the network once more, in float32 and with weights of its own.
        flaws: Names out of `kerasclf.flaws.FLAWS`; none in a sound training.
    """

    assembled: Assembled
    strategy: tf.distribute.Strategy
    policy: str
    in_float32: Callable[[], Assembled]
    flaws: tuple[str, ...] = ()

    def frozen(
        self, cut: int, augmentation: Augmentation, transfer: Transfer, also_cache: Sequence[int] = ()
    ) -> Frozen:
        """Returns the part below a point, with the weights it has now, and its cache.

        Args:
            cut: Where it ends.
            augmentation: What makes views, where there are any.
            transfer: How it is computed.
            also_cache: Other points whose activations will be wanted of the same images, with the weights they have now.

        Raises:
            KerasclfError: The engine asked for is not installed.
        """
        engine = choose_engine(transfer.engine)
        change = _change(augmentation, self.assembled.front.input.shape[1:]) if transfer.views else None
        views = augmentation.digest() if transfer.views else None
        return Frozen(
            network=self.assembled.core.name,
            kept=self._kept(cut, engine, views),
            # Made once for all parts of the data, if at all.
            engine=functools.cache(lambda cuts: self._compute(cuts, engine)),
            views=transfer.views,
            change=change,
            also_cache=also_cache,
            keep=lambda other: self._kept(other, engine, views),
        )

    def _kept(self, cut: int, engine: str, views: str | None) -> CachePoint:
        """Returns what is kept at a point, in a cache that is known by all that decides its values."""
        lower, name = self.assembled.cuts.lower(cut), self.assembled.cuts.name(cut)
        about = {
            "name": f"{self.assembled.core.name} up to {name}",
            "below": model_digest(lower),
            "before": model_digest(self.assembled.front),
            "precision": self.policy,
            "engine": engine_version(engine),
            **({"views": views} if views else {}),
        }
        shape, dtype = tuple(lower.output.shape[1:]), lower.output.dtype
        return CachePoint(cut, name, ActivationCache(cache_root(), about, shape, dtype))

    def _compute(self, cuts: Sequence[int], engine: str) -> Compute:
        if engine == "tensorflow":
            below = self.assembled.below(cuts)
            with faster_layers(below):  # as in training through the whole network, to the last bit
                return tensorflow_compute(below)
        return openvino_compute(self._for_openvino().below(cuts), self.policy, usable_cores())

    def _for_openvino(self) -> Assembled:
        """Returns the network in float32, which it lowers by itself."""
        if self.policy == "float32" and self.strategy.num_replicas_in_sync == 1:
            return self.assembled
        twin = self.in_float32()
        twin.core.set_weights(self.assembled.core.get_weights())
        return twin


def build_model(
    dataset: ImageDataset,
    network: NetworkFactory,
    augmentation: Augmentation,
    config: TrainConfig,
    seed: int,
    flaws: tuple[str, ...] = (),
) -> Built:
    """Builds the model under its strategy and precision; its initial weights are the seed's."""
    keras.utils.set_random_seed(seed)
    strategy = make_strategy(config.strategy)
    known = all_images(dataset) if "statistics_of_all" in flaws else dataset.train
    statistics = fit_statistics(known, augmentation) if augmentation.centers else None
    swap = "swapped_channels" in flaws

    def build() -> Assembled:
        dtype = dataset.train.images.dtype.name
        return assemble(network, dataset.image_shape, dataset.num_classes, augmentation, statistics, dtype, swap)

    def in_float32() -> Assembled:
        with precision("float32"):
            return build()

    with strategy.scope(), precision(config.precision) as policy:
        assembled = build()
    return Built(assembled, strategy, policy, in_float32, flaws)


def _change(augmentation: Augmentation, image_shape: tuple[int, int, int]) -> Change | None:
    augment = make_augment(augmentation, 0, image_shape)
    if augment is None:
        return None

    def change(images: NDArray[np.uint8], own: NDArray[np.int64], view: int) -> NDArray[np.uint8]:
        return np.asarray(augment(tf.constant(images), tf.constant(view, tf.int64), tf.constant(own)))

    return change
