"""Builds the model of raw images that a recipe describes, under its strategy and precision."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import keras
import tensorflow as tf

from kerasclf.data import ImageDataset
from kerasclf.data.folds import all_images
from kerasclf.pipeline import Augmentation
from kerasclf.pipeline.normalization import normalize
from kerasclf.pipeline.normalization_statistics import Statistics, fit_statistics
from kerasclf.training.devices import check_settings, make_strategy, precision
from kerasclf.training.recipe import NetworkFactory, Recipe
from kerasclf.transfer.cuts import Cuts
from kerasclf.transfer.extraction import Compute


@dataclass(frozen=True)
class Assembled:
    """A network with the normalisation in front of it.

    Args:
        model: From raw uint8 images, pixels 0–255, to probabilities.
        core: The network alone.
        front: The normalisation alone: from raw images to the input of the network.
        cuts: The positions at which the network can be divided.
    """

    model: keras.Model
    core: keras.Model
    front: keras.Model
    cuts: Cuts

    def below(self, cuts: Sequence[int], learns: bool = False) -> keras.Model:
        """Returns the model from raw images to the activations at some cuts. It shares the layers of the network.

        Args:
            cuts: Positions in the network.
            learns: Whether frozen batch normalisation updates its statistics, a flaw.
        """
        lower = self.cuts.lower(cuts)
        # In inference mode the frozen layers drop nothing and keep their statistics.
        training = None if learns else False
        return keras.Model(self.front.input, lower(self.front.output, training=training), name=lower.name)

    def through(self, cut: int, learns: bool = False) -> keras.Model:
        """Returns the whole model, in which everything below a cut runs in inference mode while the rest trains."""
        below = self.below([cut], learns)
        return keras.Model(below.input, self.cuts.upper(cut)(below.outputs[0]), name=self.model.name)


@dataclass(frozen=True)
class Blueprint:
    """The parts from which `assemble` makes a model, with new weights at each call.

    Args:
        network: Builds the uncompiled network from the image shape and the number of classes.
        image_shape: Height, width and channels.
        num_classes: Width of the output.
        augmentation: Decides the normalisation.
        statistics: Mean and deviation of the training images; None if the normalisation uses none.
        dtype: `"uint8"` for images, `"float32"` for the rows of a table.
        swap_channels: Whether red and blue are exchanged, a flaw.
    """

    network: NetworkFactory
    image_shape: tuple[int, int, int]
    num_classes: int
    augmentation: Augmentation
    statistics: Statistics | None = None
    dtype: str = "uint8"
    swap_channels: bool = False

    def assemble(self) -> Assembled:
        """Returns a model of raw images (or rows): the normalisation, then the network."""
        core = self.network(self.image_shape, self.num_classes)
        cuts = Cuts(core)  # before the network becomes part of a second model
        image = keras.Input(self.image_shape, dtype=self.dtype, name="image")
        normalized = normalize(image, self.augmentation, self.statistics)
        if self.swap_channels:
            normalized = keras.ops.flip(normalized, axis=-1)
        model = keras.Model(image, core(normalized), name=f"{core.name}_raw")
        return Assembled(model, core, keras.Model(image, normalized, name="normalization"), cuts)


@dataclass(frozen=True)
class Built:
    """An assembled network under its strategy and precision.

    Args:
        recipe: The recipe it was built for.
        blueprint: The parts it was assembled from.
        assembled: The network.
        strategy: The tf.distribute strategy it was built under.
        policy: The precision it was built in; never `"auto"`.
    """

    recipe: Recipe
    blueprint: Blueprint
    assembled: Assembled
    strategy: tf.distribute.Strategy
    policy: str
    # The frozen part that was compiled last, by the names of its caches. Compiling takes seconds: all sets and phases
    # share it until the weights change.
    compiled: dict[tuple[str, ...], Compute] = field(default_factory=dict, init=False, repr=False, compare=False)

    def in_float32(self) -> Assembled:
        """Returns the network in float32 on one device: the network itself if it is so already, otherwise a copy."""
        if self.policy == "float32" and self.strategy.num_replicas_in_sync == 1:
            return self.assembled
        with precision("float32"):
            copy = self.blueprint.assemble()
        copy.core.set_weights(self.assembled.core.get_weights())
        return copy


def build_model(dataset: ImageDataset, recipe: Recipe) -> Built:
    """Builds the model under its strategy and precision. The seed of the recipe decides the initial weights."""
    for phase in recipe.phases:
        check_settings(phase)
    keras.utils.set_random_seed(recipe.seed)
    strategy, blueprint = make_strategy(recipe.last.strategy), _blueprint(dataset, recipe)
    with strategy.scope(), precision(recipe.last.precision) as policy:
        return Built(recipe, blueprint, blueprint.assemble(), strategy, policy)


def _blueprint(dataset: ImageDataset, recipe: Recipe) -> Blueprint:
    known = all_images(dataset) if "statistics_of_all" in recipe.flaws else dataset.train
    return Blueprint(
        network=recipe.network,
        image_shape=dataset.image_shape,
        num_classes=dataset.num_classes,
        augmentation=recipe.augmentation,
        statistics=fit_statistics(known, recipe.augmentation) if recipe.augmentation.centers else None,
        dtype=dataset.train.images.dtype.name,
        swap_channels="swapped_channels" in recipe.flaws,
    )
