"""`Experiment`: everything a run depends on but its seed."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kerasclf.data.splits import Split
from kerasclf.errors import unknown
from kerasclf.flaws import FLAWS
from kerasclf.log import Log
from kerasclf.pipeline import Augmentation
from kerasclf.training import TrainConfig
from kerasclf.transfer import Transfer
from kerasclf.values import LATER, Value

if TYPE_CHECKING:
    import keras

    from kerasclf.data import ImageDataset
    from kerasclf.models.weights.keras_files import Weights
    from kerasclf.training.recipe import Recipe


@dataclass(frozen=True)
class Experiment(Value):
    """A frozen, hashable value that decides a run together with its seed.

    Args:
        data: A data set's spec, as `kerasclf.load_dataset` takes it.
        model: A name of the catalogue.
        model_args: Further arguments of the builder; given as a mapping, kept as sorted pairs.
        augmentation: Random changes and normalisation.
        train: How to train.
        earlier_phases: How to train before that, phase by phase, each going on from the one before.
        transfer: Where a pretrained network's weights come from, and what is frozen and kept; None for a network
            that begins at random.
        split: How images are divided into parts.
        image_size: Height and width to resize folders and lists to, or to draw shapes at; None keeps theirs.
        augment_validation: Whether validation images are changed like training images: a flaw of some
            published studies, off in a sound one.
        flaws: Names out of `kerasclf.flaws.FLAWS` of what is done wrong on purpose; empty in a sound experiment.
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
    flaws: tuple[str, ...] = field(default=(), metadata=LATER)

    def __post_init__(self) -> None:
        if isinstance(self.model_args, Mapping):
            object.__setattr__(self, "model_args", tuple(sorted(self.model_args.items())))
        super().__post_init__()

    @property
    def phases(self) -> tuple[TrainConfig, ...]:
        """How it is trained, one after the other."""
        return (*self.earlier_phases, self.train)

    @property
    def epochs(self) -> int:
        """Epochs of all phases together, at most."""
        return sum(phase.epochs for phase in self.phases)

    def problems(self) -> list[str]:
        found, size = [], self.image_size
        if size is not None and (len(size) != 2 or min(size) < 1):
            found.append(f"image_size: expected (height, width) of at least 1 pixel, or None. Received: {size!r}.")
        for name in ("precision", "strategy"):
            if len({getattr(phase, name) for phase in self.phases}) > 1:
                found.append(f"earlier_phases: expected the same {name} in every phase; the network is built once.")
        if self.transfer is None and any(phase.unfreeze != "all" for phase in self.phases):
            found.append("unfreeze: expected a transfer, which says what weights the frozen part has.")
        if self.transfer is not None and self.transfer.views and not self.augmentation.changes_images:
            found.append("transfer.views: expected an augmentation that changes images; all views would be the same.")
        if self.transfer is not None and self.transfer.views and self.augmentation.mixes:
            found.append("transfer.views: mix_up and cut_mix mix images anew in every epoch; views cannot keep that.")
        return found + self._flaw_problems()

    def _flaw_problems(self) -> list[str]:
        found = [unknown("flaw", name, FLAWS) for name in self.flaws if name not in FLAWS]
        if len(set(self.flaws)) < len(self.flaws):
            found.append(f"flaws: expected each once. Received: {self.flaws!r}.")
        if "statistics_of_all" in self.flaws and not self.augmentation.centers:
            found.append(
                "statistics_of_all: expected an augmentation that is featurewise; nothing else has statistics."
            )
        if "batch_norm_learns" in self.flaws and self.transfer is None:
            found.append("batch_norm_learns: expected a transfer, of which a part is frozen.")
        return found

    def dataset(self, log: Log) -> "ImageDataset":
        """Loads the images, divided into parts, with the flaws of data that the experiment has.

        Args:
            log: Is told of the progress.
        """
        from kerasclf.data.data_flaws import spoil

        return spoil(self.source(log), self.flaws)

    def source(self, log: Log) -> "ImageDataset":
        """Loads the images, divided into parts, before any flaw."""
        from kerasclf.data import load_dataset

        return load_dataset(self.data, split=self.split, image_size=self.image_size, log=log)

    def network(
        self, image_shape: tuple[int, int, int], num_classes: int, found: "Weights | None" = None
    ) -> "keras.Model":
        """Builds the uncompiled network for images of this shape, with its pretrained weights. Needs TensorFlow.

        Args:
            image_shape: Height, width and channels.
            num_classes: Of the images.
            found: Its pretrained weights, where they were read already.
        """
        from kerasclf.models import build, load_pretrained

        network = build(self.model, image_shape, num_classes, dict(self.model_args))
        if self.transfer is not None:
            load_pretrained(network, self.model, self.transfer.weights, found=found)
        return network

    def recipe(self, seed: int, weights: "Weights | None" = None) -> "Recipe":
        """Returns how to train, for one seed. Needs TensorFlow.

        Args:
            seed: Decides everything random.
            weights: The pretrained weights, if they were read already.
        """
        from kerasclf.training.recipe import Recipe

        return Recipe(
            network=self.network if weights is None else functools.partial(self.network, found=weights),
            phases=self.phases,
            seed=seed,
            augmentation=self.augmentation,
            transfer=self.transfer,
            augment_validation=self.augment_validation,
            flaws=self.flaws,
        )

    @property
    def identity(self) -> str:
        """Eight hexadecimal digits that differ between experiments; part of the run folder's name."""
        return self.digest()[:8]
