"""What a phase trains: the whole model on images, or what lies above a frozen cut on activations that were kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras

from kerasclf.data import ImageDataset, Subset
from kerasclf.log import Log
from kerasclf.pipeline import Augmentation
from kerasclf.training.assembly import Built
from kerasclf.training.config import TrainConfig
from kerasclf.training.training_flaws import let_statistics_learn
from kerasclf.transfer.cuts import Counts
from kerasclf.transfer.frozen import Frozen
from kerasclf.transfer.settings import Transfer


@dataclass(frozen=True)
class PhaseInputs:
    """A model and the parts it takes.

    Args:
        model: From images, or from activations, to probabilities.
        train: Training images or activations.
        validation: Validation images or activations.
        augmentation: What is still to be done to them: nothing to activations.
        views: Versions of each training image that `train` holds; 0 where it holds each as it is.
        counts: Weights that train and that do not.
        frozen: What computed the activations; None for images.
        why_not: Why images are not replaced by activations; empty where they are, or where nothing is frozen.
        missing: Of a sample: activations that are not kept yet.
        extraction_s: Of a sample: seconds that it will take to compute these.
    """

    model: keras.Model
    train: Subset
    validation: Subset
    augmentation: Augmentation
    views: int
    counts: Counts
    frozen: Frozen | None
    why_not: str
    missing: int = 0
    extraction_s: float = 0.0

    @property
    def cache_mb(self) -> float:
        """What the missing activations will take on disk, in 10⁶ bytes."""
        return self.missing * self.frozen.kept.cache.row_bytes / 1e6 if self.frozen else 0.0

    def take(self, subset: Subset, log: Log) -> Subset:
        """Returns a part of images in the form that the model takes."""
        return subset if self.frozen is None else self.frozen.subset(subset, log)

    def in_words(self, phase: TrainConfig) -> str:
        """Returns what trains, on what."""
        on = f"on kept activations of {self.frozen.name}" if self.frozen else f"on images{self.why_not}"
        return (
            f"{phase.unfreeze}, {phase.epochs} epochs, {self.counts.trainable:,} weights train, "
            f"{self.counts.frozen:,} are frozen, {on}"
        )


def make_phase_inputs(
    built: Built,
    dataset: ImageDataset,
    phase: TrainConfig,
    augmentation: Augmentation,
    transfer: Transfer | None,
    log: Log,
    sample: int = 0,
    also_cache: Sequence[int] = (),
) -> PhaseInputs:
    """Freezes what a phase freezes, and computes what lies below where that is worth it.

    Args:
        built: The model.
        dataset: The images.
        phase: How it is trained.
        augmentation: Random changes of the images.
        transfer: What is frozen and kept; None for a network that begins at random.
        log: Is told of the progress.
        sample: Compute activations of so many images only and let them stand for all; 0 for all.
        also_cache: Points whose activations other phases or runs will want, as the network is now.

    Raises:
        KerasclfError: The network cannot be cut as the phase asks, or the disk has no room for the activations.
    """
    cuts = built.assembled.cuts
    transfer = transfer or Transfer(weights="none", cache="off")
    counts = cuts.freeze(phase.unfreeze, transfer.freezes_batch_norm)
    cut = cuts.cut_for(phase.unfreeze)
    learns = "batch_norm_learns" in built.flaws
    if learns:
        let_statistics_learn(cuts.network)
    why_not = "" if cut is None else _why_not(transfer, augmentation, learns)
    with built.strategy.scope():
        if cut is None:
            model = built.assembled.model
        else:
            model = built.assembled.through(cut, learns) if why_not else cuts.upper(cut)
    if cut is None or why_not:
        return PhaseInputs(model, dataset.train, dataset.validation, augmentation, 0, counts, None, why_not)
    frozen = built.frozen(cut, augmentation, transfer, also_cache)
    inputs = PhaseInputs(model, dataset.train, dataset.validation, Augmentation(), transfer.views, counts, frozen, "")
    if sample:
        (train, validation), seconds = frozen.sample((dataset.train, dataset.validation), sample)
        missing = _missing(frozen, transfer.views, dataset)
        return replace(
            inputs, train=train, validation=validation, views=0, missing=missing, extraction_s=seconds * missing
        )
    return replace(
        inputs,
        train=frozen.training_set(dataset.train, log),
        validation=frozen.subset(dataset.validation, log),
        frozen=frozen.after_training(),
    )


def _missing(frozen: Frozen, views: int, dataset: ImageDataset) -> int:
    others = frozen.missing(dataset.validation) + frozen.missing(dataset.test)
    return frozen.missing(dataset.train, views) + others


def _why_not(transfer: Transfer, augmentation: Augmentation, learns: bool) -> str:
    if learns:
        return " (batch normalisation learns in the frozen part: a flaw)"
    if transfer.cache == "off":
        return " (the cache is off)"
    if augmentation.is_random and not transfer.views:
        return " (augmentation changes them in every epoch; views keep some versions)"
    return ""
