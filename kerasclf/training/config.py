"""`TrainConfig`: the settings of a training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from kerasclf.errors import unknown
from kerasclf.training.field_checks import MONITORS, at_least, unused_fields
from kerasclf.training.optimizers.schedules import Schedule
from kerasclf.transfer.settings import unfreeze_problem
from kerasclf.values import LATER, Value

# The arguments of each Keras optimizer, without those that all optimizers share.
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

# Keras' default learning rate of SGD, and of all other optimizers.
_SGD_RATE, _OTHER_RATE = 0.01, 0.001

# The settings that correct the unequal shares of the classes. The focal loss is none: it goes by the single image.
PRIOR_REMEDIES = ("class_weight", "oversampling", "logit_adjustment")

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
STRATEGIES = ("auto", "none", "mirrored", "multiworker")


@dataclass(frozen=True)
class EarlyStopping(Value):
    """When to stop a training that no longer improves.

    Args:
        monitor: Metric that must improve: `"val_accuracy"`, `"val_loss"`, `"accuracy"` or `"loss"`.
        patience: Epochs without improvement after which training stops.
        restore_best: Whether to restore the weights of the best epoch at the end.
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
        epochs: Maximum number of passes over the training images.
        batch_size: Images per step, all devices together (the global batch size).
        optimizer: A key of `OPTIMIZERS`.
        learning_rate: Peak learning rate; None uses Keras' default for the optimizer.
        momentum: Momentum of SGD and RMSprop.
        nesterov: Whether SGD uses Nesterov momentum.
        beta_1: Decay of the first moment in Adam and its relatives; None uses Keras' default.
        beta_2: Decay of the second moment; None uses Keras' default.
        layer_decay: Factor between the learning rate of a stage and that of the stage above it. Layers near the input
            change least; 1 trains all layers alike.
        weight_decay: Decoupled weight decay of all weights; None uses the optimizer's default.
        l2: Factor of each weight that is added to its gradient. PyTorch's SGD and Adam call this weight decay.
        clip_norm: Maximum norm of all gradients together; None for no limit.
        schedule: How the learning rate changes.
        label_smoothing: Share of each label that is spread over all classes.
        loss: `"crossentropy"`, or `"focal"`, which gives less weight to images that are predicted well (Lin et al.
            2017).
        focal_gamma: Exponent of the focal loss; 0 is cross-entropy.
        class_weight: `"balanced"` weighs classes inversely to their number of training images; None weighs
            all images alike.
        oversampling: `"balanced"` repeats training images in each epoch until all classes have as many as the
            largest; None shows each image once.
        logit_adjustment: Factor τ of the logarithms of the classes' shares, which the training loss adds to the
            logits (Menon et al. 2021); 1 aims at balanced accuracy. The saved network predicts without them.
        ema_momentum: Momentum of an exponential average of the weights, which is evaluated and saved; None for the
            weights themselves.
        early_stopping: When to stop before `epochs`; None trains all epochs.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`. `"auto"` is `"mixed_bfloat16"` if the machine
            is faster with it, otherwise `"float32"`: results then depend on the machine.
        jit: Whether XLA compiles the training step; `"auto"` leaves the choice to Keras.
        strategy: `"auto"` mirrors over all GPUs if there are several; `"none"` uses one device; `"mirrored"` mirrors
            over all GPUs, or over all logical CPU devices if there is no GPU; `"multiworker"` uses the workers that
            `kerasclf launch` has started, one device each, as does `"auto"` there.
        unfreeze: The part of a network that trains: `"all"`, `"head"`, `"last_stage"`, `"lastN"` (the last N
            convolutional layers), `"stageK"` (from stage K on) or `"from:LAYER"`. The layers below keep their weights.
        steps_per_execution: Steps between two returns to Python. `"auto"` takes up to 16 quick steps (small images,
            few multiply-adds), otherwise 1. Several devices always take 1. The results do not depend on it.
        macro_f1: Whether the history includes the mean F1 of the classes.

    Example:
        >>> from kerasclf import TrainConfig
        >>> from kerasclf.training import EarlyStopping, Schedule
        >>> config = TrainConfig(epochs=50, schedule=Schedule("cosine"), early_stopping=EarlyStopping(patience=3))
        >>> config.but(optimizer="sgd", momentum=0.9).momentum
        0.9
        >>> TrainConfig.from_dict(config.to_dict()) == config
        True
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
    loss: Literal["crossentropy", "focal"] = field(default="crossentropy", metadata=LATER)
    focal_gamma: float = field(default=2.0, metadata=LATER)
    oversampling: Literal["balanced"] | None = field(default=None, metadata=LATER)
    logit_adjustment: float = field(default=0.0, metadata=LATER)

    @property
    def peak_learning_rate(self) -> float:
        """The requested learning rate, or Keras' default for the optimizer."""
        if self.learning_rate is not None:
            return self.learning_rate
        return _SGD_RATE if self.optimizer == "sgd" else _OTHER_RATE

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
        found += at_least(self, 0, "l2", "focal_gamma", "logit_adjustment")
        found += self._check_imbalance_fields()
        for name in ("label_smoothing", "momentum", "ema_momentum", "beta_1", "beta_2"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                found.append(f"{name}: expected a number from 0 to below 1. Received: {value}.")
        if problem := unfreeze_problem(self.unfreeze):
            found.append(problem)
        if self.steps_per_execution != "auto":
            found += at_least(self, 1, "steps_per_execution")
        if self.ema_momentum is not None and self.early_stopping and not self.early_stopping.restore_best:
            # Keras swaps averaged and plain weights at the last epoch, but early stopping skips that epoch.
            found.append("early_stopping.restore_best: expected True with `ema_momentum`. Received: False.")
        return found + self._check_schedule()

    def _check_schedule(self) -> list[str]:
        """Returns a problem for a warm-up longer than the training, and for a rate that rises instead of falling."""
        found, final, peak = [], self.schedule.final_learning_rate, self.peak_learning_rate
        if self.schedule.warmup_epochs > self.epochs:
            found.append(
                f"schedule.warmup_epochs: expected at most the {self.epochs} epochs of the training. "
                f"Received: {self.schedule.warmup_epochs:g}."
            )
        # "plateau" would never lower a rate that is its final one. The others keep it constant.
        if final > peak or (final == peak and self.schedule.name == "plateau"):
            found.append(
                f"schedule.final_learning_rate: expected less than the learning rate, {peak:g}. Received: {final:g}."
            )
        return found

    def _check_imbalance_fields(self) -> list[str]:
        """Returns a problem for two remedies of one fault, and for a setting of a loss that is not used."""
        first, *others = [name for name in PRIOR_REMEDIES if getattr(self, name)] or [""]
        found = [
            f"{other}: expected none with `{first}`. Each of them corrects the shares of the classes, and two correct "
            f"them twice. Received: {getattr(self, other)!r}."
            for other in others
        ]
        if self.loss != "focal" and self.focal_gamma != 2.0:
            found.append(f"focal_gamma: expected `loss` to be 'focal'. Received: {self.loss!r}.")
        return found

    def _check_optimizer_fields(self) -> list[str]:
        """Returns a problem for each setting that the optimizer would silently ignore."""
        arguments = OPTIMIZERS.get(self.optimizer)
        if arguments is None:
            return []
        specific = {name for names in OPTIMIZERS.values() for name in names}
        shared = [f.name for f in fields(self) if f.name not in specific]
        return unused_fields(self, f"optimizer {self.optimizer!r}", [*shared, *arguments])


def best_epoch(rows: Sequence[Mapping[str, float]], early_stopping: EarlyStopping | None, phases: int = 1) -> int:
    """Returns the epoch, from 1, whose weights a training ends with.

    It is the last one, unless early stopping restores the best epoch of the last phase.

    Args:
        rows: The history, one row per epoch. With several phases, each row has the key phase, from 1.
        early_stopping: How the last phase stops early; None if it does not.
        phases: Number of phases.
    """
    last = [number for number, row in enumerate(rows, 1) if row.get("phase", 1) == phases]
    if early_stopping is None or not early_stopping.restore_best or not last:
        return len(rows)
    monitor = early_stopping.monitor
    choose = max if monitor.endswith("accuracy") else min
    return choose(last, key=lambda number: rows[number - 1][monitor])
