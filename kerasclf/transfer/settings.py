"""`Transfer`: the pretrained weights of an experiment, and the cache of frozen activations."""

import re
from dataclasses import dataclass, field
from typing import Literal

from kerasclf.errors import did_you_mean, in_short
from kerasclf.values import LATER, Value

_UNFREEZE_FORMS = (
    "'head', 'all', 'last_stage', 'lastN' (the last N convolutional layers), 'stageK' (from stage K on) or 'from:LAYER'"
)
_UNFREEZE = re.compile(r"head|all|last_stage|last\d{1,9}|stage\d{1,9}|from:.+")
_EXAMPLES = ("head", "all", "last_stage", *(f"stage{n}" for n in range(1, 8)), "last15", "last22", "last30")


def unfreeze_problem(unfreeze: str) -> str | None:
    """Returns the problem with the form of an `unfreeze` setting, or None. It does not check the network."""
    if _UNFREEZE.fullmatch(unfreeze):
        return None
    # "last-10" and "Stage 5" name their number.
    numbered = re.fullmatch(r"(last|stage)\W*(\d+)", unfreeze.strip().lower())
    near = f" Did you mean '{''.join(numbered.groups())}'?" if numbered else did_you_mean(unfreeze, _EXAMPLES)
    return f"unfreeze: expected {_UNFREEZE_FORMS}. Received: {in_short(unfreeze)}.{near}"


@dataclass(frozen=True)
class Transfer(Value):
    """How an experiment starts from pretrained weights and caches the activations of frozen layers.

    Args:
        weights: `"imagenet"`, `"none"` (random weights) or a file that `kerasclf.models.load_pretrained` accepts.
        batch_norm: Batch normalisation of the backbone. `"frozen"` keeps its statistics and weights (inference mode),
            in trainable layers too; `"trained"` trains it with the layers around it. `"auto"` is `"frozen"` with
            pretrained weights and `"trained"` with random weights.
        cache: `"auto"` computes the activations below a frozen cut once and caches them on disk, unless images change
            from epoch to epoch. `"off"` computes them again at every step.
        views: Augmented versions of each training image whose activations are cached. 0 caches those of the image
            itself, and turns the cache off if the experiment augments. Needs a cache and a phase with frozen layers.
        engine: Library that computes the activations: `"tensorflow"` or `"openvino"`. `"auto"` is OpenVINO if it is
            installed and there is no GPU, otherwise TensorFlow.
        head: `"new"` starts the layers above the features from random weights. `"regression"` starts the output layer
            from logistic regression on the features of the training images, which few images need most. `"kept"`
            takes the layers from the file too, to continue the training of a saved model with the same classes.

    Example:
        >>> from kerasclf.transfer import Transfer
        >>> transfer = Transfer(weights="imagenet", views=4)
        >>> transfer.freezes_batch_norm
        True
        >>> transfer.but(weights="none").freezes_batch_norm
        False
    """

    weights: str = "imagenet"
    batch_norm: Literal["auto", "frozen", "trained"] = "auto"
    cache: Literal["auto", "off"] = "auto"
    views: int = 0
    engine: Literal["auto", "tensorflow", "openvino"] = "auto"
    head: Literal["new", "kept", "regression"] = field(default="new", metadata=LATER)

    def problems(self) -> list[str]:
        found = [] if self.views >= 0 else [f"views: expected at least 0. Received: {self.views}."]
        if not self.weights:
            found.append("weights: expected 'imagenet', 'none' or a file. Received: ''.")
        if self.head == "kept" and self.weights in ("imagenet", "none"):
            found.append(f"head: expected a file as weights with 'kept'. Received: {self.weights!r}.")
        if self.head == "regression" and self.cache == "off":
            found.append("head: expected the cache with 'regression', which reads the features there.")
        return found

    @property
    def freezes_batch_norm(self) -> bool:
        """Whether batch normalisation of the backbone always runs in inference mode, in trainable layers too."""
        return self.batch_norm == "frozen" or (self.batch_norm == "auto" and self.weights != "none")
