"""`Transfer`: where an experiment's network gets its weights, and what is computed once."""

import re
from dataclasses import dataclass
from typing import Literal

from kerasclf.errors import did_you_mean
from kerasclf.values import Value

_CUT_FORMS = "'head', 'all', 'lastN' (the last N convolutional layers), 'stageK' (from stage K on) or 'from:LAYER'"
_CUT = re.compile(r"head|all|last\d+|stage\d+|from:.+")
_EXAMPLES = ("head", "all", *(f"stage{n}" for n in range(1, 8)), "last15", "last22", "last30")


def cut_problem(unfreeze: str) -> str | None:
    """Returns what is wrong with the form of a cut, or None; whether a network has it, is for the network to say."""
    if _CUT.fullmatch(unfreeze):
        return None
    return f"unfreeze: expected {_CUT_FORMS}. Received: {unfreeze!r}.{did_you_mean(unfreeze, _EXAMPLES)}"


@dataclass(frozen=True)
class Transfer(Value):
    """How an experiment begins with a network that knows something already.

    Args:
        weights: `"imagenet"`, `"none"` (random weights) or a file, as `kerasclf.models.load_pretrained` takes them.
        batch_norm: Whether the backbone's batch normalisation keeps the statistics and weights it came with
            (`"frozen"`: inference mode, also in layers that train) or learns with its layer (`"trained"`).
            `"auto"` freezes it where there are pretrained weights, and trains it in a network that begins at random.
        cache: `"auto"` computes what lies below a frozen cut once and keeps it on disk, where images do not change
            from epoch to epoch; `"off"` computes it anew at every step.
        views: Versions of each training image that are changed by the experiment's augmentation and kept; 0 keeps
            the image as it is, and does not use the cache where the experiment augments.
        engine: What computes them: `"tensorflow"`, `"openvino"`, or `"auto"`: OpenVINO where it is installed and
            there is no GPU.
    """

    weights: str = "imagenet"
    batch_norm: Literal["auto", "frozen", "trained"] = "auto"
    cache: Literal["auto", "off"] = "auto"
    views: int = 0
    engine: Literal["auto", "tensorflow", "openvino"] = "auto"

    def problems(self) -> list[str]:
        found = [] if self.views >= 0 else [f"views: expected at least 0. Received: {self.views}."]
        if not self.weights:
            found.append("weights: expected 'imagenet', 'none' or a file. Received: ''.")
        return found

    @property
    def freezes_batch_norm(self) -> bool:
        """Whether batch normalisation below the head runs in inference mode whatever trains."""
        return self.batch_norm == "frozen" or (self.batch_norm == "auto" and self.weights != "none")
