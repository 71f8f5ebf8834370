"""`Experiment`: everything a run depends on but its seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.training import TrainConfig
from kerasclf.values import Value

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Experiment(Value):
    """A frozen, hashable value that decides a run together with its seed.

    Args:
        data: A data set's spec, as `kerasclf.load_dataset` takes it.
        model: A name of the catalogue.
        model_args: Further arguments of the builder; given as a mapping, kept as sorted pairs.
        augmentation: Random changes and normalisation.
        train: How to train.
        split: How images are divided into parts.
        image_size: Height and width to resize folders and lists to, or to draw shapes at; None keeps theirs.
        augment_validation: Whether validation images are changed like training images: a flaw of some
            published studies, off in a sound one.
    """

    data: str = "shapes"
    model: str = "basenet"
    model_args: tuple[tuple[str, Any], ...] | Mapping[str, Any] = ()
    augmentation: Augmentation = field(default_factory=Augmentation)
    train: TrainConfig = field(default_factory=TrainConfig)
    split: Split = field(default_factory=Split)
    image_size: tuple[int, int] | None = None
    augment_validation: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.model_args, Mapping):
            object.__setattr__(self, "model_args", tuple(sorted(self.model_args.items())))
        super().__post_init__()

    def problems(self) -> list[str]:
        size = self.image_size
        if size is not None and (len(size) != 2 or min(size) < 1):
            return [f"image_size: expected (height, width) of at least 1 pixel, or None. Received: {size!r}."]
        return []

    def network(self, image_shape: tuple[int, int, int], num_classes: int) -> "keras.Model":
        """Builds the uncompiled network for images of this shape. Needs TensorFlow."""
        from kerasclf.models import build

        return build(self.model, image_shape, num_classes, dict(self.model_args))

    @property
    def identity(self) -> str:
        """Eight hexadecimal digits that differ between experiments; part of the run folder's name."""
        return self.digest()[:8]
