"""`Recipe`: everything that decides a training except the images."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kerasclf.pipeline import Augmentation
from kerasclf.training.config import TrainConfig
from kerasclf.transfer import Transfer

if TYPE_CHECKING:
    import keras

NetworkFactory = Callable[[tuple[int, int, int], int], "keras.Model"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training except the images. The same recipe and images give the same weights.

    Args:
        network: Builds the uncompiled network from the image shape (height, width, channels) and the number of classes.
        phases: How to train, phase by phase. Each phase continues with the weights of the phase before.
        seed: Decides initial weights, order, augmentation and dropout.
        augmentation: Random changes of the training images, and the normalisation of all images.
        transfer: Pretrained weights and their cache; None for a network with random weights.
        augment_validation: Whether validation images are augmented too, a flaw of some published studies.
        flaws: Names from `kerasclf.flaws.FLAWS`. The flaws of data belong to the data set, not to the recipe.
        source: SHA-256 of the source file of your own network, whose layers may compute anything. It names the cached
            activations.
    """

    network: NetworkFactory
    phases: tuple[TrainConfig, ...]
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    transfer: Transfer | None = None
    augment_validation: bool = False
    flaws: tuple[str, ...] = ()
    source: str | None = None

    @property
    def last(self) -> TrainConfig:
        """The last phase, which decides the final weights."""
        return self.phases[-1]

    @property
    def fits_head(self) -> bool:
        """Whether the output layer starts from logistic regression."""
        return self.transfer is not None and self.transfer.head == "regression"

    @property
    def epochs(self) -> int:
        """Maximum number of epochs, all phases together."""
        return sum(phase.epochs for phase in self.phases)
