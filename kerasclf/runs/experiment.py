"""`Experiment`: everything that decides a run except its seed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.specs import complete_spec
from kerasclf.data.splits import Split
from kerasclf.errors import KerasclfError, unknown
from kerasclf.flaws import FLAWS
from kerasclf.log import Log
from kerasclf.networks.network_checks import name_problems
from kerasclf.networks.network_source import is_own, is_saved, name_function, source_digest
from kerasclf.pipeline import Augmentation
from kerasclf.training import TrainConfig
from kerasclf.transfer import Transfer
from kerasclf.values import LATER, Value

if TYPE_CHECKING:
    import keras

    from kerasclf.data import ImageDataset
    from kerasclf.training.recipe import Recipe


@dataclass(frozen=True)
class Experiment(Value):
    """A frozen, hashable value that decides a run together with its seed.

    Args:
        data: Spec of a data set, as `kerasclf.load_dataset` takes it.
        model: Name of a network in the catalogue. Or a network of your own: a function, its `"module:function"`, or
            a saved `.keras` file to start from.
        model_args: Further arguments of the builder; given as a mapping, stored as sorted pairs.
        augmentation: Random changes of the training images, and the normalisation of all images.
        train: How to train in the last phase.
        earlier_phases: How to train in earlier phases. Each phase continues with the weights of the phase before.
        transfer: Source of the pretrained weights, and the cache of frozen activations; None for a network with
            random weights.
        split: How to divide the images into training, validation and test set.
        image_size: Height and width, in pixels, to which the images of folders and lists are resized and synthetic
            shapes are drawn; None keeps the original size.
        fit: How an image of another aspect ratio fills `image_size`: `"squash"` stretches it, `"crop"` keeps its
            middle, `"pad"` adds a black border. The saved model records it, and reads new images alike.
        augment_validation: Whether validation images are augmented too, a flaw of some published studies.
        skip_broken: Whether to leave out image files that cannot be read, instead of refusing them.
        flaws: Names from `kerasclf.flaws.FLAWS`; empty in a sound experiment.
        model_source: SHA-256 of the source file of your own network; None reads the file. A network of the catalogue
            has none.

    Example:
        >>> from kerasclf import Experiment, TrainConfig
        >>> adam = Experiment(data="digits", model="mlp", train=TrainConfig(epochs=10))
        >>> sgd = adam.but(train=adam.train.but(optimizer="sgd"))
        >>> adam.train.optimizer, sgd.train.optimizer, sgd.epochs
        ('adam', 'sgd', 10)
        >>> Experiment.from_dict(sgd.to_dict()) == sgd
        True
        >>> adam.identity == sgd.identity
        False
    """

    data: str = "shapes"
    model: str = "basenet"
    model_args: tuple[tuple[str, Any], ...] | Mapping[str, Any] = ()
    augmentation: Augmentation = field(default_factory=Augmentation)
    train: TrainConfig = field(default_factory=TrainConfig)
    earlier_phases: tuple[TrainConfig, ...] = ()
    transfer: Transfer | None = None
    split: Split = field(default_factory=Split)
    image_size: tuple[int, int] | None = None
    augment_validation: bool = False
    fit: Fit = field(default="squash", metadata=LATER)
    skip_broken: bool = field(default=False, metadata=LATER)
    flaws: tuple[str, ...] = field(default=(), metadata=LATER)
    model_source: str | None = field(default=None, metadata=LATER)

    def __post_init__(self) -> None:
        if isinstance(self.model_args, Mapping):
            object.__setattr__(self, "model_args", tuple(sorted(self.model_args.items())))
        if isinstance(self.data, str):
            object.__setattr__(self, "data", complete_spec(self.data))
        if callable(self.model):
            object.__setattr__(self, "model", name_function(self.model))
        if isinstance(self.model, str):
            self._complete_own_network()
        super().__post_init__()

    def _complete_own_network(self) -> None:
        """Reads the source of the user's own network, and takes the weights of a saved one from its file."""
        if self.model_source is None:
            object.__setattr__(self, "model_source", source_digest(self.model))
        if is_saved(self.model) and isinstance(self.transfer, Transfer) and self.transfer.weights == "imagenet":
            object.__setattr__(self, "transfer", self.transfer.but(weights=self.model))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Creates an experiment from the output of `to_dict`. It opens no file and imports no module.

        Raises:
            KerasclfError: If a field is unknown or cannot be used.
        """
        model = values.get("model")
        if isinstance(model, str) and is_own(model) and not values.get("model_source"):
            raise KerasclfError(f"model_source: expected the SHA-256 of the source of {model!r}. Received: None.")
        return super().from_dict(values)

    def but(self, **changes: Any) -> Self:
        """Returns a copy with some fields changed. Another `model` has another `model_source`."""
        if changes.get("model", self.model) != self.model:
            changes = {"model_source": None, **changes}
        return super().but(**changes)

    def reading(self, group: str | None = None, skip_broken: bool = False, fit: Fit | None = None) -> Self:
        """Returns the experiment with another way to read its images. None and False change nothing.

        Args:
            group: As for `Split`.
            skip_broken: Whether to leave out files that cannot be read.
            fit: How an image fills `image_size`.
        """
        split = self.split if group is None else self.split.but(group=group)
        return self.but(split=split, skip_broken=skip_broken or self.skip_broken, fit=fit or self.fit)

    def with_training(self, changes: Mapping[str, Any]) -> Self:
        """Returns the experiment with other settings of `TrainConfig` in all its phases."""
        train, *earlier = (phase.but(**changes) for phase in (self.train, *self.earlier_phases))
        return self.but(train=train, earlier_phases=tuple(earlier))

    def on_split(self, seed: int, splits: int) -> Self:
        """Returns the experiment as the run of one seed makes it, where a study repeats the split of its images.

        Args:
            seed: Seed of the run.
            splits: Number of splits. The run has the split with the number `seed` modulo `splits`, from 0.

        Example:
            >>> from kerasclf import Experiment
            >>> [Experiment().on_split(seed, splits=2).split.seed for seed in range(4)]
            [0, 1, 0, 1]
        """
        number = seed % splits
        return self.but(split=self.split.but(seed=self.split.seed + number)) if number else self

    @property
    def phases(self) -> tuple[TrainConfig, ...]:
        """How to train in each phase, in order."""
        return (*self.earlier_phases, self.train)

    @property
    def epochs(self) -> int:
        """Maximum number of epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)

    def problems(self) -> list[str]:
        found, size = [], self.image_size
        if size is not None and (len(size) != 2 or min(size) < 1):
            found.append(f"image_size: expected (height, width) of at least 1 pixel, or None. Received: {size!r}.")
        for name in ("precision", "strategy"):
            if len({getattr(phase, name) for phase in self.phases}) > 1:
                found.append(f"earlier_phases: expected the same {name} in every phase, as the network is built once.")
        if self.transfer is None and any(phase.unfreeze != "all" for phase in self.phases):
            found.append("unfreeze: expected a transfer, which names the source of the frozen weights.")
        if self.transfer is not None and self.transfer.views and not self.augmentation.changes_images:
            found.append("transfer.views: expected an augmentation that changes images. All views would be the same.")
        if self.transfer is not None and self.transfer.views and self.augmentation.mixes:
            found.append("transfer.views: expected no mix_up and no cut_mix, which mix images anew in every epoch.")
        return found + self._head_problems() + self._network_problems() + self._flaw_problems()

    def _head_problems(self) -> list[str]:
        """Returns a problem for a regression that has no output layer right above the features."""
        hidden = dict(self.model_args).get("head", ())
        if self.transfer is None or self.transfer.head != "regression" or not hidden:
            return []
        return [f"transfer.head: expected 'new' with hidden layers in the head. Received: 'regression', {hidden!r}."]

    def _network_problems(self) -> list[str]:
        if not is_own(self.model):
            found = name_problems(self.model)
            if self.model_source is not None:
                found.append(f"model_source: expected None for {self.model}. Received: {self.model_source!r}.")
            return found
        found = []
        if not re.fullmatch(r"[0-9a-f]{64}", self.model_source or ""):
            found.append(f"model_source: expected a SHA-256 of 64 digits. Received: {self.model_source!r}.")
        weights = self.transfer.weights if self.transfer else None
        if is_saved(self.model) and weights not in (None, self.model):
            found.append(f"transfer.weights: expected {self.model!r}, the network's own file. Received: {weights!r}.")
        elif weights == "imagenet":
            found.append(
                f"transfer.weights: expected 'none' or a .keras file, as {self.model} has no ImageNet weights. "
                "Received: 'imagenet'."
            )
        return found

    def _flaw_problems(self) -> list[str]:
        found = [unknown("flaw", name, FLAWS) for name in self.flaws if name not in FLAWS]
        if len(set(self.flaws)) < len(self.flaws):
            found.append(f"flaws: expected each name once. Received: {self.flaws!r}.")
        if "statistics_of_all" in self.flaws and not self.augmentation.centers:
            found.append("statistics_of_all: expected a featurewise augmentation; no other one uses statistics.")
        if "softmax_twice" in self.flaws and any(p.loss != "crossentropy" or p.logit_adjustment for p in self.phases):
            found.append("softmax_twice: expected `loss` to be 'crossentropy' and no `logit_adjustment`.")
        if "unshuffled" in self.flaws and any(phase.oversampling for phase in self.phases):
            found.append("unshuffled: expected no `oversampling`, which shuffles the images.")
        if "batch_norm_learns" in self.flaws and self.transfer is None:
            found.append("batch_norm_learns: expected a transfer, which freezes a part of the network.")
        return found

    def dataset(self, log: Log) -> "ImageDataset":
        """Loads the images, divided into three sets, with the experiment's flaws of data.

        Args:
            log: Receives progress messages, one line each.
        """
        from kerasclf.data.data_flaws import spoil

        return spoil(self.source(log), self.flaws, self.split.seed)

    def source(self, log: Log) -> "ImageDataset":
        """Loads the images, divided into three sets, without any flaws.

        Args:
            log: Receives progress messages, one line each.
        """
        from kerasclf.data import load_dataset

        return load_dataset(
            self.data,
            split=self.split,
            image_size=self.image_size,
            fit=self.fit,
            skip_broken=self.skip_broken,
            log=log,
        )

    def network(self, image_shape: tuple[int, int, int], num_classes: int) -> "keras.Model":
        """Builds the uncompiled network with its pretrained weights, if any. Needs TensorFlow.

        Args:
            image_shape: Height, width and channels of the images.
            num_classes: Number of classes.
        """
        from kerasclf.models import build, load_pretrained

        network = build(self.model, image_shape, num_classes, dict(self.model_args), source=self.model_source)
        if self.transfer is not None:
            load_pretrained(network, self.model, self.transfer.weights, top=self.transfer.head == "kept")
        return network

    def recipe(self, seed: int) -> "Recipe":
        """Returns the recipe of the training with one seed. Needs TensorFlow.

        Args:
            seed: Decides everything random.
        """
        from kerasclf.training.recipe import Recipe

        return Recipe(
            network=self.network,
            phases=self.phases,
            seed=seed,
            augmentation=self.augmentation,
            transfer=self.transfer,
            augment_validation=self.augment_validation,
            flaws=self.flaws,
            source=self.model_source,
        )

    @property
    def identity(self) -> str:
        """The first eight hexadecimal digits of the experiment's hash, part of the run folder's name."""
        return self.digest()[:8]
