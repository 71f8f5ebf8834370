"""The options for classes with unequal numbers of images."""

from dataclasses import dataclass, fields
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class ImbalanceOptions:
    """How to train on classes of unequal size. A setting without a value stays as it is."""

    class_weight: Literal["balanced", "none"] | None = None
    """balanced: weigh each class inversely to its number of training images. Give this, --oversampling or
    --logit-adjustment, not two of them."""
    oversampling: Literal["balanced", "none"] | None = None
    """balanced: repeat training images in each epoch until all classes have as many as the largest. Validation and test
    images are never repeated."""
    logit_adjustment: float | None = None
    """Factor of the logarithms of the classes' shares, which the training loss adds to the logits. 1 aims at balanced
    accuracy. The saved model predicts without them. Default: 0, for none."""
    loss: Literal["crossentropy", "focal"] | None = None
    """focal gives less weight to images that are predicted well. Default: crossentropy."""
    focal_gamma: float | None = None
    """With --loss focal: its exponent. Default: 2."""

    def training_changes(self) -> dict[str, Any]:
        """Returns the fields of `TrainConfig` that the options set."""
        given = {field.name: getattr(self, field.name) for field in fields(ImbalanceOptions)}
        return {name: None if value == "none" else value for name, value in given.items() if value is not None}
