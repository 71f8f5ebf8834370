"""Which images the clean list leaves out."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from kerasclf.audit.findings_list import Finding
from kerasclf.audit.pooled_images import PooledImages
from kerasclf.data.groups import members_of

# Their images are left out. Odd images stay: they may be what the network will meet.
_WRONG = ("label_error",)


def left_out(
    images: PooledImages, findings: Iterable[Finding], duplicate_groups: Sequence[Sequence[int]]
) -> frozenset[int]:
    """Returns the positions of the images that the clean list leaves out.

    Probable label errors are left out. A group that lies in several sets keeps the images of the set that holds most
    of it. Of the other images, one of each group of duplicates stays: the first of the test set if there is one,
    otherwise of the validation set, otherwise of the training set. No duplicates stay if their labels differ.

    Args:
        images: All images.
        findings: The findings.
        duplicate_groups: Positions of images that show the same.
    """
    out = {finding.image for finding in findings if finding.kind in _WRONG and finding.image is not None}
    # Before the duplicates: the copy that stays must be one that its group keeps.
    out |= _outside_main_set(images)
    for group in duplicate_groups:
        if len({int(images.labels[index]) for index in group}) > 1:
            out.update(group)
            continue
        kept = max((index for index in group if index not in out), key=lambda i: (images.sets[i], -i), default=None)
        out.update(index for index in group if index != kept)
    return frozenset(out)


def _outside_main_set(images: PooledImages) -> set[int]:
    """Returns the images that lie in another set than most images of their group."""
    out = set[int]()
    for indices in members_of(images.groups).values():
        counts = Counter(np.asarray(images.sets)[indices].tolist())
        main = max(counts, key=lambda number: (counts[number], number))
        out.update(index for index in indices if images.sets[index] != main)
    return out
