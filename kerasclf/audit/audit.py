"""`audit_images`: looks for duplicates, label errors, odd images, shortcuts and straddling groups in a data set."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.audit.clean_set import left_out
from kerasclf.audit.duplicates import NearDuplicates, equal_images, joined, near_duplicates
from kerasclf.audit.features import network_features, pixel_features
from kerasclf.audit.file_facts import FileFacts, read_file_facts
from kerasclf.audit.findings_list import KINDS, Finding
from kerasclf.audit.label_errors import LabelErrors, find_label_errors
from kerasclf.audit.odd_images import odd_images
from kerasclf.audit.pooled_images import PooledImages, measure
from kerasclf.audit.price import Price, price_of
from kerasclf.audit.shortcuts import Shortcut, find_shortcuts
from kerasclf.data.dataset import SETS
from kerasclf.data.groups import members_of
from kerasclf.errors import KerasclfError
from kerasclf.log import Log, Track, untracked
from kerasclf.wording import counted, in_words

if TYPE_CHECKING:
    from kerasclf.runs.experiment import Experiment


@dataclass(frozen=True)
class Audit:
    """The findings about a data set.

    Args:
        images: All images.
        findings: The findings, in the order of `KINDS`.
        duplicate_groups: Groups of equal images and near-duplicates, each as positions.
        near_threshold: The least correlation of near-duplicates.
        label_errors: The head whose predictions contradict labels.
        shortcuts: How well single facts predict the class.
        features: Name of the features, in words.
        facts: Sizes, lengths and cameras of the files; None for images without files.
        price: How the findings change the test accuracy; None if that is unknown.
        why_no_price: Why it could not be measured; empty if it was, or was not asked.
    """

    images: PooledImages
    findings: tuple[Finding, ...]
    duplicate_groups: tuple[tuple[int, ...], ...]
    near_threshold: float
    label_errors: LabelErrors
    shortcuts: tuple[Shortcut, ...]
    features: str
    facts: FileFacts | None = None
    price: Price | None = None
    why_no_price: str = ""

    @property
    def matters(self) -> bool:
        """Whether a finding matters, so that `kerasclf check` exits with 1."""
        return any(finding.matters for finding in self.findings)

    def of_kind(self, kind: str) -> list[Finding]:
        """Returns the findings of a kind."""
        return [finding for finding in self.findings if finding.kind == kind]

    @cached_property
    def left_out(self) -> frozenset[int]:
        """Positions of the images that `clean.csv` leaves out."""
        return left_out(self.images, self.findings, self.duplicate_groups)


def audit_images(
    images: PooledImages,
    experiment: "Experiment | None" = None,
    broken: Mapping[str, str] | None = None,
    log: Log = lambda line: None,
    track: Track = untracked,
    with_price: bool = False,
) -> Audit:
    """Audits the images of a data set.

    Args:
        images: The images.
        experiment: The training of a new head that names the pretrained network for the features; None for pixels.
        broken: Reason by name of each file that cannot be read.
        log: Receives progress messages, one line each.
        track: Shows the progress of the long steps.
        with_price: Whether to fit a head with and without the findings.
    """
    # First, as a network may be refused.
    deep = None if experiment is None else network_features(images, experiment, log)
    measured = measure(images, track)
    facts = read_file_facts(images.files, track) if images.files else None
    features = pixel_features(measured.small) if deep is None else deep
    title = "8×8 pixels" if experiment is None else experiment.model
    equal = equal_images(images.keys)
    near = near_duplicates(measured.small, images.keys, deep, track)
    groups = _duplicate_groups(equal, near, len(images))
    errors = find_label_errors(features, images.labels, _units(images, groups), track)
    found = [
        *(Finding("broken", None, note=reason, name=name) for name, reason in (broken or {}).items()),
        *_of_equal(images, equal),
        *_of_near(images, near),
        *_of_labels(images, errors),
        *_of_groups(images),
        *(Finding(*odd[:2], score=odd.score) for odd in odd_images(measured, facts.sizes if facts else None)),
    ]
    order = list(KINDS)
    audit = Audit(
        images=images,
        findings=tuple(sorted(found, key=lambda finding: order.index(finding.kind))),
        duplicate_groups=tuple(map(tuple, groups)),
        near_threshold=near.threshold,
        label_errors=errors,
        shortcuts=tuple(find_shortcuts(measured.color, facts, images.labels)),
        features=title,
        facts=facts,
    )
    if not with_price:
        return audit
    log("measuring the price of the findings")
    try:
        return replace(audit, price=price_of(features, images, audit.left_out))
    except KerasclfError as error:  # the findings are worth more than their price
        return replace(audit, why_no_price=str(error).removeprefix("price: "))


def _duplicate_groups(equal: Sequence[Sequence[int]], near: NearDuplicates, count: int) -> list[list[int]]:
    pairs = [(group[0], other) for group in equal for other in group[1:]]
    return joined([*pairs, *((pair.one, pair.other) for pair in near.pairs)], count)


def _units(images: PooledImages, groups: Sequence[Sequence[int]]) -> NDArray[Any]:
    """Returns what must stay together in a fold: the groups of the data set, or else the duplicates."""
    if images.groups:
        return np.array(images.groups)
    units = np.arange(len(images))
    for group in groups:
        units[group] = group[0]
    return units


def _across(images: PooledImages, one: int, other: int) -> bool:
    return bool(images.sets[one] != images.sets[other])


def _of_equal(images: PooledImages, equal: Sequence[Sequence[int]]) -> Iterator[Finding]:
    """Yields a finding for each image that equals an earlier one, or one of another label or set."""
    for first, *others in equal:
        for other in others:
            if images.labels[first] != images.labels[other]:
                note = f"{images.class_of(first)} and {images.class_of(other)}"
                yield Finding("conflicting_labels", other, first, 1.0, note)
            kind = "duplicate_across" if _across(images, first, other) else "duplicate"
            yield Finding(kind, other, first, 1.0)


def _of_near(images: PooledImages, near: NearDuplicates) -> Iterator[Finding]:
    for pair in sorted(near.pairs, key=lambda pair: -pair.score):
        kind = "near_across" if _across(images, pair.one, pair.other) else "near_duplicate"
        yield Finding(kind, pair.other, pair.one, pair.score)


def _of_labels(images: PooledImages, errors: LabelErrors) -> Iterator[Finding]:
    if not errors.is_reliable:
        return
    for image, predicted, score in zip(errors.images, errors.predicted, errors.scores, strict=True):
        yield Finding("label_error", int(image), None, float(score), images.dataset.class_names[predicted])


def _of_groups(images: PooledImages) -> Iterator[Finding]:
    """Yields a finding for the first image of each group that lies in several sets."""
    for group, indices in members_of(images.groups).items():
        sets = sorted({int(images.sets[index]) for index in indices})
        if len(sets) > 1:
            other = next(index for index in indices if images.sets[index] != images.sets[indices[0]])
            note = f"{group}: {counted(len(indices), 'image')} in {in_words([SETS[number] for number in sets])}"
            yield Finding("straddling_group", indices[0], other, math.nan, note)
