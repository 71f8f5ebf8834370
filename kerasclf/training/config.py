"""`TrainConfig`: how to train."""

import math
from dataclasses import dataclass, field, fields
from typing import Literal

from kerasclf.errors import unknown
from kerasclf.training.field_checks import MONITORS, at_least, unused_fields
from kerasclf.training.schedules import Schedule
from kerasclf.transfer.settings import cut_problem
from kerasclf.values import LATER, Value

# The arguments each optimizer of Keras takes beyond those that all of them take.
OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "adadelta": (),
    "adagrad": (),
    "adam": ("beta_1", "beta_2"),
    "adamax": ("beta_1", "beta_2"),
    "adamw": ("beta_1", "beta_2"),
    "lion": ("beta_1", "beta_2"),
    "nadam": ("beta_1", "beta_2"),
    "rmsprop": ("momentum",),
    "sgd": ("momentum", "nesterov"),
}

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
STRATEGIES = ("auto", "none", "mirrored")


@dataclass(frozen=True)
class EarlyStopping(Value):
    """Stops a training that no longer improves.

    Args:
        monitor: What must improve: `"val_accuracy"`, `"val_loss"`, `"accuracy"` or `"loss"`.
        patience: Epochs without improvement after which training stops.
        restore_best: Whether the weights of the best epoch are taken in the end.
    """

    monitor: str = "val_loss"
    patience: int = 5
    restore_best: bool = True

    def problems(self) -> list[str]:
        found = at_least(self, 1, "patience")
        if self.monitor not in MONITORS:
            found.append(unknown("monitor", self.monitor, MONITORS))
        return found


@dataclass(frozen=True)
class TrainConfig(Value):
    """How to train a network.

    Args:
        epochs: Passes over the training images, at most.
        batch_size: Images a step, over all devices together (the global batch size).
        optimizer: A name out of `OPTIMIZERS`.
        learning_rate: Peak learning rate; None takes Keras' default for the optimizer.
        momentum: For SGD and RMSprop.
        nesterov: For SGD.
        beta_1: First decay of Adam and its relatives; None takes Keras' default.
        beta_2: Second decay.
        layer_decay: Factor by which each stage of the network has a lower learning rate than the one after it, so
            that the layers near the input change least; 1 trains all alike.
        weight_decay: Decoupled weight decay on all weights; None for the optimizer's default.
        l2: Times each weight, added to its gradient: what PyTorch's SGD and Adam call weight decay.
        clip_norm: Greatest norm of all gradients together; None for no limit.
        schedule: How the learning rate changes.
        label_smoothing: Share of each label that is spread over all classes.
        class_weight: `"balanced"` weighs classes inversely to their number of training images; None weighs
            all alike.
        ema_momentum: Average the weights with this momentum and evaluate and save the average; None does not.
        early_stopping: When to stop before `epochs`; None never.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`; `"auto"` takes `"mixed_bfloat16"` where
            the machine is faster with it and `"float32"` elsewhere, so that results depend on the machine.
        jit: Compile the training step with XLA; `"auto"` leaves it to Keras.
        strategy: `"auto"` mirrors over all GPUs where there are several; `"none"` uses one device;
            `"mirrored"` mirrors over all devices of the best kind.
        unfreeze: What of a pretrained network trains: `"all"`, `"head"`, `"lastN"` (from the Nth last convolutional
            layer on), `"stageK"` (from stage K on) or `"from:LAYER"`. What lies below keeps its weights.
        steps_per_execution: Steps between two returns to Python; `"auto"` takes up to 16 where they are quick,
            with small images and few multiply-adds, and 1 elsewhere. Always 1 on several devices. Does not change
            what is computed.
        macro_f1: Whether the mean of the classes' F1 is followed over the epochs, too.
    """

    epochs: int = 30
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float | None = None
    momentum: float = 0.0
    nesterov: bool = False
    beta_1: float | None = None
    beta_2: float | None = None
    layer_decay: float = 1.0
    weight_decay: float | None = None
    clip_norm: float | None = None
    schedule: Schedule = field(default_factory=Schedule)
    label_smoothing: float = 0.0
    class_weight: Literal["balanced"] | None = None
    ema_momentum: float | None = None
    early_stopping: EarlyStopping | None = None
    precision: str = "float32"
    jit: bool | Literal["auto"] = "auto"
    strategy: str = "auto"
    unfreeze: str = "all"
    steps_per_execution: int | Literal["auto"] = "auto"
    l2: float = field(default=0.0, metadata=LATER)
    macro_f1: bool = field(default=False, metadata=LATER)

    def problems(self) -> list[str]:
        found = at_least(self, 1, "epochs", "batch_size")
        for name, known in (("precision", PRECISIONS), ("strategy", STRATEGIES), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                found.append(unknown(name, getattr(self, name), known))
        found += self._check_optimizer_fields()
        for name in ("learning_rate", "clip_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                found.append(f"{name}: expected a number above 0, or None. Received: {value}.")
        if not 0 < self.layer_decay <= 1:
            found.append(f"layer_decay: expected a number above 0 and up to 1. Received: {self.layer_decay}.")
        if self.weight_decay is not None and self.weight_decay < 0:
            found.append(f"weight_decay: expected a number of at least 0, or None. Received: {self.weight_decay}.")
        found += at_least(self, 0, "l2")
        for name in ("label_smoothing", "momentum", "ema_momentum", "beta_1", "beta_2"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                found.append(f"{name}: expected a number from 0 to below 1. Received: {value}.")
        if problem := cut_problem(self.unfreeze):
            found.append(problem)
        if self.steps_per_execution != "auto":
            found += at_least(self, 1, "steps_per_execution")
        if self.ema_momentum is not None and self.early_stopping and not self.early_stopping.restore_best:
            # Keras swaps averaged and plain weights at the last epoch, which early stopping forestalls.
            found.append("early_stopping.restore_best: needed with ema_momentum.")
        if self.schedule.warmup_epochs > self.epochs:
            found.append(f"schedule.warmup_epochs: expected at most the {self.epochs} epochs of the training.")
        return found

    def _check_optimizer_fields(self) -> list[str]:
        """A setting that the optimizer does not know would silently change nothing."""
        taken = OPTIMIZERS.get(self.optimizer)
        if taken is None:
            return []
        own = {name for names in OPTIMIZERS.values() for name in names}
        return unused_fields(
            self, f"optimizer {self.optimizer!r}", [f.name for f in fields(self) if f.name not in own] + list(taken)
        )
