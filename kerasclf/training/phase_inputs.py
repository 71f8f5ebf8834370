"""The inputs of a phase: the whole model on images, or the part above a frozen cut on cached activations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras

from kerasclf.data import ImageDataset, Subset
from kerasclf.log import Log
from kerasclf.pipeline import Augmentation
from kerasclf.training.assembly import Built
from kerasclf.training.config import TrainConfig
from kerasclf.training.extractor import freeze_below
from kerasclf.training.recipe import Recipe
from kerasclf.training.training_flaws import let_statistics_learn
from kerasclf.transfer.cuts import Counts
from kerasclf.transfer.frozen import Frozen
from kerasclf.transfer.samples import Samples
from kerasclf.transfer.settings import Transfer
from kerasclf.transfer.shared_extraction import ALONE
from kerasclf.wording import counted

_FROM_RANDOM_WEIGHTS = Transfer(weights="none", cache="off")


@dataclass(frozen=True)
class PhaseInputs:
    """The model of a phase and the sets that it takes.

    Args:
        model: From images or activations to probabilities.
        train: Training images or activations.
        validation: Validation images or activations.
        augmentation: The random changes still to be made; none for activations.
        views: Versions of each training image that `train` holds; 0 if it holds the images themselves.
        counts: Numbers of trainable and frozen weights.
        frozen: The part that computed the activations; None for images.
        reason: Why images are not replaced by activations; empty if they are, or if nothing is frozen.
        missing: For a sample: the number of activations that are not cached yet.
        extraction_s: For a sample: the seconds that computing them will take.
    """

    model: keras.Model
    train: Subset
    validation: Subset
    augmentation: Augmentation
    views: int
    counts: Counts
    frozen: Frozen | None
    reason: str
    missing: int = 0
    extraction_s: float = 0.0

    @property
    def cache_mb(self) -> float:
        """Disk space of the missing activations, in 10⁶ bytes."""
        return self.missing * self.frozen.point.cache.row_bytes / 1e6 if self.frozen else 0.0

    def convert(self, subset: Subset, log: Log) -> Subset:
        """Returns a set of images in the form that the model takes. This process computes what is missing."""
        return subset if self.frozen is None else replace(self.frozen, workers=ALONE).subset(subset, log)

    def extract_together(self, subset: Subset, log: Log) -> None:
        """Computes the activations of a set on all workers, which all call it. Does nothing without workers."""
        if self.frozen is not None and self.frozen.workers.count > 1:
            self.frozen.subset(subset, log)

    def describe(self, phase: TrainConfig) -> str:
        """Returns what trains, and on what, for the log."""
        on = f"on cached activations of {self.frozen.name}" if self.frozen else f"on images{self.reason}"
        return (
            f"{phase.unfreeze}, {counted(phase.epochs, 'epoch')}, {self.counts.trainable:,} trainable weights, "
            f"{self.counts.frozen:,} frozen, {on}"
        )


def make_phase_inputs(
    built: Built,
    dataset: ImageDataset,
    phase: TrainConfig,
    log: Log = lambda line: None,
    samples: Samples | None = None,
    also_cache: Sequence[int] = (),
) -> PhaseInputs:
    """Freezes what a phase freezes, and computes the activations at the cut if that saves time.

    Args:
        built: The model.
        dataset: The images.
        phase: How to train.
        log: Receives progress messages.
        samples: Activations of a few images, which are repeated for the others; None computes all activations.
        also_cache: Cuts whose activations other phases or runs will need, for the weights that the network has now.

    Raises:
        KerasclfError: If the network has no such cut, or the disk has no room for the activations.
    """
    recipe, cuts = built.recipe, built.assembled.cuts
    transfer = recipe.transfer or _FROM_RANDOM_WEIGHTS
    counts = cuts.freeze(phase.unfreeze, transfer.freezes_batch_norm)
    learns = "batch_norm_learns" in recipe.flaws
    if learns:
        let_statistics_learn(cuts.network)
    cut = cuts.cut_for(phase.unfreeze)
    reason = "" if cut is None else _reason_for_images(recipe, transfer)
    with built.strategy.scope():
        if cut is None:
            model = built.assembled.model
        else:
            model = built.assembled.through(cut, learns) if reason else cuts.upper(cut)
    inputs = PhaseInputs(
        model=model,
        train=dataset.train,
        validation=dataset.validation,
        augmentation=recipe.augmentation,
        views=0,
        counts=counts,
        frozen=None,
        reason=reason,
    )
    if cut is None or reason:
        return inputs
    frozen = freeze_below(built, cut, transfer, also_cache)
    inputs = replace(inputs, augmentation=Augmentation(), views=transfer.views, frozen=frozen)
    return _extracted(inputs, dataset, log) if samples is None else _sampled(inputs, dataset, samples)


def _extracted(inputs: PhaseInputs, dataset: ImageDataset, log: Log) -> PhaseInputs:
    """Replaces images by their activations, which are computed unless they are cached."""
    assert inputs.frozen is not None
    return replace(
        inputs,
        train=inputs.frozen.training_set(dataset.train, log),
        validation=inputs.frozen.subset(dataset.validation, log),
        frozen=inputs.frozen.after_training(),
    )


def _sampled(inputs: PhaseInputs, dataset: ImageDataset, samples: Samples) -> PhaseInputs:
    """Replaces images by the repeated activations of a few, and estimates the cost of computing them all."""
    assert inputs.frozen is not None
    frozen = inputs.frozen
    sample = samples.of(frozen, dataset.train)
    train, validation = sample.repeated(dataset.train), sample.repeated(dataset.validation)
    others = frozen.missing(dataset.validation) + frozen.missing(dataset.test)
    missing = frozen.missing(dataset.train, inputs.views) + others
    extraction_s = sample.seconds(missing)
    return replace(inputs, train=train, validation=validation, views=0, missing=missing, extraction_s=extraction_s)


def _reason_for_images(recipe: Recipe, transfer: Transfer) -> str:
    """Returns why a frozen network must see images in every epoch; the empty string if activations will do."""
    if "batch_norm_learns" in recipe.flaws:
        return " (batch normalisation learns in the frozen part: a flaw)"
    if transfer.cache == "off":
        return " (the cache is off)"
    if recipe.augmentation.is_random and not transfer.views:
        return " (augmentation changes them in every epoch; `views` would cache some versions)"
    return ""
